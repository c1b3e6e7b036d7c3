//! What is shown to a registry.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;

use crate::docker::{Kept, Logins};
use crate::error::Error;
use crate::server::Server;

/// Something that says who asks, or nothing. What it is stays out of every message.
#[derive(Clone)]
pub struct Credential(Option<HeaderValue>);

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no token: one line without spaces is needed")]
pub struct InvalidToken;

impl Credential {
    /// Nothing: it is asked as somebody who did not log in.
    pub const NOTHING: Self = Self(None);

    /// A token. A line break at its end does not count.
    ///
    /// # Errors
    /// It cannot be one.
    pub fn token(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() || !text.chars().all(|character| character.is_ascii_graphic()) {
            return Err(InvalidToken);
        }
        Self::header(&format!("Bearer {text}")).ok_or(InvalidToken)
    }

    /// What `docker login` has left in docker's own file for `server`; nothing if there is none. `directory` is where docker keeps
    /// its configuration.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_docker(directory: &Path, server: &Server) -> Result<Self, Error> {
        let kept = Logins::of_docker(directory).in_file(server.authority())?;
        // A token in place of a password is good at the token service alone.
        let Some((username, password)) = kept.as_ref().and_then(Kept::pair) else { return Ok(Self::NOTHING) };
        let value = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
        Ok(Self::header(&value).unwrap_or(Self::NOTHING))
    }

    pub(crate) fn value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }

    fn header(text: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(Self(Some(value)))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Credential(…)" } else { "Credential(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_and_is_not_shown() {
        let token = Credential::token("ept_secret\n").unwrap();
        assert_eq!(token.value().unwrap(), "Bearer ept_secret");
        assert!(!format!("{token:?} {:?}", token.value()).contains("secret"));
        for text in ["", "\n", "two words", "two\nlines", "é"] {
            assert_eq!(Credential::token(text).err(), Some(InvalidToken), "{text:?}");
        }
    }
}

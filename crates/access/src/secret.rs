//! Secrets that are made here: tokens and the codes of links. 256 random bits, of which only the hash is kept.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use crate::Error;

const BYTES: usize = 32;
/// What every token begins with, so that one is recognized where it does not belong.
const PREFIX: &str = "ept_";

/// A secret as it is shown once. It prints nothing by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What is kept of it. A guess cannot be checked faster than 256 random bits allow, so no slow hash is needed.
pub(crate) type SecretHash = [u8; 32];

impl Secret {
    /// A new token.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn token() -> Result<Self, Error> {
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<BYTES>()?))))
    }

    /// A new secret that is not shown as a token: of a link.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn bare() -> Result<Self, Error> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<BYTES>()?)))
    }

    /// Whether a text has the form of a token; it says nothing of whether it is one.
    pub fn is_token(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// What is kept of a text that somebody gave for a secret.
    pub(crate) fn hash_of(text: &str) -> SecretHash {
        Sha256::digest(text.as_bytes()).into()
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> SecretHash {
        Self::hash_of(&self.0)
    }

    /// The text, to be shown to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// It has none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| Error::Internal(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_do_not_print() {
        let (a, b) = (Secret::token().unwrap(), Secret::token().unwrap());
        assert_ne!(a.reveal(), b.reveal());
        assert!(Secret::is_token(a.reveal()) && a.reveal().len() == 4 + 43);
        assert_eq!(Secret::hash_of(a.reveal()), a.hash());
        assert_eq!(format!("{a:?}"), "(secret)");
    }
}

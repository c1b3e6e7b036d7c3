//! Texts that must not be shown.

use std::fmt;

/// A password or the like. It has no way to be printed but [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Keeps `text` from view.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_nothing() {
        let secret = Secret::new("s3cret");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("s3cret"));
        assert_eq!(secret.expose(), "s3cret");
    }
}

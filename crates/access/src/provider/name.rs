//! What a provider is called here.

use std::fmt;
use std::str::FromStr;

use crate::elsewhere::OIDC;

/// Longest name in bytes.
const MAX: usize = 32;

/// The name of a provider: small letters and digits, the first a letter. It is part of addresses, of environment variables and of the
/// source of its people, so it has none of what separates their parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProviderName(Box<str>);

/// A text that is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a provider is up to {MAX} characters of a-z and 0-9, the first a letter")]
pub struct InvalidProviderName;

impl ProviderName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its people and groups are known from.
    pub fn source(&self) -> String {
        format!("{OIDC}{}", self.0)
    }

    /// Whether people or groups can be known from `source`, and it is a provider.
    pub(crate) fn is_source(source: &str) -> bool {
        source.strip_prefix(OIDC).is_some_and(|name| name.parse::<Self>().is_ok())
    }

    /// Where it sends browsers back to, below the address of the registry.
    pub fn callback_path(&self) -> String {
        format!("/login/oidc/{}/callback", self.0)
    }
}

impl FromStr for ProviderName {
    type Err = InvalidProviderName;

    fn from_str(text: &str) -> Result<Self, InvalidProviderName> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        if plain && begins && text.len() <= MAX { Ok(Self(text.into())) } else { Err(InvalidProviderName) }
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_nothing_that_separates() {
        for text in ["acme", "a", "acme2", &"a".repeat(MAX)] {
            assert_eq!(text.parse::<ProviderName>().unwrap().as_str(), text);
            assert!(ProviderName::is_source(&format!("oidc:{text}")));
        }
        for text in ["", "2acme", "Acme", "acme_two", "acme-two", "acme.two", "acme/two", "ä", &"a".repeat(MAX + 1)] {
            assert_eq!(text.parse::<ProviderName>(), Err(InvalidProviderName), "{text}");
            assert!(!ProviderName::is_source(&format!("oidc:{text}")));
        }
        assert!(!ProviderName::is_source("acme") && !ProviderName::is_source("ldap"));
    }
}

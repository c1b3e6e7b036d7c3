//! Names of repositories and tags, and references to manifests (distribution-spec, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, InvalidDigest};

/// Longest repository name in bytes: with the host in front, clients stop at 255.
pub const MAX_REPOSITORY_NAME: usize = 255;
/// The namespace of repositories whose name has one component.
pub const LIBRARY: &str = "library";
/// Longest tag in bytes.
pub const MAX_TAG: usize = 128;

/// The name of a repository: components of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, joined by `/`, 255 bytes at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Box<str>);

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

/// What follows `/manifests/`: a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that can move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

/// A text that is no repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository name is up to 255 characters of a-z and 0-9 in parts joined by '/', with single '.', one or two '_' or any number of '-' between them"
)]
pub struct InvalidName;

/// A text that is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag is up to 128 characters of a-z, A-Z, 0-9, '_', '.' and '-', and does not begin with '.' or '-'")]
pub struct InvalidTag;

/// A text that is neither a tag nor a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// It has no colon, so it was meant as a tag.
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// It has a colon, so it was meant as a digest.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl RepositoryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace that it belongs to: its first component, if it has others, or the registry's own.
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or(LIBRARY, |(first, _)| first)
    }
}

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One path component: alphanumeric runs with a separator between each two.
fn is_component(text: &[u8]) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (text.first(), text.last()) else {
        return false;
    };
    alphanumeric(first)
        && alphanumeric(last)
        && text
            .split(alphanumeric)
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = text.len() <= MAX_REPOSITORY_NAME && text.as_bytes().split(|b| *b == b'/').all(is_component);
        if valid { Ok(Self(text.into())) } else { Err(InvalidName) }
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = text.len() <= MAX_TAG
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        if valid { Ok(Self(text.into())) } else { Err(InvalidTag) }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_grammar() {
        let longest = "a".repeat(255);
        let longer = "a".repeat(256);
        let good = ["a", "a/b", "a__b", "a--b", "a---b", "a.b", "a_b", "0", "library/hello-world", "a/b/c/d", &longest];
        let bad = [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", ".a", "a.", "_a", "a/_b", "ä",
            "a b", "a-_b", "a:b", "a@b", "a\n", &longer,
        ];
        for text in good {
            assert!(text.parse::<RepositoryName>().is_ok(), "{text:?}");
        }
        for text in bad {
            assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn tags_follow_the_grammar() {
        let longest = "a".repeat(128);
        let longer = "a".repeat(129);
        for text in ["a", "_", "1.0", "A-b_c.d", "latest", "_.-", &longest] {
            assert!(text.parse::<Tag>().is_ok(), "{text:?}");
        }
        for text in ["", ".a", "-a", "a/b", "a:b", "ä", "a b", "a\0", &longer] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_colon_makes_a_digest() {
        assert!(matches!("latest".parse(), Ok(Reference::Tag(_))));
        assert!(matches!("sha256:abc".parse::<Reference>(), Err(InvalidReference::Digest(_))));
    }
}

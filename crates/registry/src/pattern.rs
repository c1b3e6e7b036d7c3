//! Patterns of repository names and of tags.

use std::fmt;
use std::str::FromStr;

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 255;

/// A text in which each `*` stands for any characters, none and slashes included: `acme/*`, `acme/web-*`, `v*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

/// A text that is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern is 1 to 255 characters of names and tags (a-z, A-Z, 0-9, '.', '_', '-', '/'), and '*' for any of them"
)]
pub struct InvalidPattern;

impl Pattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return &*self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let mut parts = rest.split('*');
        // There is a last part: split gives at least one.
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            // The leftmost place leaves most for the others.
            let Some(at) = text.find(part) else { return false };
            text = &text[at + part.len()..];
        }
        text.ends_with(last)
    }

    /// Whether it can only match repositories of this namespace.
    pub fn is_within(&self, namespace: &str) -> bool {
        self.0.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"._-/*".contains(&b);
        let valid = !text.is_empty() && text.len() <= MAX_PATTERN && text.bytes().all(known);
        if valid { Ok(Self(text.into())) } else { Err(InvalidPattern) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching() {
        for (pattern, text, matches) in [
            ("acme/app", "acme/app", true),
            ("acme/app", "acme/app2", false),
            ("acme/*", "acme/app", true),
            ("acme/*", "acme/a/b", true),
            ("acme/*", "acme", false),
            ("acme/*", "acme2/app", false),
            ("acme/web-*", "acme/web-1", true),
            ("acme/web-*", "acme/web-", true),
            ("acme/*-web", "acme/a-web", true),
            ("acme/*-web", "acme/a-web2", false),
            ("*", "anything/at/all", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axcxb", false),
            ("**", "x", true),
            ("v*", "v1.2", true),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_stays_within_its_namespace() {
        for (pattern, within) in
            [("acme/*", true), ("acme/app", true), ("acme*", false), ("*", false), ("acme2/*", false)]
        {
            assert_eq!(pattern.parse::<Pattern>().unwrap().is_within("acme"), within, "{pattern}");
        }
        assert!("acme/ app".parse::<Pattern>().is_err());
        assert!("".parse::<Pattern>().is_err());
    }
}

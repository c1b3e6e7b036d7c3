//! What a claim has to be like.

use std::fmt;
use std::str::FromStr;

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1024;
/// The most wildcards in one pattern.
const MAX_WILDCARDS: usize = 16;

/// A text to compare with, byte by byte, or a glob: `*` stands for any characters but `/`, `**` for any at all, both also for
/// none. Every other character stands for itself.
///
/// `acme/*` matches `acme/app` and not `acme/app/x`, and `refs/heads/**` matches `refs/heads/a/b`. A `*` beside other text
/// matches what begins or ends alike: `acme*` matches `acme-of-somebody-else`, so put it behind a `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `*`
    Segment,
    /// `**`
    Anything,
}

/// A text that is no [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It has more than 1,024 bytes or 16 wildcards.
    #[error("it has more than {MAX_BYTES} bytes or {MAX_WILDCARDS} wildcards")]
    TooLong,
    /// It has a character that nobody sees.
    #[error("it has a control character")]
    Control,
    /// It has three stars in a row.
    #[error("there are * and **, and nothing longer")]
    Stars,
}

impl Pattern {
    /// Whether a claim's text is like this. Takes time in proportion to the product of both lengths at most.
    pub fn matches(&self, text: &str) -> bool {
        let text = text.as_bytes();
        // reached[n]: the pieces so far match the first n bytes.
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for piece in &self.pieces {
            reached = piece.advance(&reached, text);
        }
        reached[text.len()]
    }

    /// Whether there is nothing in it but wildcards and what is between them.
    pub(super) fn matches_everything(&self) -> bool {
        self.text.bytes().all(|byte| matches!(byte, b'*' | b'/'))
    }

    /// Whether it says who is meant: without wildcards, or with all before the first `/` written out. `acme*` does not: it
    /// matches whoever calls themselves `acme-something`.
    pub(super) fn names_an_owner(&self) -> bool {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text.contains('/') || self.exact().is_some(),
            _ => false,
        }
    }

    /// The same with every `*` as `**`.
    pub(super) fn widened(&self) -> Self {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Segment => Piece::Anything,
            other => other.clone(),
        });
        Self { text: self.text.clone(), pieces: pieces.collect() }
    }

    /// The same in lower case.
    pub(super) fn lower(&self) -> Self {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Piece::Text(text.to_lowercase()),
            other => other.clone(),
        });
        Self { text: self.text.to_lowercase(), pieces: pieces.collect() }
    }

    /// The text, if there is no wildcard in it.
    pub(super) fn exact(&self) -> Option<&str> {
        matches!(self.pieces[..], [Piece::Text(_)]).then_some(&self.text)
    }
}

impl Piece {
    /// The places behind this piece, given those before it.
    fn advance(&self, reached: &[bool], text: &[u8]) -> Vec<bool> {
        let mut next = vec![false; reached.len()];
        match self {
            Self::Text(wanted) => {
                for from in (0..reached.len()).filter(|from| reached[*from]) {
                    if text[from..].starts_with(wanted.as_bytes()) {
                        next[from + wanted.len()] = true;
                    }
                }
            }
            Self::Segment | Self::Anything => {
                for place in 0..reached.len() {
                    let passes = |byte: u8| *self == Self::Anything || byte != b'/';
                    next[place] = reached[place] || (place > 0 && next[place - 1] && passes(text[place - 1]));
                }
            }
        }
        next
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidPattern::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(InvalidPattern::Control);
        }
        let pieces = pieces(text)?;
        if pieces.iter().filter(|piece| !matches!(piece, Piece::Text(_))).count() > MAX_WILDCARDS {
            return Err(InvalidPattern::TooLong);
        }
        Ok(Self { text: text.to_owned(), pieces })
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, InvalidPattern> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let stars = rest.bytes().take_while(|byte| *byte == b'*').count();
        let length = match stars {
            0 => rest.find('*').unwrap_or(rest.len()),
            1 | 2 => stars,
            _ => return Err(InvalidPattern::Stars),
        };
        let (piece, behind) = rest.split_at(length);
        pieces.push(match stars {
            0 => Piece::Text(piece.to_owned()),
            1 => Piece::Segment,
            _ => Piece::Anything,
        });
        rest = behind;
    }
    Ok(pieces)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stays_between_slashes_and_two_do_not() {
        let table: [(&str, &[&str], &[&str]); 9] = [
            ("acme/app", &["acme/app"], &["acme/app2", "acme/ap", "xacme/app", "Acme/app", "acme/app/", ""]),
            ("acme/*", &["acme/app", "acme/"], &["acme", "acme/a/b", "acme-evil/app", "evil/acme/app"]),
            ("acme/**", &["acme/app", "acme/a/b", "acme/"], &["acme", "evil/acme/app"]),
            ("**/app", &["acme/app", "a/b/app", "/app"], &["app", "acme/app2"]),
            ("refs/tags/v*.*", &["refs/tags/v1.2", "refs/tags/v1.2.3"], &["refs/tags/v1", "refs/tags/v1/2.3"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a/b", "a"]),
            ("a**b*c", &["a/x/bc", "abxc", "abbc"], &["a/b/x/c", "ab/c"]),
            ("[a-z]?", &["[a-z]?"], &["a", "ab", "[a-z]"]),
            ("größe/*", &["größe/ä"], &["gro\u{308}ße/ä", "größe/ä/x"]),
        ];
        for (text, like, unlike) in table {
            for actual in like {
                assert!(pattern(text).matches(actual), "{text} {actual}");
            }
            for actual in unlike {
                assert!(!pattern(text).matches(actual), "{text} {actual}");
            }
        }
    }

    #[test]
    fn an_owner_is_written_out() {
        for text in ["acme", "acme/app", "acme/*", "acme/**", "repo:acme/*:ref:refs/heads/main", "74"] {
            assert!(pattern(text).names_an_owner(), "{text}");
        }
        for text in ["*", "**", "acme*", "*/app", "**/app", "a*/app", "repo:*", "repo:acme*/app"] {
            assert!(!pattern(text).names_an_owner(), "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!("".parse::<Pattern>(), Err(InvalidPattern::Empty));
        assert_eq!("a***".parse::<Pattern>(), Err(InvalidPattern::Stars));
        assert_eq!("a\n".parse::<Pattern>(), Err(InvalidPattern::Control));
        assert_eq!("a".repeat(MAX_BYTES + 1).parse::<Pattern>(), Err(InvalidPattern::TooLong));
        assert_eq!("a*".repeat(MAX_WILDCARDS + 1).parse::<Pattern>(), Err(InvalidPattern::TooLong));
        assert_eq!(pattern("acme/**").to_string(), "acme/**");
    }

    #[test]
    fn a_hostile_claim_takes_no_time() {
        let pattern = pattern(&"a*".repeat(MAX_WILDCARDS));
        let started = Instant::now();
        assert!(!pattern.matches(&format!("{}/", "a".repeat(16 * 1024))));
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

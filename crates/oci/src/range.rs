//! Byte ranges: of a chunk in an upload (distribution-spec, "Pushing a blob in chunks") and of a pull (RFC 9110,
//! section 14).

use std::fmt;
use std::str::FromStr;

/// Bytes `first` to `last`, both included, so never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

/// A text that is no `first-last` with `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range has the form first-last, two decimal numbers with first no larger than last")]
pub struct InvalidRange;

impl ByteRange {
    /// Offset of the first byte.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// Offset of the last byte.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// Number of bytes; `None` where it exceeds `u64` (`0-18446744073709551615`).
    pub const fn length(self) -> Option<u64> {
        (self.last - self.first).checked_add(1)
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Reads the `Content-Range` of a chunk, `^[0-9]+-[0-9]+$`; the `bytes ` prefix and the `/*` or `/total` suffix of RFC
/// 9110, section 14.4, which some clients send, are taken too.
impl FromStr for ByteRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let text = text.strip_prefix("bytes ").unwrap_or(text);
        let text = text.split_once('/').map_or(text, |(range, _)| range);
        let (first, last) = text.split_once('-').ok_or(InvalidRange)?;
        let (first, last) = (number(first)?, number(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(InvalidRange) }
    }
}

/// The decimal number that is all of `text`. (`u64::from_str` alone would take a leading `+`.)
fn number(text: &str) -> Result<u64, InvalidRange> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().map_err(|_| InvalidRange) } else { Err(InvalidRange) }
}

/// What a `Range` header asks of a blob of a known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything: there is no range, or one that RFC 9110 lets a server ignore (several ranges, another unit, bad syntax).
    Whole,
    /// One part.
    Part(ByteRange),
    /// Nothing of the blob lies in the range: 416.
    Unsatisfiable,
}

impl Selection {
    /// Reads a `Range` header for a blob of `size` bytes.
    pub fn parse(header: &str, size: u64) -> Self {
        let Some(spec) = header.trim().strip_prefix("bytes=") else {
            return Self::Whole;
        };
        let Some((first, last)) = spec.trim().split_once('-') else {
            return Self::Whole;
        };
        let (first, last) = match (number(first), number(last)) {
            // `-n`: the last n bytes.
            (_, Ok(0)) if first.is_empty() => return Self::Unsatisfiable,
            (_, Ok(suffix)) if first.is_empty() => (size.saturating_sub(suffix), u64::MAX),
            (Ok(first), _) if last.is_empty() => (first, u64::MAX),
            (Ok(first), Ok(last)) if first <= last => (first, last),
            // RFC 9110 lets a server ignore it; an answer that nobody can mistake for the range is better.
            (Ok(_), Ok(_)) => return Self::Unsatisfiable,
            _ => return Self::Whole,
        };
        if first < size { Self::Part(ByteRange { first, last: last.min(size - 1) }) } else { Self::Unsatisfiable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks() {
        let good = [("0-0", (0, 0)), ("5-9", (5, 9)), ("bytes 5-9/10", (5, 9)), ("bytes 5-9/*", (5, 9))];
        for (text, (first, last)) in good {
            assert_eq!(text.parse(), Ok(ByteRange { first, last }), "{text}");
        }
        for text in ["", "-", "0-", "-1", "2-1", "a-b", "+1-2", "0--1", " 0-1", "0-18446744073709551616"] {
            assert_eq!(text.parse::<ByteRange>(), Err(InvalidRange), "{text}");
        }
    }

    #[test]
    fn pulls() {
        let part = |first, last| Selection::Part(ByteRange { first, last });
        let table = [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=0-", 10, part(0, 9)),
            ("bytes=3-100", 10, part(3, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-100", 10, part(0, 9)),
            ("bytes=10-", 10, Selection::Unsatisfiable),
            ("bytes=10-12", 10, Selection::Unsatisfiable),
            ("bytes=-0", 10, Selection::Unsatisfiable),
            ("bytes=0-", 0, Selection::Unsatisfiable),
            ("bytes=-1", 0, Selection::Unsatisfiable),
            ("bytes=5-3", 10, Selection::Unsatisfiable),
            ("bytes=0-1,3-4", 10, Selection::Whole),
            ("bytes=-", 10, Selection::Whole),
            ("items=0-1", 10, Selection::Whole),
            ("bytes=a-b", 10, Selection::Whole),
        ];
        for (header, size, expected) in table {
            assert_eq!(Selection::parse(header, size), expected, "{header} of {size}");
        }
    }
}

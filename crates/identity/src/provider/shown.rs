//! What others wrote, as it may stand in a message or a log line.

use std::fmt::{self, Write as _};

/// Characters that are shown.
const LONGEST: usize = 200;

/// A text of somebody else: its beginning, on one line.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, character) in self.0.chars().enumerate() {
            if count == LONGEST {
                return f.write_char('…');
            }
            if is_plain(character) {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Neither a control character nor one that changes the direction of what stands beside it.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_short_and_on_one_line() {
        assert_eq!(Shown("refs/heads/größe").to_string(), "refs/heads/größe");
        assert_eq!(Shown("a\nb\u{202e}c").to_string(), "a\\u{a}b\\u{202e}c");
        let long = Shown(&"ä".repeat(300)).to_string();
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
    }
}

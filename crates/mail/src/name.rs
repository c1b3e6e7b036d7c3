//! Names in letters.

use std::str::FromStr;

use crate::Error;

/// In characters. A subject with three of them is still one that people read.
const LONGEST: usize = 100;

/// A name of one line: of an account, an organization, a team, a registry. Not empty, at most 100 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Err(Error::Invalid { what: "name for a letter", why });
        if text.trim().is_empty() {
            return refuse("it is empty");
        }
        if text.chars().count() > LONGEST {
            return refuse("it is longer than 100 characters");
        }
        if text.chars().any(|c| c.is_control() || breaks_lines(c)) {
            return refuse("it has a line break or another control character in it");
        }
        if text.chars().any(turns_text_around) {
            return refuse("it has characters in it that turn text around");
        }
        // In a header, mail programs read on what follows as encoded (RFC 2047), and it could be any of the above.
        if text.contains("=?") {
            return refuse("it has =? in it");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Line and paragraph separator, which are no control characters.
fn breaks_lines(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// What Unicode has to change the direction of what follows. With it a name could make the rest of the letter read otherwise.
fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for text in ["ann", "Acme, \"Inc\" <x>", "Büro für Kräne", "山", &"ä".repeat(100)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            " ",
            "\t",
            "acme\r\nBcc: eve@acme.example",
            "acme\n",
            "acme\r",
            "acme\u{2028}Bcc",
            "acme\u{2029}",
            "acme\u{85}",
            "acme\0",
            "acme\u{1b}[31m",
            "acme\u{202e}emca",
            "=?utf-8?q?acme=0D=0ABcc:_eve@acme.example?=",
            "=?utf-8?b?4oCuYWNtZQ==?=",
            &"ä".repeat(101),
        ] {
            let error = text.parse::<Name>().expect_err(text).to_string();
            assert!(error.starts_with("this is no name for a letter: "), "{error}");
            assert!(!error.contains("acme"), "{error}");
        }
    }
}

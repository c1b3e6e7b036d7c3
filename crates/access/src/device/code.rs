//! The short code, which people read in one place and type in another.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::secret::{Secret, SecretHash, random};

/// Without vowels, so that no words come about, and without digits, which look like letters (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// Eight consonants, `BCDF-GHJK`: one of 25,600,000,000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

/// A text that is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters, such as BCDF-GHJK")]
pub struct InvalidUserCode;

impl UserCode {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        let mut letters = String::new();
        while letters.len() < LENGTH {
            for byte in random::<16>()? {
                // Of 256 numbers the last 16 would make some letters more frequent.
                let letter = LETTERS.get(usize::from(byte % 20)).filter(|_| byte < 240 && letters.len() < LENGTH);
                letters.extend(letter.map(|letter| char::from(*letter)));
            }
        }
        Ok(Self(letters))
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> SecretHash {
        Secret::hash_of(&self.0)
    }
}

impl FromStr for UserCode {
    type Err = InvalidUserCode;

    /// As people type it: with or without the line in the middle, and in small letters too.
    fn from_str(text: &str) -> Result<Self, InvalidUserCode> {
        let letters: String = text.chars().filter(|c| !" -".contains(*c)).map(|c| c.to_ascii_uppercase()).collect();
        let valid = letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter));
        if valid { Ok(Self(letters)) } else { Err(InvalidUserCode) }
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for text in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BC-DF-GH-JK"] {
            assert_eq!(text.parse::<UserCode>().unwrap().to_string(), "BCDF-GHJK");
        }
        for text in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "BCDF_GHJK", "BCDF-GHJÉ", "ＢCDFGHJK"] {
            assert_eq!(text.parse::<UserCode>(), Err(InvalidUserCode), "{text}");
        }
    }

    #[test]
    fn codes_differ_and_have_every_letter() {
        let codes: Vec<String> = (0..200).map(|_| UserCode::new().unwrap().to_string()).collect();
        let mut once = codes.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), codes.len());
        assert!(LETTERS.iter().all(|letter| codes.iter().any(|code| code.contains(char::from(*letter)))));
        for code in codes {
            assert_eq!(code.parse::<UserCode>().unwrap().to_string(), code);
        }
    }
}

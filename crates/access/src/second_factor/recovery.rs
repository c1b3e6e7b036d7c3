//! Recovery codes: the way in for somebody whose authenticator is lost. Each is good once.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::Error;
use crate::secret::random;

/// How many an account gets at once.
const RECOVERY_CODES: usize = 10;
/// Of five bits each.
const LENGTH: usize = 10;
/// What looks alike is there once (Crockford's base 32): no `i`, `l`, `o` and `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Longest text that is looked at for a code.
const LONGEST_GIVEN: usize = 32;
/// What makes these hashes others than those of the same text elsewhere.
const PURPOSE: &[u8] = b"entrepot recovery code";

/// A code as it is shown once. It prints nothing by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; LENGTH]);

/// What is kept of a code.
///
/// A code has 50 bits, and this hash is a fast one: who has the table can find the codes of one account with much work, and
/// still needs the password. The account is in the hash, so that the work is for that account alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecoveryHash([u8; 32]);

impl RecoveryCode {
    /// A new set of codes.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn generate() -> Result<[Self; RECOVERY_CODES], Error> {
        let bytes: [u8; RECOVERY_CODES * LENGTH] = random()?;
        // Of each byte five bits: 32 divides 256, so every letter is as likely as the others.
        let letter = |code: usize, at: usize| ALPHABET[usize::from(bytes[code * LENGTH + at] % 32)];
        Ok(std::array::from_fn(|code| Self(std::array::from_fn(|at| letter(code, at)))))
    }

    /// The code that somebody typed, in whatever way: large or small, with or without the dash, `O` for `0` and `I` for `1`.
    fn parse(given: &str) -> Option<Self> {
        if given.len() > LONGEST_GIVEN {
            return None;
        }
        let mut letters = given.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let mut code = [0; LENGTH];
        for place in &mut code {
            *place = match letters.next()?.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                letter => letter,
            };
        }
        let whole = letters.next().is_none() && code.iter().all(|letter| ALPHABET.contains(letter));
        whole.then_some(Self(code))
    }

    /// The text, to be shown to whom it belongs: `4f7ph-x09qz`.
    pub fn reveal(&self) -> String {
        let half = |letters: &[u8]| letters.iter().copied().map(char::from).collect::<String>();
        let (first, second) = self.0.split_at(LENGTH / 2);
        format!("{}-{}", half(first), half(second))
    }

    /// What is kept of it for an account.
    pub(crate) fn hash(&self, account: i64) -> RecoveryHash {
        let hash = Sha256::new().chain_update(PURPOSE).chain_update(account.to_be_bytes()).chain_update(self.0);
        RecoveryHash(hash.finalize().into())
    }
}

impl RecoveryHash {
    /// The hash of bytes that were kept.
    ///
    /// # Errors
    /// They are not as many as there were.
    pub(crate) fn from_kept(bytes: &[u8]) -> Result<Self, Error> {
        let damaged =
            |_| Error::Internal("the hash of a recovery code has another length than it was made with".into());
        bytes.try_into().map(Self).map_err(damaged)
    }

    /// The bytes to keep.
    pub(crate) fn as_kept(&self) -> &[u8] {
        &self.0
    }

    /// Which of `kept` belongs to the code that somebody gave for an account. The caller removes it, in a statement that fails
    /// if it is gone already. How long this takes does not tell which it is, or how near a guess comes.
    pub(crate) fn find(given: &str, account: i64, kept: &[Self]) -> Option<usize> {
        let Self(hash) = RecoveryCode::parse(given)?.hash(account);
        let mut found = u64::MAX;
        for (index, Self(own)) in (0..).zip(kept) {
            found.conditional_assign(&index, hash.ct_eq(own));
        }
        usize::try_from(found).ok().filter(|index| *index < kept.len())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ANN: i64 = 7;

    fn code(text: &str) -> RecoveryCode {
        RecoveryCode::parse(text).unwrap()
    }

    #[test]
    fn codes_are_ten_of_ten_and_differ() {
        let codes: Vec<RecoveryCode> = (0..10).flat_map(|_| RecoveryCode::generate().unwrap()).collect();
        let shown: BTreeSet<String> = codes.iter().map(RecoveryCode::reveal).collect();
        assert_eq!(shown.len(), 10 * RECOVERY_CODES);
        for text in &shown {
            let (first, second) = text.split_once('-').unwrap();
            assert_eq!((first.len(), second.len()), (5, 5));
            assert!(text.bytes().all(|b| b == b'-' || ALPHABET.contains(&b)), "{text}");
        }
        // Of 1,000 letters that are as likely as the others, every one of the 32 is there.
        let letters: BTreeSet<u8> = codes.iter().flat_map(|code| code.0).collect();
        assert_eq!(letters.len(), ALPHABET.len());
        assert_eq!(format!("{:?}", codes[0]), "(secret)");
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let kept = ["00000-11111", "4f7ph-x09qz", "zzzzz-zzzzz"].map(|text| code(text).hash(ANN));
        for given in ["4f7ph-x09qz", "4F7PH-X09QZ", "4f7phx09qz", " 4f7ph x09qz ", "4f7ph-xO9qz", "4-f-7-p-h-x-o-9-q-z"]
        {
            assert_eq!(RecoveryHash::find(given, ANN, &kept), Some(1), "{given}");
        }
        assert_eq!(RecoveryHash::find("OoO0o-iIlL1", ANN, &kept), Some(0));
        assert_eq!(RecoveryHash::find("zzzzz-zzzzz", ANN, &kept), Some(2));
    }

    #[test]
    fn what_is_not_found() {
        let kept = ["00000-11111", "4f7ph-x09qz"].map(|text| code(text).hash(ANN));
        let long = format!("4f7ph-x09qz{}", " ".repeat(LONGEST_GIVEN));
        for given in
            ["", "4f7ph-x09q", "4f7ph-x09qzz", "4f7ph-x09qy", "u0000-11111", "4f7ph-x09q!", "4f7ph-x09qä", &long]
        {
            assert_eq!(RecoveryHash::find(given, ANN, &kept), None, "{given}");
        }
        assert_eq!(RecoveryHash::find("4f7ph-x09qz", ANN + 1, &kept), None, "it is the code of another account");
        assert_eq!(RecoveryHash::find("4f7ph-x09qz", ANN, &[]), None);
        assert_eq!(RecoveryHash::find("4f7ph-x09qz", ANN, &kept[..1]), None, "it was used");
    }

    #[test]
    fn hashes_stay_as_they_are() {
        // SHA-256 of the purpose, the account in eight bytes, and the letters without the dash.
        let hash = code("4f7ph-x09qz").hash(ANN);
        let expected = Sha256::digest(b"entrepot recovery code\0\0\0\0\0\0\0\x074f7phx09qz");
        assert_eq!(hash.as_kept(), &expected[..]);
        assert_eq!(RecoveryHash::from_kept(hash.as_kept()).unwrap(), hash);
        assert!(RecoveryHash::from_kept(b"short").is_err());
    }
}

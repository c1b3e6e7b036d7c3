//! Content digests (OCI image-spec, descriptor.md, "Digests").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hash algorithm that this registry accepts (image-spec, "Registered Algorithms").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-256, the canonical algorithm.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in front of the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hash in bytes.
    const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(InvalidDigest::Algorithm),
        }
    }
}

/// Why a text is not a digest that this registry accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// There is no `algorithm:` in front.
    #[error("a digest has the form algorithm:hex")]
    Form,
    /// The algorithm is not one of [`Algorithm`].
    #[error("the digest algorithm must be sha256 or sha512")]
    Algorithm,
    /// The part after the colon has the wrong length or other characters than `a-f0-9`.
    #[error("the hash must be 64 (sha256) or 128 (sha512) characters of 0-9 and a-f")]
    Hash,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

/// A content digest: `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Repr);

impl Digest {
    /// Length in characters of the longest digest.
    const MAX_TEXT: usize = "sha512:".len() + 128;

    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = crate::Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    pub(crate) const fn sha256(hash: [u8; 32]) -> Self {
        Self(Repr::Sha256(hash))
    }

    pub(crate) const fn sha512(hash: [u8; 64]) -> Self {
        Self(Repr::Sha512(hash))
    }

    /// The algorithm in front of the colon.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Repr::Sha256(_) => Algorithm::Sha256,
            Repr::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The part after the colon: 64 or 128 characters of `0-9a-f`.
    pub fn hex(&self) -> String {
        hex::encode(self.hash())
    }

    fn hash(&self) -> &[u8] {
        match &self.0 {
            Repr::Sha256(hash) => hash,
            Repr::Sha512(hash) => hash,
        }
    }

    /// The tag under which clients of registries without the referrers API keep the list of referrers of this digest
    /// (distribution-spec, "Referrers Tag Schema").
    pub fn referrers_tag(&self) -> crate::Tag {
        let hex = self.hex();
        let text = format!("{}-{}", self.algorithm(), &hex[..64]);
        // Letters, digits and one hyphen, 71 characters: always a tag.
        text.parse().unwrap_or_else(|_| unreachable!("{text} is a tag"))
    }

    /// Runs `f` with the digest as text, without allocating.
    pub fn with_text<T>(&self, f: impl FnOnce(&str) -> T) -> T {
        let mut buffer = [0_u8; Self::MAX_TEXT];
        let name = self.algorithm().name().as_bytes();
        buffer[..name.len()].copy_from_slice(name);
        buffer[name.len()] = b':';
        let start = name.len() + 1;
        let end = start + self.hash().len() * 2;
        // Cannot fail: the slice has twice the length of the hash.
        let encoded = hex::encode_to_slice(self.hash(), &mut buffer[start..end]);
        debug_assert!(encoded.is_ok());
        f(std::str::from_utf8(&buffer[..end]).unwrap_or_default())
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (name, encoded) = text.split_once(':').ok_or(InvalidDigest::Form)?;
        let algorithm: Algorithm = name.parse()?;
        // The specification forbids A-F, which the decoder would take.
        let lower = encoded.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !lower || encoded.len() != algorithm.len() * 2 {
            return Err(InvalidDigest::Hash);
        }
        let repr = match algorithm {
            Algorithm::Sha256 => {
                let mut hash = [0; 32];
                hex::decode_to_slice(encoded, &mut hash).map_err(|_| InvalidDigest::Hash)?;
                Repr::Sha256(hash)
            }
            Algorithm::Sha512 => {
                let mut hash = [0; 64];
                hex::decode_to_slice(encoded, &mut hash).map_err(|_| InvalidDigest::Hash)?;
                Repr::Sha512(hash)
            }
        };
        Ok(Self(repr))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_table_of_the_specification() {
        let upper = EMPTY.replace('e', "E");
        let long = format!("{EMPTY}0");
        let sha512 = format!("sha512:{}", "0a".repeat(64));
        let table: &[(&str, Result<(), InvalidDigest>)] = &[
            (EMPTY, Ok(())),
            (&sha512, Ok(())),
            (&upper, Err(InvalidDigest::Hash)),
            (&long, Err(InvalidDigest::Hash)),
            ("sha256:", Err(InvalidDigest::Hash)),
            ("sha256", Err(InvalidDigest::Form)),
            ("", Err(InvalidDigest::Form)),
            ("md5:d41d8cd98f00b204e9800998ecf8427e", Err(InvalidDigest::Algorithm)),
            ("SHA256:e3b0", Err(InvalidDigest::Algorithm)),
            ("sha256:é3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", Err(InvalidDigest::Hash)),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Digest>().map(|_| ()), *expected, "{text}");
        }
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        assert_eq!(sha512.parse::<Digest>().unwrap().to_string(), sha512);
        assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY);
    }

    #[test]
    fn the_referrers_tag_is_truncated() {
        let sha512: Digest = format!("sha512:{}", "a".repeat(128)).parse().unwrap();
        assert_eq!(sha512.referrers_tag().as_str(), format!("sha512-{}", "a".repeat(64)));
    }
}

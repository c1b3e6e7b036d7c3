//! Bytes that are pushed, with their digest.

use sha2::{Digest as _, Sha256, Sha512};

use crate::random::Random;

/// The algorithm of a digest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    Sha256,
    Sha512,
}

/// A blob or manifest.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

impl Content {
    pub(super) fn new(algorithm: Algorithm, bytes: Vec<u8>) -> Self {
        let digest = match algorithm {
            Algorithm::Sha256 => format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
            Algorithm::Sha512 => format!("sha512:{}", hex::encode(Sha512::digest(&bytes))),
        };
        Self { digest, bytes }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        if self.digest.starts_with("sha512") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// A blob of some size: many are small, some have a few mebibytes, a few are empty.
    pub(super) fn random(random: &mut Random) -> Self {
        let length = match random.below(100) {
            0..3 => random.below(2),
            3..60 => random.below(8 * 1024),
            60..85 => random.below(96 * 1024),
            85..97 => random.below(700 * 1024),
            _ => random.below(4 * 1024 * 1024),
        };
        let algorithm = if random.chance(12) { Algorithm::Sha512 } else { Algorithm::Sha256 };
        Self::new(algorithm, random.bytes(length))
    }
}

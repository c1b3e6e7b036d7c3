//! Hashing as bytes arrive, with a state that can be stored and taken up again.

use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256, Sha512};

use crate::{Algorithm, Digest};

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// A running hash.
#[derive(Clone)]
pub struct Hasher(State);

/// Bytes that are no stored [`Hasher`] of this version; hash the content again from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored hash state is not readable")]
pub struct InvalidState;

// The layout behind the format byte belongs to the hash library and may change between its releases.
const SHA256_V1: u8 = 1;
const SHA512_V1: u8 = 2;

impl Hasher {
    /// Starts a hash over nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The algorithm of the digest that [`Hasher::finish`] gives.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Appends `bytes` to what is hashed.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hasher) => Digest::sha256(hasher.finalize().into()),
            State::Sha512(hasher) => Digest::sha512(hasher.finalize().into()),
        }
    }

    /// The state as bytes: a format byte and the library's own layout (105 or 209 bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + 208);
        match &self.0 {
            State::Sha256(hasher) => {
                bytes.push(SHA256_V1);
                bytes.extend_from_slice(&hasher.serialize());
            }
            State::Sha512(hasher) => {
                bytes.push(SHA512_V1);
                bytes.extend_from_slice(&hasher.serialize());
            }
        }
        bytes
    }

    /// Takes up a state that [`Hasher::to_bytes`] gave.
    ///
    /// # Errors
    /// [`InvalidState`] if the bytes are of another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidState> {
        let (format, rest) = bytes.split_first().ok_or(InvalidState)?;
        if !counts_sanely(*format, rest) {
            return Err(InvalidState);
        }
        let state = match *format {
            SHA256_V1 => {
                let rest = rest.try_into().map_err(|_| InvalidState)?;
                State::Sha256(Sha256::deserialize(rest).map_err(|_| InvalidState)?)
            }
            SHA512_V1 => {
                let rest = rest.try_into().map_err(|_| InvalidState)?;
                State::Sha512(Sha512::deserialize(rest).map_err(|_| InvalidState)?)
            }
            _ => return Err(InvalidState),
        };
        Ok(Self(state))
    }
}

/// Whether the number of blocks hashed so far, which stands behind the hash value in little-endian order, is below 2^48
/// (16 PiB of SHA-256). The library takes any number and overflows later.
fn counts_sanely(format: u8, state: &[u8]) -> bool {
    let count = match format {
        SHA256_V1 => state.get(32..40),
        SHA512_V1 => state.get(64..80),
        _ => None,
    };
    count.is_some_and(|count| count[6..].iter().all(|byte| *byte == 0))
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_state_goes_on_where_it_was() {
        let bytes: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for cut in [0, 1, 63, 64, 65, 127, 128, 129, 2000, 4000] {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(&bytes[..cut]);
                let mut again = Hasher::from_bytes(&hasher.to_bytes()).unwrap();
                again.update(&bytes[cut..]);
                assert_eq!(again.finish(), Digest::of(algorithm, &bytes), "{algorithm} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_state_that_counts_beyond_measure_is_refused() {
        for (algorithm, last) in [(Algorithm::Sha256, 40), (Algorithm::Sha512, 80)] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&[0; 4096]);
            let mut state = hasher.to_bytes();
            // Where the count is: 64 blocks of SHA-256, 32 of SHA-512.
            let first = 1 + if algorithm == Algorithm::Sha256 { 32 } else { 64 };
            assert_eq!(u32::from(state[first]), if algorithm == Algorithm::Sha256 { 64 } else { 32 });
            state[last] = 0xff;
            assert!(Hasher::from_bytes(&state).is_err(), "{algorithm}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], &[0; 105], &[1; 10], &[3; 105], &[2; 105]] {
            assert!(Hasher::from_bytes(bytes).is_err());
        }
    }
}

//! How an object store is reached, and how much may be asked of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::backends::{Azure, Gcs, Memory, Oss, S3, Swift};

/// An object store and the limits on its use.
#[derive(Clone, Debug)]
pub struct ObjectsConfig {
    /// Where the objects are.
    pub backend: Backend,
    /// What all names begin with.
    pub prefix: Prefix,
    /// Bytes of memory that all uploads of the process share.
    pub upload_memory: usize,
    /// Requests that may wait for the beginning of an answer at the same time.
    pub requests: usize,
    /// How long one step of a transfer may take before it is tried again: a piece of 8 MiB (16 MiB with Swift) that is sent,
    /// or the wait for the next bytes of a read.
    pub timeout: Duration,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl ObjectsConfig {
    /// The usual limits: 128 MiB of memory, 64 requests, 30 seconds.
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            prefix: Prefix::default(),
            upload_memory: 128 * 1024 * 1024,
            requests: 64,
            timeout: Duration::from_secs(30),
            ca_file: None,
        }
    }
}

/// Which object store it is.
#[derive(Clone, Debug)]
pub enum Backend {
    /// In this process's memory, for tests: gone with it.
    Memory(Memory),
    /// Amazon S3, and the many that speak its protocol.
    S3(S3),
    /// Azure Blob Storage.
    Azure(Azure),
    /// Google Cloud Storage.
    Gcs(Gcs),
    /// OpenStack Swift.
    Swift(Swift),
    /// Aliyun Object Storage Service.
    Oss(Oss),
}

/// What the name of every object begins with, so that others can use the bucket too: nothing, or names and slashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Empty, or with a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no [`Prefix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPrefix;

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prefix is names of letters, digits, '-', '_' and '.', with single slashes between them")
    }
}

impl std::error::Error for InvalidPrefix {}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    /// Slashes around it do not count.
    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let text = text.trim_matches('/');
        if text.is_empty() {
            return Ok(Self::default());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let good = |name: &str| !name.is_empty() && name != "." && name != ".." && name.chars().all(plain);
        if text.len() <= 256 && text.split('/').all(good) { Ok(Self(format!("{text}/"))) } else { Err(InvalidPrefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (text, prefix) in [("", ""), ("/", ""), ("a", "a/"), ("/a-b/c_d.e/", "a-b/c_d.e/")] {
            assert_eq!(text.parse::<Prefix>().unwrap().as_str(), prefix);
        }
        for wrong in ["a//b", "..", "a/../b", "a b", "ä", "a?b", &"a".repeat(257)] {
            assert_eq!(wrong.parse::<Prefix>(), Err(InvalidPrefix), "{wrong}");
        }
    }
}

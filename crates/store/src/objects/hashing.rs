//! The hash over an upload, made on the blocking pool while the next bytes arrive.

use bytes::Bytes;
use entrepot_oci::Hasher;
use tokio::task::{JoinHandle, spawn_blocking};

use super::failure::explained;
use crate::error::Error;

/// Up to so many bytes are hashed where they are: a change of threads would cost more.
const SMALL: usize = 32 * 1024;

/// A hash in the making. Bytes count in the order in which they are given.
#[derive(Debug)]
pub(crate) struct Hashing {
    /// Over everything that was waited for.
    hasher: Hasher,
    job: Option<JoinHandle<Hasher>>,
}

impl Hashing {
    pub(crate) fn new(hasher: Hasher) -> Self {
        Self { hasher, job: None }
    }

    /// Waits for what was given. May be dropped and called again.
    pub(crate) async fn settle(&mut self) -> Result<&Hasher, Error> {
        if let Some(job) = &mut self.job {
            let result = job.await;
            self.job = None;
            self.hasher = result.map_err(|stopped| Error::Io(explained("hash", "an upload", stopped.to_string())))?;
        }
        Ok(&self.hasher)
    }

    /// Begins to hash `bytes`. The caller has waited for what was given before.
    pub(crate) fn begin(&mut self, bytes: Bytes) {
        if bytes.len() <= SMALL {
            self.hasher.update(&bytes);
            return;
        }
        let mut hasher = self.hasher.clone();
        self.job = Some(spawn_blocking(move || {
            hasher.update(&bytes);
            hasher
        }));
    }
}

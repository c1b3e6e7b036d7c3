//! How far an import is, for whoever looks from time to time.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far it is; counted where the work is done.
#[derive(Debug, Default)]
pub struct Progress {
    repositories: AtomicU64,
    of: AtomicU64,
    manifests: AtomicU64,
    blobs: AtomicU64,
    bytes: AtomicU64,
}

/// How far it is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    /// Repositories that are done.
    pub repositories: u64,
    /// Of how many.
    pub of: u64,
    /// Manifests looked at.
    pub manifests: u64,
    /// Blobs read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Progress {
    /// How far it is now.
    pub fn far(&self) -> Far {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Far {
            repositories: read(&self.repositories),
            of: read(&self.of),
            manifests: read(&self.manifests),
            blobs: read(&self.blobs),
            bytes: read(&self.bytes),
        }
    }

    pub(crate) fn begun(&self, repositories: usize) {
        self.of.store(repositories as u64, Ordering::Relaxed);
    }

    pub(crate) fn repository(&self) {
        self.repositories.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn manifests(&self, count: usize) {
        self.manifests.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn blob(&self, bytes: u64) {
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

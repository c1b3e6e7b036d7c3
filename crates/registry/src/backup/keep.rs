//! Which snapshots are kept, and with them which blobs.

use std::collections::HashSet;

use entrepot_oci::Digest;

use super::base::{Base, Taken};
use super::contents;
use super::error::BackupError;

/// Blobs that are looked at in one step.
const STEP: usize = 1000;

/// What went, and what stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Snapshots that stay.
    pub snapshots: usize,
    /// Snapshots that went.
    pub removed_snapshots: usize,
    /// Blobs that went.
    pub removed_blobs: u64,
    /// Their bytes.
    pub removed_bytes: u64,
}

impl Base {
    /// Removes all snapshots but the last `keep`, one at least, and then the blobs that none of these needs.
    ///
    /// # Errors
    /// What the base said; what was removed until then stays removed.
    pub async fn keep(&self, keep: usize) -> Result<Kept, BackupError> {
        let mut stay = self.snapshots()?;
        let go = stay.len().saturating_sub(keep.max(1));
        let removed: Vec<Taken> = stay.drain(..go).collect();
        for taken in &removed {
            self.remove(taken)?;
        }
        let mut kept = Kept { snapshots: stay.len(), removed_snapshots: removed.len(), ..Kept::default() };
        // Without a snapshot nothing says what is needed.
        if !stay.is_empty() {
            self.remove_unneeded(&stay, &mut kept).await?;
        }
        Ok(kept)
    }

    async fn remove_unneeded(&self, stay: &[Taken], kept: &mut Kept) -> Result<(), BackupError> {
        let mut after = None;
        loop {
            let stored = self.store.blobs(after, STEP).await?;
            let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(()) };
            let (first, last) = (first.digest, last.digest);
            let mut needed: HashSet<Digest> = HashSet::new();
            for taken in stay {
                needed.extend(contents::digests(&taken.rows(), first, last).await?);
            }
            for blob in stored.iter().filter(|blob| !needed.contains(&blob.digest)) {
                self.store.remove(&blob.digest, &[]).await?;
                kept.removed_blobs += 1;
                kept.removed_bytes += blob.size;
            }
            after = Some(last);
        }
    }
}

//! Whether backups could be restored.

use std::collections::HashSet;

use entrepot_database::Verdict;
use entrepot_oci::{Algorithm, Digest};

use super::Far;
use super::base::{Archive, Taken};
use super::contents;
use super::error::BackupError;
use crate::doctor::references;
use crate::named::Named;
use crate::reread;
use crate::scrub::Pace;

/// Manifests that are named at most for each blob.
const NAMED: i64 = 3;

/// How closely to look.
pub struct Check<'a> {
    /// The backups.
    pub archive: &'a Archive,
    /// Read every blob, and compare what it is with what it should be; otherwise only whether it is there with its size.
    pub read: bool,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Blobs that were looked at, each once.
    pub blobs: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Manifests that were read and compared with their digests.
    pub manifests: u64,
    /// What is wrong, a sentence each.
    pub wrong: Vec<String>,
}

impl Check<'_> {
    /// Looks at these snapshots, the last first, and goes on whatever is found.
    ///
    /// # Errors
    /// What the operating system said, if it is not about one blob.
    pub async fn run(&self, snapshots: &[Taken], mut watch: impl FnMut(Far)) -> Result<Found, BackupError> {
        let mut found = Found::default();
        for (at, taken) in snapshots.iter().enumerate().rev() {
            if let Err(error) = taken.verify().await {
                found.wrong.push(format!("snapshot {}: {error}", taken.name));
                continue;
            }
            self.blobs(taken, &snapshots[at + 1..], &mut found, &mut watch).await?;
            manifests(taken, &mut found).await?;
        }
        Ok(found)
    }

    /// The blobs of a snapshot that are in none of `seen`.
    async fn blobs(
        &self,
        taken: &Taken,
        seen: &[Taken],
        found: &mut Found,
        watch: &mut impl FnMut(Far),
    ) -> Result<(), BackupError> {
        let (mut far, mut after) = (Far { of: taken.record.blobs, ..Far::default() }, None);
        loop {
            let page = taken.rows().read(move |connection| contents::blobs(connection, after)).await?;
            let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(()) };
            let (first, last) = (first.digest, last.digest);
            let mut known: HashSet<Digest> = HashSet::new();
            for later in seen {
                // One whose rows are damaged has been told of, and says nothing here.
                known.extend(contents::digests(&later.rows(), first, last).await.unwrap_or_default());
            }
            for named in page {
                if !known.contains(&named.digest) {
                    self.blob(taken, &named, found).await?;
                }
                far.blobs += 1;
                far.bytes = found.read_bytes;
                watch(far);
            }
            after = Some(last);
        }
    }

    async fn blob(&self, taken: &Taken, named: &Named, found: &mut Found) -> Result<(), BackupError> {
        found.blobs += 1;
        let Some(why) = self.trouble(named, found).await? else { return Ok(()) };
        let digest = named.digest;
        let users = taken.rows().read(move |connection| contents::users(connection, digest, NAMED)).await?;
        let lost = taken.record.lost.iter().any(|lost| lost.digest == digest);
        let since = if lost { ", which was so in the registry when the snapshot was taken" } else { "" };
        let users = if users.is_empty() { "no manifest".to_owned() } else { users.join(", ") };
        found.wrong.push(format!("snapshot {}: blob {digest}{since}: {why}; needed by {users}", taken.name));
        Ok(())
    }

    async fn trouble(&self, named: &Named, found: &mut Found) -> Result<Option<String>, BackupError> {
        let opened = self.archive.look.get(&named.digest, &[], named.size);
        let blob = match reread::sized(opened, named.size)? {
            Ok(blob) => blob,
            Err(why) => return Ok(Some(why)),
        };
        if !self.read {
            return Ok(None);
        }
        found.read_bytes += named.size;
        Ok(reread::differs(&blob, &named.digest, &mut Pace::default()).await?)
    }
}

/// Whether every manifest is what its digest says, and what it names is in rows.
async fn manifests(taken: &Taken, found: &mut Found) -> Result<(), BackupError> {
    let rows = taken.rows();
    let mut after = 0;
    loop {
        let page = rows.read(move |connection| contents::manifests(connection, after)).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for manifest in page {
            found.manifests += 1;
            let algorithm: Algorithm = manifest.digest.algorithm();
            if Digest::of(algorithm, &manifest.content) != manifest.digest {
                let (repository, digest) = (manifest.repository, manifest.digest);
                found.wrong.push(format!("snapshot {}: manifest {repository}@{digest} has other bytes", taken.name));
            }
        }
    }
    if let Verdict::Wrong(troubles) = rows.read(references::verdict).await? {
        found.wrong.extend(troubles.into_iter().map(|trouble| format!("snapshot {}: {}", taken.name, trouble.wrong)));
    }
    Ok(())
}

//! Taking a backup.

use std::time::SystemTime;

use entrepot_database::{Database, Room, Snapshot};
use entrepot_store::{Error as StoreError, Look};
use futures_util::{StreamExt, stream};

use super::base::{Base, Taken};
use super::contents;
use super::error::BackupError;
use super::record::{FORMAT, Lost, Record};
use super::transfer::{Transfer, transfer};
use super::{Far, files};
use crate::named::Named;
use crate::reread;

/// Blobs that are copied at the same time: while one waits for the disk to sync another is read.
const AT_ONCE: usize = 4;

/// What is backed up, and where to.
pub struct Backup<'a> {
    /// The facts.
    pub database: &'a Database,
    /// The tables of everybody.
    pub rooms: &'static [Room],
    /// The bytes. The registry may be running over them.
    pub source: &'a Look,
    /// Where it goes.
    pub base: &'a Base,
}

/// What was copied so far.
#[derive(Default)]
struct Copied {
    blobs: u64,
    bytes: u64,
    lost: Vec<Lost>,
}

impl Backup<'_> {
    /// Takes a snapshot and copies every blob that it needs and that is not in the base yet. Blobs that are damaged or gone are
    /// named in its record, and the rest is copied.
    ///
    /// # Errors
    /// What database, store and base said. Then there is no new snapshot, and what was copied serves the next backup.
    ///
    /// # Cancel safety
    /// Dropping the future is as if the process had been killed: nothing half done counts.
    pub async fn take(&self, mut watch: impl FnMut(Far)) -> Result<Taken, BackupError> {
        let on_disk = self.source.is_disk();
        if self.database.read(move |connection| crate::kept_elsewhere(connection, on_disk)).await? {
            return Err(crate::Error::OtherStore.into());
        }
        self.base.sweep().await?;
        self.database.hold_while(self.take_held(&mut watch)).await
    }

    async fn take_held(&self, watch: &mut impl FnMut(Far)) -> Result<Taken, BackupError> {
        let begun = self.base.begin().await?;
        let path = begun.database();
        let time = SystemTime::now();
        let rows = self.database.snapshot(&path, self.rooms).await?;
        let snapshot = Snapshot::at(&path);
        let (blobs, bytes) = snapshot.read(contents::totals).await?;
        let copied = self.copy_all(&snapshot, blobs, watch).await?;
        let (database_bytes, database_digest) = files::digest(path).await?;
        begun.complete(Record {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: humantime::format_rfc3339_seconds(time).to_string(),
            rows,
            database_bytes,
            database_digest,
            blobs,
            bytes,
            copied_blobs: copied.blobs,
            copied_bytes: copied.bytes,
            lost: copied.lost,
        })
    }

    async fn copy_all(&self, snapshot: &Snapshot, of: u64, watch: &mut impl FnMut(Far)) -> Result<Copied, BackupError> {
        let (mut copied, mut far, mut after) = (Copied::default(), Far { of, ..Far::default() }, None);
        loop {
            let page = snapshot.read(move |connection| contents::blobs(connection, after)).await?;
            let Some(last) = page.last() else { return Ok(copied) };
            after = Some(last.digest);
            let copies = stream::iter(page).map(|named| async {
                let copy = self.copy(&named).await?;
                Ok::<_, BackupError>((named, copy))
            });
            let mut copies = copies.buffer_unordered(AT_ONCE);
            while let Some(copy) = copies.next().await {
                let (named, copy) = copy?;
                match copy {
                    None => {}
                    Some(Transfer::Done(_)) => {
                        copied.blobs += 1;
                        copied.bytes += named.size;
                    }
                    Some(Transfer::Bad(why)) => copied.lost.push(Lost { digest: named.digest, why }),
                }
                far.blobs += 1;
                far.bytes = copied.bytes;
                watch(far);
            }
        }
    }

    /// `None` if it is in the base already.
    async fn copy(&self, named: &Named) -> Result<Option<Transfer>, BackupError> {
        match self.base.store.get(&named.digest, &[], named.size) {
            Ok(there) if there.size() == named.size => return Ok(None),
            // One of another size is replaced.
            Ok(_) | Err(StoreError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let blob = self.source.get(&named.digest, &named.parts, named.size);
        let copied = match transfer(blob, named.size, &named.digest, &self.base.store).await {
            Err(error) if error.is_temporary() => {
                let size = self.source.size(&named.digest, &named.parts);
                Transfer::Bad(reread::shrunk(size, named.size).await.ok_or(error)?)
            }
            copied => copied?,
        };
        fail::fail_point!("backup::after_blob");
        Ok(Some(copied))
    }
}

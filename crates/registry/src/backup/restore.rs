//! Bringing back what a snapshot has.

use entrepot_database::{Connection, Database, Durability};
use entrepot_store::{NewParts, Store};
use futures_util::{StreamExt, stream};

use super::Far;
use super::base::Archive;
use super::contents;
use super::error::BackupError;
use super::record::Lost;
use super::transfer::{Transfer, transfer};
use crate::named::Named;
use crate::parts::{self, Owner};
use crate::{Error, quarantine, tables};

/// Tables whose rows stay behind: which objects bytes are in, and which are damaged, is another matter elsewhere, and bytes of
/// unfinished uploads are in no backup.
pub const NOT_RESTORED: &[&str] = &["objects", "uploads", "writers", "quarantine", "damaged_objects", "scrubs"];

/// Blobs that are copied at the same time.
const AT_ONCE: usize = 4;

/// What is restored, and where to.
pub struct Restore<'a> {
    /// The backups.
    pub archive: &'a Archive,
    /// A copy of the snapshot's rows without [`NOT_RESTORED`], which becomes the new registry's. Nobody else uses it.
    pub database: &'a Database,
    /// The place for bytes, which was empty when this began.
    pub store: &'a Store,
}

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Blobs that are there, every one read and found to be what its digest says.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that the backup has not, or not whole.
    pub lost: Vec<Lost>,
}

impl Restore<'_> {
    /// Copies every blob that the rows name, and goes on whatever is missing. Called again after it was broken off, it copies the rest.
    ///
    /// # Errors
    /// What the places said.
    pub async fn run(&self, mut watch: impl FnMut(Far)) -> Result<Recovered, BackupError> {
        self.register_writer().await?;
        let (of, bytes) = self.database.scan(contents::totals).await?;
        let (mut restored, mut far, mut after) = (Recovered::default(), Far { of, ..Far::default() }, None);
        loop {
            let page = self.database.scan(move |connection| contents::blobs(connection, after)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.digest);
            let copies = stream::iter(page).map(|named| async {
                let lost = self.copy(&named).await?;
                Ok::<_, BackupError>((named, lost))
            });
            let mut copies = copies.buffer_unordered(AT_ONCE);
            while let Some(copy) = copies.next().await {
                match copy? {
                    (named, None) => {
                        restored.blobs += 1;
                        restored.bytes += named.size;
                    }
                    (named, Some(why)) => restored.lost.push(Lost { digest: named.digest, why }),
                }
                far.blobs += 1;
                far.bytes = restored.bytes;
                watch(far);
            }
        }
        let counted = (restored.blobs + restored.lost.len() as u64, restored.bytes);
        if counted.0 != of || (restored.lost.is_empty() && counted.1 != bytes) {
            let what = format!("{counted:?} blobs and bytes were restored, and the rows name {:?}", (of, bytes));
            return Err(Error::Damaged(what).into());
        }
        Ok(restored)
    }

    /// Lets the purge find what a run leaves in an object store that was broken off.
    async fn register_writer(&self) -> Result<(), BackupError> {
        let Some(writer) = self.store.writer() else { return Ok(()) };
        let text = writer.to_string();
        let added = self.database.write(Durability::Power, move |connection| {
            Ok::<_, Error>(connection.execute(&tables::ADD_WRITER, &[(&text).into()])?)
        });
        added.await?;
        Ok(())
    }

    /// Why it cannot be, if it cannot.
    async fn copy(&self, named: &Named) -> Result<Option<String>, BackupError> {
        if self.is_there(named) {
            return Ok(None);
        }
        let blob = self.archive.look.get(&named.digest, &[], named.size);
        match transfer(blob, named.size, &named.digest, self.store).await? {
            Transfer::Bad(why) => Ok(Some(why)),
            Transfer::Done(parts) => {
                self.record(named, parts).await?;
                Ok(None)
            }
        }
    }

    /// Whether an earlier run copied it.
    fn is_there(&self, named: &Named) -> bool {
        match self.store.writer() {
            Some(_) => named.size == 0 || !named.parts.is_empty(),
            None => self.store.get(&named.digest, &[], named.size).is_ok_and(|blob| blob.size() == named.size),
        }
    }

    async fn record(&self, named: &Named, parts: NewParts) -> Result<(), BackupError> {
        if parts.is_empty() {
            return Ok(());
        }
        let (id, parts) = (named.id, parts.to_vec());
        let recorded = self.database.write(Durability::Process, move |connection: &Connection<'_>| {
            parts::add(connection, Owner::Blob(id), 0, &parts)
        });
        Ok(recorded.await?)
    }

    /// Lets the registry say of blobs that could not be restored what is the matter, until they are pushed again.
    ///
    /// # Errors
    /// What the database said.
    pub async fn do_without(&self, lost: &[Lost]) -> Result<(), BackupError> {
        let lost = lost.to_vec();
        let noted = self.database.write(Durability::Process, move |connection: &Connection<'_>| {
            lost.iter().try_for_each(|lost| quarantine::add(connection, &lost.digest, &lost.why))
        });
        Ok(noted.await?)
    }
}

//! Giving back what nothing needs: expired uploads, bytes that a crash left without a row, and blobs that no repository
//! has any more.

mod objects;

use std::time::Duration;

use entrepot_database::{Durability, Timestamp};
use entrepot_oci::Digest;
use uuid::Uuid;

use crate::{Collected, Error, Registry, tables};

/// How often every file of a store on disk is looked at.
const STRAYS_EVERY: Duration = Duration::from_hours(7 * 24);
/// Rows or files looked at in one step.
const STEP: usize = 1000;

/// What a purge gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Upload sessions that expired.
    pub uploads: u64,
    /// Staged files without a session.
    pub staged: u64,
    /// Blobs that no repository has.
    pub blobs: u64,
    /// Objects that belonged to nothing, in an object store, and unfinished writes of objects.
    pub objects: u64,
    /// Bytes of staged files, blobs and objects, as far as they are known.
    pub bytes: u64,
}

impl std::ops::AddAssign for Purged {
    fn add_assign(&mut self, more: Self) {
        self.uploads += more.uploads;
        self.staged += more.staged;
        self.blobs += more.blobs;
        self.objects += more.objects;
        self.bytes += more.bytes;
    }
}

impl Registry {
    /// Runs [`Registry::purge`] when its job is due, for ever. Of several processes over one database one does it; the others
    /// look after what they wrote themselves, as nobody else can tell what of that is under way.
    pub async fn purge_regularly(&self, interval: Duration) {
        loop {
            let purged = match self.0.database.run_job("purge", interval, self.purge_known()).await {
                Ok(None) => self.purge_own().await.map(Some),
                other => other,
            };
            let strays = self.0.database.run_job("strays", interval.max(STRAYS_EVERY), self.purge_strays()).await;
            for purged in [purged, strays] {
                match purged {
                    Ok(Some(purged)) if purged != Purged::default() => tracing::info!(?purged, "purged"),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the purge failed; it runs again later"
                        )
                    }
                }
            }
            tokio::time::sleep(interval.min(Duration::from_mins(10))).await;
        }
    }

    /// Removes what this process wrote to an object store and could not record.
    async fn purge_own(&self) -> Result<Purged, Error> {
        let mut purged = Purged::default();
        self.adopt_own_strays(&mut purged).await?;
        self.remove_all_garbage(&mut purged).await?;
        Ok(purged)
    }

    /// Removes uploads to which nobody wrote for the configured time, and bytes that no row needs. Safe while clients push.
    /// Looks at every file of a store on disk.
    ///
    /// # Errors
    /// What store or database said; what was removed until then stays removed.
    pub async fn purge(&self) -> Result<Purged, Error> {
        let mut purged = self.purge_known().await?;
        purged += self.purge_strays().await?;
        Ok(purged)
    }

    /// What rows say, or what lies beside the blobs: at no cost for what is stored.
    async fn purge_known(&self) -> Result<Purged, Error> {
        let mut purged = Purged::default();
        self.expire_uploads(&mut purged).await?;
        self.remove_stray_staged(&mut purged).await?;
        let mut collected = Collected::default();
        self.collect_dropped(&mut collected).await?;
        purged.blobs += collected.blobs;
        purged.bytes += collected.bytes;
        self.adopt_strays_of_the_dead(&mut purged).await?;
        self.adopt_own_strays(&mut purged).await?;
        self.remove_all_garbage(&mut purged).await?;
        self.0.metrics.purged_bytes.inc_by(purged.bytes);
        Ok(purged)
    }

    /// Blobs on disk that a crash between their name and their row has left: only a look at every file finds them.
    async fn purge_strays(&self) -> Result<Purged, Error> {
        let mut purged = Purged::default();
        self.remove_stray_blobs(&mut purged).await?;
        self.0.metrics.purged_bytes.inc_by(purged.bytes);
        Ok(purged)
    }

    async fn expire_uploads(&self, purged: &mut Purged) -> Result<(), Error> {
        loop {
            let before = Timestamp::now().minus(self.0.options.expire_uploads_after);
            let stale = self.0.database.scan(move |connection| {
                connection.all(&tables::STALE_UPLOADS, &[before.into(), (STEP as i64).into()], |row| {
                    Ok::<_, Error>(row.text(0)?.to_owned())
                })
            });
            let stale = stale.await?;
            let mut removed = 0;
            for text in stale {
                let id: Uuid = text.parse().map_err(|_| Error::Damaged(format!("upload {text:?}")))?;
                // Somebody writes to it right now, so it is not abandoned after all.
                let Some(_held) = self.0.writing.try_hold(id) else { continue };
                // Synced, so that no power cut brings a session back whose objects are gone.
                let rows = self.0.database.write_loosely(Durability::Power, move |connection| {
                    let parameters = [(&text).into(), before.into()];
                    Ok::<_, Error>(connection.execute(&tables::REMOVE_STALE_UPLOAD, &parameters)?)
                });
                removed += rows.await? as u64;
            }
            purged.uploads += removed;
            if removed == 0 {
                return Ok(());
            }
        }
    }

    /// Staged files whose session was removed, or ended in a crash between two steps.
    async fn remove_stray_staged(&self, purged: &mut Purged) -> Result<(), Error> {
        for staged in self.0.store.staged().await? {
            // An upload without a session row (one request) is held while its file grows.
            let Some(_held) = self.0.writing.try_hold(staged.id) else { continue };
            let id = staged.id.to_string();
            let needed = self
                .0
                .database
                .read(move |connection| Ok::<_, Error>(connection.exists(&tables::UPLOAD_SIZE, &[(&id).into()])?));
            if !needed.await? {
                self.0.store.discard(staged.id).await?;
                purged.staged += 1;
                purged.bytes += staged.size;
            }
        }
        Ok(())
    }

    /// Bytes in the store that no row names.
    async fn remove_stray_blobs(&self, purged: &mut Purged) -> Result<(), Error> {
        let mut after = None;
        loop {
            let stored = self.0.store.blobs(after, STEP).await?;
            let Some(last) = stored.last() else { return Ok(()) };
            after = Some(last.digest);
            for blob in stored {
                if self.has_row(&blob.digest).await? {
                    continue;
                }
                // A push of this very blob renames it first and commits its row after: it holds the digest all the while.
                let _publishing = self.0.publishing.hold(blob.digest).await;
                if !self.has_row(&blob.digest).await? && !self.0.database.is_held().await? {
                    self.0.store.remove(&blob.digest, &[]).await?;
                    purged.bytes += blob.size;
                }
            }
        }
    }

    async fn has_row(&self, digest: &Digest) -> Result<bool, Error> {
        let text = digest.to_string();
        let found = self.0.database.read(move |connection| connection.exists(&tables::BLOB, &[(&text).into()]));
        Ok(found.await?)
    }
}

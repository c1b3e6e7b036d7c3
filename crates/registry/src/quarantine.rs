//! Blobs whose bytes are wrong or gone. Nobody gets one, and it counts as not there for whoever pushes: the same bytes pushed again, or
//! copied from elsewhere, take it out of here.
//!
//! What was wrong is kept: a file is moved to `quarantine/` in the store, and objects lose their blob and get rows of their own.
//!
//! ```text
//! found wrong ──► digest held ──► looked at again ──► file moved aside ──► row: nobody gets it
//!                                                     objects: one transaction
//! pushed or repaired ──► bytes synced ──► one transaction: they belong to the blob, and the row is gone
//! ```

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::Digest;
use parking_lot::RwLock;

use crate::named::Named;
use crate::{Error, Registry, parts, stored_digest, tables as core};

/// How often what other processes found is read.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

pub(crate) mod tables {
    entrepot_database::statements! {
        ALL = "SELECT digest FROM quarantine";
        LIST = "SELECT digest, reason, found_at FROM quarantine ORDER BY digest LIMIT $1";
        COUNT = "SELECT COUNT(*) FROM quarantine";
        HAS = "SELECT 1 FROM quarantine WHERE digest = $1";
        ADD = "INSERT INTO quarantine (digest, reason, found_at) VALUES ($1, $2, $3)
            ON CONFLICT (digest) DO UPDATE SET reason = excluded.reason";
        REMOVE = "DELETE FROM quarantine WHERE digest = $1";
        REMOVE_FORGOTTEN = "DELETE FROM quarantine WHERE digest = $1
            AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = quarantine.digest)";
        KEEP_OBJECT = "INSERT INTO damaged_objects (key, digest, position, size)
            SELECT key, $1, position, size FROM objects WHERE key = $2";
        FORGET_OBJECT = "DELETE FROM objects WHERE key = $1 AND blob_id = $2";
        /// Also those that are in quarantine, so that they can be deleted.
        BLOB_IN_REPOSITORY = "SELECT b.id, b.size FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id
            WHERE b.digest = $1 AND l.repository_id = $2";
    }
}

/// What this process knows to be in quarantine.
#[derive(Default)]
pub(crate) struct Quarantine {
    /// Mostly there is none, and nobody has to take a lock to see that.
    any: AtomicBool,
    digests: RwLock<HashSet<Digest>>,
}

/// A blob in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Which one.
    pub digest: Digest,
    /// What was wrong with its bytes.
    pub reason: String,
    /// When that was found.
    pub found_at: Timestamp,
}

impl Quarantine {
    fn has(&self, digest: &Digest) -> bool {
        self.any.load(Ordering::Acquire) && self.digests.read().contains(digest)
    }

    fn add(&self, digest: Digest) {
        self.digests.write().insert(digest);
        self.any.store(true, Ordering::Release);
    }

    /// Whether it was there.
    fn remove(&self, digest: &Digest) -> bool {
        self.any.load(Ordering::Acquire) && self.digests.write().remove(digest)
    }

    fn set(&self, digests: HashSet<Digest>) {
        let any = !digests.is_empty();
        *self.digests.write() = digests;
        self.any.store(any, Ordering::Release);
    }
}

/// Takes a blob out, inside the transaction that records its new bytes.
pub(crate) fn release(connection: &Connection<'_>, digest: &str) -> Result<(), Error> {
    connection.execute(&tables::REMOVE, &[digest.into()])?;
    Ok(())
}

/// Row and size in bytes of a blob that the repository has, be its bytes as they may.
pub(crate) fn linked(connection: &Connection<'_>, digest: &str, repository: i64) -> Result<Option<(i64, u64)>, Error> {
    connection.first(&tables::BLOB_IN_REPOSITORY, &[digest.into(), repository.into()], |row| {
        Ok((row.integer(0)?, row.size(1)?))
    })
}

/// Everything in quarantine.
pub(crate) fn all(connection: &Connection<'_>) -> Result<Vec<Digest>, Error> {
    connection.all(&tables::ALL, &[], |row| stored_digest(row.text(0)?))
}

/// The first blobs in quarantine, and how many there are.
pub(crate) fn list(connection: &Connection<'_>, limit: i64) -> Result<(Vec<Quarantined>, u64), Error> {
    let listed = connection.all(&tables::LIST, &[limit.into()], |row| {
        Ok::<_, Error>(Quarantined {
            digest: stored_digest(row.text(0)?)?,
            reason: row.text(1)?.to_owned(),
            found_at: Timestamp::from_micros(row.integer(2)?),
        })
    })?;
    let count = connection.first(&tables::COUNT, &[], |row| Ok::<_, Error>(row.size(0)?))?;
    Ok((listed, count.unwrap_or_default()))
}

/// Puts a blob that is nowhere into quarantine, so that whoever asks for it hears why.
pub(crate) fn add(connection: &Connection<'_>, digest: &Digest, reason: &str) -> Result<(), Error> {
    let digest = digest.to_string();
    let parameters = [(&digest).into(), reason.into(), Timestamp::now().into()];
    connection.execute(&tables::ADD, &parameters)?;
    Ok(())
}

impl Registry {
    /// That a blob which the repository has can be given to those who ask. What another process took out of quarantine since it was
    /// last read is given at once.
    pub(crate) async fn refuse_quarantined(&self, digest: &Digest) -> Result<(), Error> {
        if !self.0.quarantine.has(digest) {
            return Ok(());
        }
        let text = digest.to_string();
        let still = self.0.database.read(move |connection| connection.exists(&tables::HAS, &[(&text).into()]));
        if still.await? {
            return Err(Error::BlobQuarantined(*digest));
        }
        self.released(digest);
        Ok(())
    }

    /// What is in quarantine, from now on.
    ///
    /// # Errors
    /// What the database said.
    pub async fn read_quarantine(&self) -> Result<(), Error> {
        let digests = self.0.database.scan(all);
        let digests: HashSet<Digest> = digests.await?.into_iter().collect();
        self.0.metrics.quarantined.set(i64::try_from(digests.len()).unwrap_or(i64::MAX));
        self.0.quarantine.set(digests);
        Ok(())
    }

    /// Learns again and again what other processes put into quarantine or took out, for ever. Over a database that is this
    /// process's alone there is nothing to learn.
    pub async fn follow_quarantine(&self) {
        while self.0.database.is_shared() {
            tokio::time::sleep(FOLLOW_EVERY).await;
            if let Err(error) = self.read_quarantine().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "it is not known what is in quarantine");
            }
        }
    }

    /// The first `limit` blobs in quarantine, and how many there are.
    ///
    /// # Errors
    /// What the database said.
    pub async fn quarantined(&self, limit: i64) -> Result<(Vec<Quarantined>, u64), Error> {
        self.0.database.scan(move |connection| list(connection, limit)).await
    }

    /// After a push or a repair.
    pub(crate) fn released(&self, digest: &Digest) {
        if self.0.quarantine.remove(digest) {
            self.0.metrics.quarantined.dec();
        }
    }

    /// Takes a blob's bytes aside, durably. Its digest is held.
    pub(crate) async fn quarantine(&self, named: &Named, reason: String) -> Result<bool, Error> {
        self.0.store.set_aside(&named.digest).await?;
        let (named, why) = (named.clone(), reason.clone());
        let digest = named.digest;
        let taken = self.0.database.write(Durability::Power, move |connection| take(connection, &named, &why));
        let taken = taken.await?;
        if taken {
            self.0.quarantine.add(digest);
            self.0.metrics.quarantined.inc();
            tracing::error!(%digest, reason, "a blob is damaged, and nobody gets it until it is pushed again or repaired");
        }
        Ok(taken)
    }
}

/// Whether the blob still has these parts, and so is now in quarantine.
fn take(connection: &Connection<'_>, named: &Named, reason: &str) -> Result<bool, Error> {
    let digest = named.digest.to_string();
    if parts::of_blob(connection, named.id)? != named.parts || !connection.exists(&core::BLOB, &[(&digest).into()])? {
        return Ok(false);
    }
    for part in &named.parts {
        let key = part.key.to_string();
        connection.execute(&tables::KEEP_OBJECT, &[(&digest).into(), (&key).into()])?;
        connection.execute(&tables::FORGET_OBJECT, &[(&key).into(), named.id.into()])?;
    }
    add(connection, &named.digest, reason)?;
    Ok(true)
}

#![doc = include_str!("../README.md")]

mod adopt;
mod backup;
mod blobs;
mod cache;
mod catalog;
mod collect;
mod doctor;
mod error;
pub mod gate;
mod listing;
mod manifests;
mod metrics;
mod named;
mod parts;
mod pattern;
mod publish;
mod pulls;
mod purge;
mod quarantine;
mod referrers;
mod replica;
mod reread;
mod retention;
mod scrub;
mod sizes;
mod slots;
mod tables;
mod tags;
mod trash;
mod uploads;
mod usage;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use entrepot_database::{Connection, Database, Timestamp};
use entrepot_oci::{Digest, RepositoryName};
use entrepot_store::Store;
use parking_lot::Mutex;
use uuid::Uuid;

pub use backup::{
    Archive, Backup, BackupError, Base, Check, Far, Found, Kept, Lost, NOT_RESTORED, Record, Recovered, Restore, Taken,
};
pub use blobs::{BlobContent, MountSource};
pub use catalog::{CatalogError, TagEntry};
pub use collect::{Collected, Deed, Explanation, Fate, Keeper, Reason, Step};
pub use doctor::Examination;
pub use error::{BadTarget, Error, Full, Mismatch, Use};
pub use listing::Page;
pub use manifests::{Destination, ManifestPush, Precondition, PushedManifest, StoredManifest};
pub use metrics::Metrics;
pub use pattern::{InvalidPattern, Pattern};
pub use purge::Purged;
pub use quarantine::Quarantined;
pub use referrers::{Referrer, Referrers};
pub use retention::{Conditions, Fortune, InvalidRule, Keeping, RetentionRule, TagFortune};
pub use scrub::{ScrubOptions, ScrubState, Scrubbed};
pub use sizes::{Sizes, Total};
pub use tables::ROOM;
pub use tags::{Standing, TagChange};
pub use trash::{Deleted, Restored, TrashEntry, TrashId};
pub use uploads::{BodyError, UploadId};
pub use usage::used_bytes;

/// Every named step of the commit paths at which the crash campaign can stop the process (feature `failpoints`).
pub fn fail_points() -> Vec<&'static str> {
    [entrepot_store::FAIL_POINTS, entrepot_database::FAIL_POINTS, FAIL_POINTS].concat()
}

const FAIL_POINTS: &[&str] = &[
    "registry::after_checkpoint",
    "registry::after_publish",
    "registry::after_link",
    "registry::after_manifest",
    "registry::after_delete",
    "registry::after_restore",
    "retention::after_tags",
    "collect::after_trash",
    "collect::after_links",
    "collect::after_manifests",
    "collect::after_forget",
    "collect::after_bytes",
    "objects::after_adopt",
    "objects::after_remove",
];

/// How long the database may take to say that it is well. Who asks for readiness wants an answer, not to wait.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How the core behaves, each from the configuration key of the same name.
#[derive(Clone, Debug)]
pub struct Options {
    /// Accept manifests that name blobs or manifests which the repository does not have.
    pub sparse: bool,
    /// Allow deleting.
    pub delete: bool,
    /// Largest blob in bytes.
    pub max_blob_bytes: Option<u64>,
    /// How long an upload that nobody writes to is kept.
    pub expire_uploads_after: Duration,
    /// How long what nothing needs is left alone, twice: before it is condemned, and before it goes. A client has as long to
    /// push the manifest of blobs that it was told are there.
    pub grace: Duration,
    /// After how long manifests go that nothing names; `None`: never.
    pub untagged_after: Option<Duration>,
    /// How long what was deleted can be restored; zero: not at all.
    pub trash_for: Duration,
    /// How long is known what tags showed.
    pub history_for: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let week = Duration::from_hours(7 * 24);
        Self {
            sparse: false,
            delete: true,
            max_blob_bytes: None,
            expire_uploads_after: week,
            grace: Duration::from_hours(24),
            untagged_after: None,
            trash_for: week,
            history_for: Duration::from_hours(90 * 24),
        }
    }
}

/// The distribution core; clones share it.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    options: Options,
    store: Store,
    database: Database,
    cache: cache::Cache,
    metrics: Metrics,
    usage: usage::Remembered,
    quarantine: quarantine::Quarantine,
    pulls: pulls::Pulls,
    /// Which tags do not go, if whoever has the rules said so.
    frozen: OnceLock<Arc<retention::FrozenTags>>,
    /// The id of this process among those that are alive.
    replica: Mutex<Option<Uuid>>,
    /// Uploads that a request is writing to.
    writing: slots::Slots<Uuid>,
    /// Uploads whose size is being written down.
    recording: slots::Slots<Uuid>,
    /// Digests whose blob is being published or removed: between the bytes and the row nobody may act on half of it.
    publishing: slots::Slots<Digest>,
}

impl Registry {
    /// A core over these bytes and facts; `database` must have been opened with [`ROOM`].
    pub fn new(options: Options, store: Store, database: Database) -> Self {
        let cache = cache::Cache::new(!database.is_shared());
        let metrics = Metrics::new(&cache);
        Self(Arc::new(Inner {
            options,
            store,
            database,
            cache,
            metrics,
            usage: usage::Remembered::new(),
            quarantine: quarantine::Quarantine::default(),
            pulls: pulls::Pulls::default(),
            frozen: OnceLock::new(),
            replica: Mutex::default(),
            writing: slots::Slots::default(),
            recording: slots::Slots::default(),
            publishing: slots::Slots::default(),
        }))
    }

    /// What is counted here, in the database and in the cache.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The database under it.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The store under it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Whether the database knows the bytes of blobs to be in a store of this kind, for the start. That another bucket or
    /// directory is named than before is not noticed here.
    ///
    /// # Errors
    /// [`Error::OtherStore`] if they are elsewhere; what the database said.
    pub async fn check_store(&self) -> Result<(), Error> {
        let on_disk = self.0.store.writer().is_none();
        let elsewhere = self.0.database.read(move |connection| kept_elsewhere(connection, on_disk));
        if elsewhere.await? { Err(Error::OtherStore) } else { Ok(()) }
    }

    /// Whether database and blob store can be used, for readiness.
    ///
    /// # Errors
    /// The first that cannot, or did not say so within a second.
    pub async fn probe(&self) -> Result<(), Error> {
        let asked = tokio::time::timeout(PROBE_TIMEOUT, self.0.database.probe()).await;
        asked.map_err(|_| Error::Unanswered(PROBE_TIMEOUT))??;
        let asked = tokio::time::timeout(PROBE_TIMEOUT, self.0.store.probe()).await;
        Ok(asked.map_err(|_| Error::Unanswered(PROBE_TIMEOUT))??)
    }
}

/// Whether the bytes of blobs are in an object store although the disk is used, or the other way round.
fn kept_elsewhere(connection: &Connection<'_>, on_disk: bool) -> Result<bool, Error> {
    if on_disk {
        return Ok(connection.exists(&tables::ANY_PART_OF_BLOB, &[])?);
    }
    let first = connection.first(&tables::FIRST_BLOB, &[], |row| Ok::<_, Error>(row.integer(0)?))?;
    match first {
        Some(id) => Ok(!connection.exists(&tables::BLOB_HAS_PART, &[id.into()])?),
        None => Ok(false),
    }
}

/// The row of a repository, if it has one.
fn find_repository(connection: &Connection<'_>, name: &RepositoryName) -> Result<Option<i64>, Error> {
    connection.first(&tables::REPOSITORY, &[name.as_str().into()], |row| Ok(row.integer(0)?))
}

/// The row of a repository; [`Error::RepositoryUnknown`] if it has none.
fn existing_repository(connection: &Connection<'_>, name: &RepositoryName) -> Result<i64, Error> {
    find_repository(connection, name)?.ok_or_else(|| Error::RepositoryUnknown(name.clone()))
}

/// The row of a repository, made if it has none.
fn ensure_repository(connection: &Connection<'_>, name: &RepositoryName) -> Result<i64, Error> {
    if let Some(id) = find_repository(connection, name)? {
        return Ok(id);
    }
    let parameters = [name.as_str().into(), Timestamp::now().into()];
    let added = connection.first(&tables::ADD_REPOSITORY, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    added.ok_or_else(|| Error::Damaged(format!("no row for repository {name}")))
}

/// A digest as a column holds it.
fn stored_digest(text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|_| Error::Damaged(format!("{text:?} stands where a digest should")))
}

/// The name of a repository as a column holds it.
fn stored_name(text: &str) -> Result<RepositoryName, Error> {
    text.parse().map_err(|_| Error::Damaged(format!("{text:?} stands where a repository name should")))
}

#[cfg(test)]
mod tests;

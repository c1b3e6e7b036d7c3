//! Whether there is room in a namespace for what comes.
//!
//! It is asked exactly before something becomes part of a repository, outside the transaction that makes it so: of pushes at
//! one time each may find room, so a namespace gets more than it may have by those at most. At the beginning of an upload, and
//! while its bytes come in, what was known a moment ago is enough to refuse early.

use std::time::{Duration, Instant};

use entrepot_database::Connection;
use entrepot_oci::{Digest, RepositoryName};
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use super::{Used, used};
use crate::gate::{Grant, Push};
use crate::{Error, Registry, tables};

/// How long what is used is remembered, for refusing early.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Of how many namespaces.
const NAMESPACES: usize = 10_000;

/// What namespaces with a quota used a moment ago.
pub(crate) struct Remembered {
    used: Cache<String, (Instant, u64)>,
    /// That there are many changes to be taken in.
    pub(super) many: Notify,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        Self { used: Cache::new(NAMESPACES), many: Notify::new() }
    }

    fn get(&self, namespace: &str) -> Option<u64> {
        let (at, used) = self.used.get(namespace)?;
        (at.elapsed() < REMEMBERED).then_some(used)
    }
}

/// What comes, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thing {
    /// Bytes that have no name yet.
    Unnamed,
    Blob(Digest),
    Manifest(Digest),
}

impl Thing {
    /// Whether the repository has it: then it takes no more than it does already.
    fn is_in(self, connection: &Connection<'_>, repository: &RepositoryName) -> Result<bool, Error> {
        let (statement, digest) = match self {
            Self::Unnamed => return Ok(false),
            Self::Blob(digest) => (&tables::BLOB_BY_NAMES, digest),
            Self::Manifest(digest) => (&tables::MANIFEST_BY_DIGEST, digest),
        };
        let there = digest.with_text(|text| connection.exists(statement, &[text.into(), repository.as_str().into()]));
        Ok(there?)
    }
}

/// What may still come in by one request.
pub(crate) struct Room<'a> {
    grant: &'a Grant<Push>,
    thing: Thing,
    /// Bytes for which there is room; `None` if that was not looked at yet, or nothing limits them.
    left: Option<u64>,
}

impl<'a> Room<'a> {
    pub(crate) fn new(grant: &'a Grant<Push>, thing: Thing) -> Self {
        Self { grant, thing, left: None }
    }

    /// Whether `bytes` fit in: all that came so far, with what comes now.
    ///
    /// # Errors
    /// [`Error::QuotaReached`]; what the database said.
    pub(crate) async fn holds(&mut self, registry: &Registry, bytes: u64) -> Result<(), Error> {
        let Some(limit) = self.grant.terms().max_bytes() else { return Ok(()) };
        if self.left.is_some_and(|left| bytes <= left) {
            return Ok(());
        }
        let remembered = registry.0.usage.get(self.grant.repository().namespace());
        let left = remembered.and_then(|used| limit.checked_sub(used)).filter(|left| bytes <= *left);
        self.left = match left {
            Some(left) => Some(left),
            None => Some(registry.require_room(self.grant, self.thing, bytes).await?),
        };
        Ok(())
    }
}

impl Registry {
    /// Whether there is room for `thing`, which has so many bytes, now; returns for how many there is.
    ///
    /// # Errors
    /// [`Error::QuotaReached`]; what the database said.
    pub(crate) async fn require_room(&self, grant: &Grant<Push>, thing: Thing, bytes: u64) -> Result<u64, Error> {
        let Some(limit) = grant.terms().max_bytes() else { return Ok(u64::MAX) };
        let repository = grant.repository().clone();
        let asked = self.0.database.read(move |connection| {
            let used = used(connection, repository.namespace())?;
            let fits = used.bytes.saturating_add(bytes) <= limit;
            Ok::<_, Error>((used, fits, !fits && thing.is_in(connection, &repository)?))
        });
        let (Used { bytes: used, many }, fits, is_there) = asked.await?;
        if many {
            self.0.usage.many.notify_one();
        }
        let namespace = grant.repository().namespace();
        self.0.usage.used.insert(namespace.to_owned(), (Instant::now(), used));
        match (fits, is_there) {
            (true, _) => Ok(limit - used),
            (false, true) => Ok(u64::MAX),
            (false, false) => Err(Error::quota_reached(namespace, used, limit)),
        }
    }
}

//! When manifests were last pulled, for the rules of retention.
//!
//! A pull costs a look into memory. What was seen is written every minute, in transactions of a few rows, and when the process
//! stops; one that is killed loses a minute. Each replica writes what it saw, and the latest stays.

use std::collections::HashMap;
use std::time::Duration;

use entrepot_database::{Durability, Timestamp};
use entrepot_oci::{Digest, RepositoryName};
use parking_lot::Mutex;

use crate::gate::{Grant, Pull};
use crate::{Error, Registry, tables};

/// How often they are written.
const WRITE_EVERY: Duration = Duration::from_mins(1);
/// How many are remembered until then. Of more, those that were not pulled before in this minute are not written down.
const REMEMBERED: usize = 100_000;
/// How many are written in one transaction.
const TOGETHER: usize = 100;

/// What was pulled and is not written down yet.
#[derive(Default)]
pub(crate) struct Pulls(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    by_repository: HashMap<RepositoryName, HashMap<Digest, Timestamp>>,
    count: usize,
}

/// A pull of a manifest.
type Seen = (RepositoryName, Digest, Timestamp);

impl Pulls {
    fn see(&self, repository: &RepositoryName, digest: &Digest, at: Timestamp) {
        let mut seen = self.0.lock();
        if let Some(known) = seen.by_repository.get_mut(repository).and_then(|digests| digests.get_mut(digest)) {
            *known = (*known).max(at);
        } else if seen.count < REMEMBERED {
            seen.count += 1;
            seen.by_repository.entry(repository.clone()).or_default().insert(*digest, at);
        }
    }

    fn take(&self) -> Vec<Seen> {
        let seen = std::mem::take(&mut *self.0.lock());
        let all = seen.by_repository.into_iter().flat_map(|(repository, digests)| {
            digests.into_iter().map(move |(digest, at)| (repository.clone(), digest, at))
        });
        all.collect()
    }
}

impl Registry {
    /// Says that a client got this manifest.
    pub fn pulled(&self, grant: &Grant<Pull>, digest: &Digest) {
        self.0.pulls.see(grant.repository(), digest, Timestamp::now());
    }

    /// Writes down what was pulled, for ever.
    pub async fn note_pulls_regularly(&self) {
        loop {
            tokio::time::sleep(WRITE_EVERY).await;
            if let Err(error) = self.note_pulls().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the last pulls are written down later");
            }
        }
    }

    /// Writes down what was pulled until now.
    ///
    /// # Errors
    /// What the database said; what was not written is remembered.
    pub async fn note_pulls(&self) -> Result<(), Error> {
        let mut seen = self.0.pulls.take();
        // In one order, so that replicas do not wait for each other crosswise.
        seen.sort_by_cached_key(|(repository, digest, _)| (repository.to_string(), digest.to_string()));
        for (done, some) in seen.chunks(TOGETHER).enumerate() {
            let pulls = some.to_vec();
            let written = self.0.database.write_loosely(Durability::Process, move |connection| {
                for (repository, digest, at) in &pulls {
                    let text = digest.to_string();
                    let parameters = [(*at).into(), (&text).into(), repository.as_str().into()];
                    connection.execute(&tables::SET_PULLED, &parameters)?;
                }
                Ok::<_, Error>(())
            });
            if let Err(error) = written.await {
                for (repository, digest, at) in &seen[done * TOGETHER..] {
                    self.0.pulls.see(repository, digest, *at);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

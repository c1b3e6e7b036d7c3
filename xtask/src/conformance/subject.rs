//! What the suite is run against: a registry that has nothing yet.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::{Entrepot, Replicas, Start, entrepot_binary};
use tempfile::TempDir;

/// The suite pushes images of which parts are missing, and expects them to be taken.
const SETTINGS: &[(&str, &str)] = &[("ENTREPOT_REGISTRY_SPARSE_MANIFESTS", "true")];

/// A registry. One that was started for the suite ends when this is dropped.
pub(super) enum Subject {
    /// One process with its own disk.
    One { server: Entrepot, _directory: TempDir },
    /// Replicas over PostgreSQL and an S3 server, behind nginx, which gives each request to the next one.
    Replicas(Box<Replicas>),
    /// One that runs already, at `HOST:PORT`.
    Elsewhere(String),
}

impl Subject {
    /// Starts one process.
    pub(super) fn one() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let start = |directory: &Path| {
            Entrepot::start(&Start { binary: &entrepot_binary()?, directory, settings: SETTINGS, tls: None })
        };
        Ok(Self::One { server: start(directory.path())?, _directory: directory })
    }

    /// Starts so many replicas.
    pub(super) fn replicas(count: usize) -> Result<Self> {
        let started = Replicas::start(count, SETTINGS)?;
        let missing = "replicas need PostgreSQL, SeaweedFS and nginx: cargo xtask tools --install";
        Ok(Self::Replicas(Box::new(started.context(missing)?)))
    }

    /// Where it listens, as `HOST:PORT`.
    pub(super) fn address(&self) -> String {
        match self {
            Self::One { server, .. } => server.address().to_string(),
            Self::Replicas(replicas) => replicas.address().to_string(),
            Self::Elsewhere(address) => address.clone(),
        }
    }

    /// How the requests were spread, in words. Nothing where there is one process.
    ///
    /// # Errors
    /// A replica was asked less than its share: then it was not replicas that were tested.
    pub(super) fn spread(&self) -> Result<Option<String>> {
        let Self::Replicas(replicas) = self else { return Ok(None) };
        let each: Vec<usize> = replicas.replicas().iter().map(|replica| requests(&replica.log())).collect();
        let (all, least) = (each.iter().sum::<usize>(), each.iter().min().copied().unwrap_or_default());
        ensure!(2 * least * each.len() > all, "the requests were not spread over the replicas: {each:?}");
        let each: Vec<String> = each.iter().map(usize::to_string).collect();
        Ok(Some(format!("requests at each of {} replicas: {}", each.len(), each.join(", "))))
    }
}

/// Lines of the access log that are requests of the distribution API.
fn requests(log: &str) -> usize {
    log.lines().filter(|line| line.contains(r#""target":"access""#) && line.contains(r#""path":"/v2/"#)).count()
}

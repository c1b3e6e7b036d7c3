//! Where one candidate keeps what it is given: a directory, and the servers that it needs besides, each of its own.

use std::path::Path;

use anyhow::{Context, Result};
use entrepot_test_support::servers::{S3Bucket, SeaweedFs};
use entrepot_test_support::{FaultProxy, Passed, Postgres};

use super::candidate::Candidate;
use super::directory::Directory;
use super::process_tree::ProcessTree;

/// A candidate's directory and servers, gone with all that they keep when dropped. The candidate ends before.
#[derive(Debug)]
pub(super) struct Site {
    database: Option<(Postgres, String)>,
    store: Option<Store>,
    directory: Directory,
}

/// An S3 server, with what counts the bytes on the way to it.
#[derive(Debug)]
struct Store {
    server: SeaweedFs,
    counter: Option<FaultProxy>,
    bucket: S3Bucket,
}

impl Site {
    /// Starts what `candidate` needs, on a disk with at least `needed` bytes free.
    pub(super) fn prepare(candidate: Candidate, under: &Path, needed: u64) -> Result<Self> {
        Self::new(candidate, under, needed, false)
    }

    /// The same, with everything that goes to the S3 server and comes from it counted. That costs time.
    pub(super) fn counting(candidate: Candidate, under: &Path, needed: u64) -> Result<Self> {
        Self::new(candidate, under, needed, true)
    }

    fn new(candidate: Candidate, under: &Path, needed: u64, counting: bool) -> Result<Self> {
        let directory = Directory::create(under, candidate.name(), needed)?;
        let database = if candidate.uses_postgres() {
            let server = Postgres::start()?.context("PostgreSQL is not installed")?;
            let url = server.database()?;
            Some((server, url))
        } else {
            None
        };
        let store = if candidate.uses_s3() {
            let server = SeaweedFs::start()?.context("SeaweedFS is not installed")?;
            let counter = if counting { Some(FaultProxy::start(server.address())?) } else { None };
            let bucket = match &counter {
                Some(counter) => server.bucket().through(counter.address()),
                None => server.bucket().clone(),
            };
            Some(Store { server, counter, bucket })
        } else {
            None
        };
        Ok(Self { database, store, directory })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The URL of its PostgreSQL database, if it has one.
    pub(super) fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|(_, url)| url.as_str())
    }

    /// Runs SQL in its PostgreSQL database and gives the rows, with `|` between columns.
    pub(super) fn sql(&self, sql: &str) -> Result<String> {
        let (server, url) = self.database.as_ref().context("there is no PostgreSQL here")?;
        let name =
            url.rsplit('/').next().and_then(|rest| rest.split('?').next()).context("a database without a name")?;
        server.sql(name, sql)
    }

    /// Its S3 bucket, if it has one.
    pub(super) fn bucket(&self) -> Option<&S3Bucket> {
        self.store.as_ref().map(|store| &store.bucket)
    }

    /// What has passed between the candidate and the S3 server, if that is counted.
    pub(super) fn passed(&self) -> Option<Passed> {
        Some(self.store.as_ref()?.counter.as_ref()?.passed())
    }

    /// The S3 server, if there is one.
    pub(super) fn store(&self) -> Option<&SeaweedFs> {
        self.store.as_ref().map(|store| &store.server)
    }

    /// The processes of its servers.
    pub(super) fn processes(&self) -> Result<Vec<ProcessTree>> {
        let mut trees = Vec::new();
        if let Some((server, _)) = &self.database {
            trees.push(ProcessTree::of(server.process_id()?));
        }
        if let Some(store) = &self.store {
            trees.push(ProcessTree::of(store.server.process_id()?));
        }
        Ok(trees)
    }
}

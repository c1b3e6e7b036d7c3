#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod jobs;
mod metrics;
mod migration;
mod statement;
mod time;
mod writer;

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub use connection::{Connection, Row, Value};
pub use error::{Error, Kind};
pub use jobs::{JOBS_STATEMENTS, Lease};
pub use metrics::Metrics;
pub use migration::{Migration, Room};
pub use statement::Statement;
pub use time::Timestamp;

/// Every named step at which the crash campaign can stop the process (feature `failpoints`).
pub const FAIL_POINTS: &[&str] = &["database::before_commit", "database::after_commit"];

/// How long a statement waits for another process that has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The end of the process (`kill -9`), but perhaps not a power cut. For facts that a client can do without.
    Process,
    /// A power cut: the commit is synced before the caller is told.
    Power,
}

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    path: PathBuf,
    readers: Mutex<Vec<rusqlite::Connection>>,
    writer: writer::Writer,
    metrics: Metrics,
}

impl Database {
    /// Opens the database file at `path`, makes it if there is none, and brings the tables of `rooms` up to date.
    ///
    /// # Errors
    /// [`Kind::Migration`] if the file was written by a newer version or changed by hand; otherwise what the disk said.
    pub fn open(path: &Path, rooms: &[Room]) -> Result<Self, Error> {
        make_private(path)?;
        let mut connection = open(path)?;
        migration::migrate(&mut connection, &[&[jobs::ROOM], rooms].concat())?;
        let metrics = Metrics::default();
        let writer = writer::Writer::start(connection, metrics.clone())?;
        Ok(Self(Arc::new(Inner { path: path.to_owned(), readers: Mutex::default(), writer, metrics })))
    }

    /// Runs `work` where it is asked, on this thread. For reads that touch a few rows by key; each statement sees what is
    /// committed when it runs.
    ///
    /// `work` may be run again and so must not have effects outside.
    ///
    /// # Errors
    /// What `work` returns, and [`Error`] if no connection can be had.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        self.read_here(work)
    }

    fn read_here<T, E: From<Error>>(&self, work: impl FnOnce(&Connection<'_>) -> Result<T, E>) -> Result<T, E> {
        let start = Instant::now();
        let pooled = self.0.readers.lock().pop();
        let reader = match pooled {
            Some(reader) => reader,
            None => open_reader(&self.0.path)?,
        };
        let result = work(&Connection::new(&reader));
        self.0.readers.lock().push(reader);
        self.0.metrics.read_seconds.observe(start.elapsed().as_secs_f64());
        result
    }

    /// Runs `work` on one snapshot in the blocking pool. For lists and anything whose cost grows with the data.
    ///
    /// `work` may be run again and so must not have effects outside.
    ///
    /// # Errors
    /// What `work` returns, and [`Error`] if no connection can be had.
    pub async fn scan<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        let database = self.clone();
        let span = tracing::Span::current();
        let scanned = tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            database.read_here(|connection| {
                connection.begin_snapshot()?;
                let result = work(connection);
                connection.end_snapshot()?;
                result
            })
        });
        scanned.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "scan", "the read did not finish").into()))
    }

    /// Runs `work` in a transaction, together with others that wait, and returns when it is committed.
    ///
    /// `work` may be run again and so must not have effects outside the transaction. If it returns an error its changes are
    /// undone and the others' are kept.
    ///
    /// # Errors
    /// What `work` returns, and [`Error`] if the commit failed: then nothing of it is visible.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the transaction: it is committed or undone as a whole.
    pub async fn write<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.writer.run(durability, work).await
    }

    /// What is counted and timed here.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    /// What the database said.
    pub async fn probe(&self) -> Result<(), Error> {
        self.read(|connection| connection.probe()).await
    }
}

/// Makes the file, if there is none, so that only its owner can read it; the log beside it gets the same mode.
fn make_private(path: &Path) -> Result<(), Error> {
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| Error::new(Kind::Io, "open", format!("{}: {error}", path.display())))
}

fn open(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = rusqlite::Connection::open(path)?;
    // First, so that two openers wait for each other when they switch the journal mode.
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // A long read can make the log grow; what a later checkpoint frees is given back to the disk.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", "ON")?;
    Ok(connection)
}

#[cfg(test)]
mod tests;

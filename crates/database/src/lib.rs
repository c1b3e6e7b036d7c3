#![doc = include_str!("../README.md")]

mod cell;
mod connection;
mod doctor;
mod dynamic;
mod error;
mod holds;
mod jobs;
mod maintenance;
mod metrics;
mod migration;
mod moving;
mod own;
mod postgres;
mod replica;
mod row;
mod snapshot;
mod sqlite;
mod statement;
mod time;
mod value;

use std::path::Path;
use std::sync::Arc;

pub use connection::Connection;
pub use doctor::{Diagnosis, Doctor, Trouble, Verdict};
pub use error::{Error, Kind};
pub use jobs::Lease;
pub use metrics::Metrics;
pub use migration::{Compatibility, Migration, Room, Table};
pub use moving::{Cancelled, End, Far, Move, Moved, Part, State, Step, Summary};
pub use postgres::{POSTGRES_PLANNER, PostgresOptions, PostgresUrl};
pub use replica::DEAD_AFTER;
pub use row::Row;
pub use snapshot::{Rows, Snapshot};
pub use statement::Statement;
pub use time::Timestamp;
pub use value::Value;

use crate::maintenance::Guard;
use crate::postgres::{Isolation, Lane, Pool, Terms, View};
use crate::sqlite::Sqlite;

/// Every named step at which the crash campaign can stop the process (feature `failpoints`).
pub const FAIL_POINTS: &[&str] = &["database::before_commit", "database::after_commit"];

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The end of the process (`kill -9`), but perhaps not a power cut, nor a crash of the PostgreSQL server. For facts that a
    /// client can do without.
    Process,
    /// A power cut: the commit is synced before the caller is told.
    Power,
}

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    engine: Engine,
    metrics: Metrics,
}

enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Pool>),
}

impl Database {
    /// Opens the SQLite file at `path`, makes it if there is none, and brings the tables of `rooms` up to date.
    ///
    /// # Errors
    /// [`Kind::Migration`] if the file was written by a newer version or changed by hand; otherwise what the disk said.
    pub fn open(path: &Path, rooms: &[Room]) -> Result<Self, Error> {
        let metrics = Metrics::default();
        let file = Sqlite::open(path, &own::with_own(rooms), metrics.clone())?;
        Ok(Self(Arc::new(Inner { engine: Engine::Sqlite(Arc::new(file)), metrics })))
    }

    /// Connects to a PostgreSQL database, and brings the tables of `rooms` up to date. One process at a time does so; the
    /// others wait.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if there is no server to be reached; [`Kind::Io`] if it does not let us in; [`Kind::Migration`] if
    /// the tables are of a newer version with which this one cannot work, or were changed by hand.
    pub async fn connect(options: PostgresOptions, rooms: &[Room]) -> Result<Self, Error> {
        let metrics = Metrics::default();
        let pool = postgres::open(options, own::with_own(rooms), metrics.clone()).await?;
        Ok(Self(Arc::new(Inner { engine: Engine::Postgres(pool), metrics })))
    }

    /// Whether other processes may change the database meanwhile. What is read from it can then be kept in memory only if it
    /// never changes.
    pub fn is_shared(&self) -> bool {
        matches!(self.0.engine, Engine::Postgres(_))
    }

    /// Runs `work`, for reads that touch a few rows by key; each statement sees what is committed when it runs. Over SQLite
    /// it runs on this thread, and the future is ready at once.
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
        match &self.0.engine {
            Engine::Sqlite(file) => file.read(work),
            Engine::Postgres(pool) => postgres::read(pool, Lane::Callers, View::Latest, work).await,
        }
    }

    /// Runs `work` on one snapshot in the blocking pool. For lists and anything whose cost grows with the data.
    ///
    /// `work` may be run again and so must not have effects outside.
    ///
    /// # Errors
    /// What `work` returns, and [`Error`] if no connection can be had.
    pub async fn scan<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite(file) => {
                let file = Arc::clone(file);
                let span = tracing::Span::current();
                let scanned = tokio::task::spawn_blocking(move || span.in_scope(|| file.scan(work)));
                scanned.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "scan", "the read did not finish").into()))
            }
            Engine::Postgres(pool) => postgres::read(pool, Lane::Callers, View::Snapshot, work).await,
        }
    }

    /// Runs `work` in a transaction that is as if it ran alone, and returns when it is committed. Over SQLite many writes that
    /// wait share one commit.
    ///
    /// `work` may be run again and so must not have effects outside the transaction. If it returns an error its changes are
    /// undone.
    ///
    /// # Errors
    /// What `work` returns, and [`Error`] if the commit failed: then nothing of it is visible, except for
    /// [`Kind::Unavailable`], after which all of it may be or nothing.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the transaction: it is committed or undone as a whole.
    pub async fn write<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        self.transact(durability, Guard::Refuse, work).await
    }

    /// As [`Database::write`], for work that needs less: each of its statements holds by itself, and none relies on what
    /// another has read. Over PostgreSQL it then conflicts with nobody. For rows of which each has one owner, such as the
    /// progress of an upload, with all conditions in the statement that changes the row.
    ///
    /// # Errors
    /// As [`Database::write`].
    ///
    /// # Cancel safety
    /// As [`Database::write`].
    pub async fn write_loosely<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        let guard = Guard::Refuse;
        match &self.0.engine {
            Engine::Sqlite(file) => file.writer().run(durability, guard, work).await,
            Engine::Postgres(pool) => {
                let terms = Terms { lane: Lane::Callers, isolation: Isolation::ReadCommitted, durability, guard };
                postgres::write(pool, terms, work).await
            }
        }
    }

    async fn transact<T, E, F>(&self, durability: Durability, guard: Guard, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite(file) => file.writer().run(durability, guard, work).await,
            Engine::Postgres(pool) => {
                let terms = Terms { lane: Lane::Callers, isolation: Isolation::Serializable, durability, guard };
                postgres::write(pool, terms, work).await
            }
        }
    }

    /// Writes what the process says of itself, which must get through also when all connections are in use and while
    /// writes are stopped.
    async fn housekeep<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, Error> + Send + 'static,
    {
        let (durability, guard) = (Durability::Process, Guard::Pass);
        match &self.0.engine {
            Engine::Sqlite(file) => file.writer().run(durability, guard, work).await,
            Engine::Postgres(pool) => {
                // Statements by id, each of which holds by itself.
                let terms = Terms { lane: Lane::Housekeeping, isolation: Isolation::ReadCommitted, durability, guard };
                postgres::write(pool, terms, work).await
            }
        }
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
        match &self.0.engine {
            Engine::Sqlite(file) => file.read(|connection| connection.probe()),
            Engine::Postgres(pool) => {
                postgres::read(pool, Lane::Housekeeping, View::Latest, |connection| connection.probe()).await
            }
        }
    }
}

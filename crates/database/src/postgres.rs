//! PostgreSQL, a server that many processes share: pooled connections, used in the blocking pool.

mod backoff;
mod connect;
mod error;
mod jitter;
mod migration;
mod options;
mod pool;
mod read;
mod session;
mod tls;
mod value;
mod write;

use std::sync::Arc;

pub(crate) use self::connect::Connector;
pub use self::connect::PLANNER as POSTGRES_PLANNER;
pub(crate) use self::migration::TABLE as MIGRATIONS_TABLE;
pub use self::options::{PostgresOptions, PostgresUrl};
pub(crate) use self::pool::{Lane, Pool};
pub(crate) use self::read::{View, read};
pub(crate) use self::session::Session;
pub(crate) use self::write::{Isolation, Terms, write};
use crate::{Error, Kind, Metrics, Room};

/// Connects and brings the tables of `rooms` up to date.
///
/// # Errors
/// What the server said.
pub(crate) async fn open(options: PostgresOptions, rooms: Vec<Room>, metrics: Metrics) -> Result<Arc<Pool>, Error> {
    let opened = tokio::task::spawn_blocking(move || {
        let pool = Pool::new(&options, metrics)?;
        migration::migrate(pool.connector(), &rooms)?;
        Ok(Arc::new(pool))
    });
    opened.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "open", "the connection was not made")))
}

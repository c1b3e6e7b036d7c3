//! One text of a test, run over SQLite and over a real PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use entrepot_database::{Database, Error, PostgresOptions, Room};
use entrepot_test_support::Postgres;
use tempfile::TempDir;

/// Where the database of one test is; gone when dropped.
#[derive(Debug)]
pub enum Place {
    /// A file.
    Sqlite(TempDir),
    /// A database of its own, on a server that many tests use.
    Postgres {
        /// Held so that it runs.
        server: Arc<Postgres>,
        /// Of the database.
        url: String,
    },
}

impl Place {
    /// A place for a file.
    ///
    /// # Errors
    /// There is no temporary directory.
    pub fn sqlite() -> Result<Self> {
        Ok(Self::Sqlite(tempfile::tempdir()?))
    }

    /// An empty database; `None`, and a word about it, if there is no PostgreSQL here. In CI that is a failure.
    ///
    /// # Errors
    /// The server does not start.
    pub fn postgres() -> Result<Option<Self>> {
        let Some(server) = Postgres::shared()? else { return Ok(None) };
        let url = server.database()?;
        Ok(Some(Self::Postgres { server, url }))
    }

    /// Opens the database: the same each time.
    ///
    /// # Errors
    /// What the database said.
    pub async fn open(&self, rooms: &[Room]) -> Result<Database, Error> {
        match self {
            Self::Sqlite(directory) => Database::open(&directory.path().join("db"), rooms),
            Self::Postgres { url, .. } => Database::connect(options(url)?, rooms).await,
        }
    }
}

/// How tests use a server.
///
/// # Errors
/// `url` is none.
pub fn options(url: &str) -> Result<PostgresOptions, Error> {
    Ok(PostgresOptions {
        url: url.parse()?,
        ca_file: None,
        connections: 16,
        statement_timeout: Duration::from_secs(10),
    })
}

/// Makes two tests of each named `async fn(Place)`, in modules called `sqlite` and `postgres`.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::Place::sqlite().unwrap()).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(place) = $crate::Place::postgres().unwrap() {
                        super::$name(place).await;
                    }
                }
            )+
        }
    };
}

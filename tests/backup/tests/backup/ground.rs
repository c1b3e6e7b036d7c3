//! Where the data of a registry is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use entrepot_test_support::Postgres;
use entrepot_test_support::servers::VersityGw;

/// The servers of one test, if it is not over a directory.
pub(crate) enum Ground {
    /// Blobs and SQLite in the data directory.
    Directory,
    /// Blobs in a bucket, facts on a PostgreSQL server.
    Servers { postgres: Arc<Postgres>, s3: Box<VersityGw>, made: AtomicU32 },
}

impl Ground {
    /// The servers; `None` if they are not installed here.
    pub(crate) fn servers() -> Result<Option<Self>> {
        let (Some(postgres), Some(s3)) = (Postgres::shared()?, VersityGw::start()?) else { return Ok(None) };
        Ok(Some(Self::Servers { postgres, s3: Box::new(s3), made: AtomicU32::new(0) }))
    }

    /// The settings of a registry of its own, with nothing in it.
    pub(crate) fn settings(&self) -> Result<Vec<(String, String)>> {
        match self {
            Self::Directory => Ok(Vec::new()),
            Self::Servers { postgres, s3, made } => {
                let mut settings = s3.bucket().settings(&format!("place-{}", made.fetch_add(1, Ordering::Relaxed)));
                settings.push(("ENTREPOT_DATABASE_URL".to_owned(), postgres.database()?));
                settings.push(("ENTREPOT_DATABASE_CONNECTIONS".to_owned(), "6".to_owned()));
                Ok(settings)
            }
        }
    }
}

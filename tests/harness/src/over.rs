//! Over what the registries of tests keep their data: a directory of their own or, with `ENTREPOT_TEST_OVER=s3-postgres`, a
//! database and a prefix of their own on one PostgreSQL and one S3 server that the whole test program shares.

use std::env;
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Result, bail};
use entrepot_test_support::Postgres;
use entrepot_test_support::servers::SeaweedFs;

const VARIABLE: &str = "ENTREPOT_TEST_OVER";

/// Where the data of a registry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// In files: blobs and SQLite.
    Directory,
    /// In an object store and in PostgreSQL.
    S3Postgres,
}

impl Over {
    /// What this run of the tests is over.
    ///
    /// # Errors
    /// The variable has another value.
    pub fn chosen() -> Result<Self> {
        match env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "directory") => Ok(Self::Directory),
            Ok("s3-postgres") => Ok(Self::S3Postgres),
            Ok(other) => bail!("{VARIABLE} is {other:?}: it can be directory or s3-postgres"),
        }
    }

    /// The settings, as environment variables, of a registry with no data yet.
    ///
    /// # Errors
    /// A server does not start, or is not installed.
    pub fn settings(self) -> Result<Vec<(String, String)>> {
        match self {
            Self::Directory => Ok(Vec::new()),
            Self::S3Postgres => s3_postgres(),
        }
    }
}

fn s3_postgres() -> Result<Vec<(String, String)>> {
    let (Some(postgres), Some(store)) = (Postgres::shared()?, store()?) else {
        bail!("PostgreSQL or SeaweedFS is not installed: run `cargo xtask tools --install`");
    };
    // It lasts as long as the program.
    static KEPT: OnceLock<Arc<Postgres>> = OnceLock::new();
    let postgres = KEPT.get_or_init(|| postgres);
    let url = postgres.database()?;
    let name = url.rsplit('/').next().unwrap_or_default();
    let name = name.split('?').next().unwrap_or_default().to_owned();
    let bucket = store.bucket();
    let settings = [
        ("ENTREPOT_STORE_BACKEND", "s3"),
        ("ENTREPOT_S3_ENDPOINT", &bucket.endpoint),
        ("ENTREPOT_S3_REGION", &bucket.region),
        ("ENTREPOT_S3_BUCKET", &bucket.bucket),
        ("ENTREPOT_S3_PREFIX", &name),
        ("ENTREPOT_S3_ACCESS_KEY_ID", &bucket.access_key_id),
        ("ENTREPOT_S3_SECRET_ACCESS_KEY", &bucket.secret_access_key),
        ("ENTREPOT_S3_PATH_STYLE", "true"),
        ("ENTREPOT_DATABASE_URL", &url),
        ("ENTREPOT_DATABASE_CONNECTIONS", "4"),
    ];
    Ok(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

fn store() -> Result<Option<&'static SeaweedFs>> {
    static STORE: OnceLock<SeaweedFs> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _starting = STARTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if STORE.get().is_none() {
        match SeaweedFs::start()? {
            Some(store) => STORE.set(store).unwrap_or_default(),
            None => return Ok(None),
        }
    }
    Ok(STORE.get())
}

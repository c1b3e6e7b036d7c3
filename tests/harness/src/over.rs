//! Over what the registries of tests keep their data: a directory of their own or, with `ENTREPOT_TEST_OVER=s3-postgres`, a
//! database and a prefix of their own on one PostgreSQL and one S3 server that the whole test program shares.
//!
//! What tests do behind a registry's back is done here too, so that none of them has to know where the data is.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use entrepot_test_support::Postgres;
use entrepot_test_support::servers::{S3Bucket, SeaweedFs};

const VARIABLE: &str = "ENTREPOT_TEST_OVER";

/// Where the data of registries is in this run of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// In files: blobs and SQLite.
    Directory,
    /// In an object store and in PostgreSQL.
    S3Postgres,
}

/// Where the data of one registry is.
#[derive(Debug)]
pub(crate) enum Ground {
    /// In its data directory.
    Directory,
    /// Of its own: the database, and what the objects' keys begin with; both have this name.
    S3Postgres { postgres: &'static Postgres, bucket: &'static S3Bucket, name: String },
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
}

impl Ground {
    /// One with no data yet.
    pub(crate) fn new() -> Result<Self> {
        match Over::chosen()? {
            Over::Directory => Ok(Self::Directory),
            Over::S3Postgres => {
                let (postgres, bucket) = servers()?;
                let name = database_of(&postgres.database()?).to_owned();
                Ok(Self::S3Postgres { postgres, bucket, name })
            }
        }
    }

    /// The settings, as environment variables, of a registry over it.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        match self {
            Self::Directory => Vec::new(),
            Self::S3Postgres { postgres, bucket, name } => {
                let mut settings = bucket.settings(name);
                settings.push(("ENTREPOT_DATABASE_URL".to_owned(), postgres.url(name)));
                settings.push(("ENTREPOT_DATABASE_CONNECTIONS".to_owned(), "4".to_owned()));
                settings
            }
        }
    }

    /// How many files or objects there are that are no part of a blob.
    pub(crate) fn leftovers(&self, data: &Path) -> Result<usize> {
        match self {
            Self::Directory => Ok(fs::read_dir(data.join("uploads"))?.count()),
            Self::S3Postgres { postgres, bucket, name } => {
                let blobs = postgres.sql(name, "SELECT key FROM objects WHERE blob_id IS NOT NULL")?;
                let needed = |key: &String| blobs.lines().any(|blob| *key == format!("{name}/{blob}"));
                Ok(bucket.objects(&format!("{name}/"))?.keys().filter(|key| !needed(key)).count())
            }
        }
    }

    /// Takes the bytes of a blob away, and returns what the log must say of which are missing.
    pub(crate) fn lose_blob(&self, data: &Path, digest: &str) -> Result<String> {
        match self {
            Self::Directory => {
                let hex = digest.strip_prefix("sha256:").context("another digest")?;
                fs::remove_file(data.join("blobs/sha256").join(&hex[..2]).join(hex))?;
                Ok(hex.to_owned())
            }
            Self::S3Postgres { postgres, bucket, name } => {
                let query = format!(
                    "SELECT key FROM objects JOIN blobs ON blobs.id = objects.blob_id WHERE digest = '{digest}'"
                );
                let key = postgres.sql(name, &query)?;
                ensure!(!key.is_empty() && !key.contains('\n'), "not one object: {key:?}");
                bucket.remove(&format!("{name}/{key}"))?;
                Ok(key)
            }
        }
    }

    /// Takes everything away.
    pub(crate) fn lose_all(&self, data: &Path) -> Result<()> {
        match self {
            Self::Directory => Ok(fs::remove_dir_all(data)?),
            Self::S3Postgres { postgres, name, .. } => {
                postgres.sql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).map(drop)
            }
        }
    }
}

/// The name in the URL of a database.
fn database_of(url: &str) -> &str {
    let name = url.rsplit('/').next().unwrap_or_default();
    name.split('?').next().unwrap_or_default()
}

/// The servers that last as long as the test program.
fn servers() -> Result<(&'static Postgres, &'static S3Bucket)> {
    static SERVERS: OnceLock<(Arc<Postgres>, SeaweedFs)> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if SERVERS.get().is_none() {
        let (Some(postgres), Some(store)) = (Postgres::shared()?, SeaweedFs::start()?) else {
            bail!("PostgreSQL or SeaweedFS is not installed: run `cargo xtask tools --install`");
        };
        // Nobody else sets it while this one starts.
        SERVERS.get_or_init(|| (postgres, store));
    }
    let (postgres, store) = SERVERS.get().context("the servers were just started")?;
    Ok((postgres, store.bucket()))
}

//! The data: blobs and staged uploads as files in the data directory, and the database, which is `entrepot.db` beside them
//! or a PostgreSQL server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use entrepot_database::{Database, Error, Kind, Part, PostgresOptions, State};
use entrepot_registry::{Options, ROOM, Registry};
use entrepot_store::Store;

use crate::config::Config;

const DATABASE: &str = "entrepot.db";
/// How long a start waits for a PostgreSQL server that is starting too.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried.
const RETRY: Duration = Duration::from_secs(1);

/// Opens the data of the registry, making it if there is none. Only one process can have the directory open.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Registry> {
    let directory = &config.data_dir;
    let inside = || format!("cannot use the data directory {}", directory.display());
    let store = Store::open(directory).with_context(inside)?;
    let database = match config.database.postgres() {
        None => Database::open(&file(directory), &[ROOM]).with_context(inside)?,
        Some(options) => {
            let place = options.url.to_string();
            let database = connect(options).await.with_context(|| format!("cannot use the database {place}"))?;
            refuse_second(directory, &database).await?;
            database
        }
    };
    refuse_unfinished(&database).await?;
    let options = Options {
        sparse: config.registry.sparse_manifests,
        delete: config.registry.delete,
        max_blob_bytes: config.limits.max_blob_bytes.map(|size| size.0),
        expire_uploads_after: config.uploads.expire_after,
    };
    Ok(Registry::new(options, store, database))
}

/// Blobs that the facts of one database name are strays to another, and the purge would remove them.
async fn refuse_second(directory: &Path, database: &Database) -> anyhow::Result<()> {
    let file = file(directory);
    anyhow::ensure!(
        !file.exists() || database.succeeds(&file).await?,
        "there is a SQLite database, {}, and database.url names another: only one can know what is in the blob store; move \
         the file away if it is not needed any more",
        file.display()
    );
    Ok(())
}

/// What is not there yet would be answered with 404.
async fn refuse_unfinished(database: &Database) -> anyhow::Result<()> {
    match database.moved().await? {
        Some(moved) if moved.part == Part::To && moved.state != State::Done => anyhow::bail!(
            "the database is the unfinished target of a move from {}: finish that with `entrepot database move`, or give it up \
             with --cancel",
            moved.peer
        ),
        _ => Ok(()),
    }
}

/// The SQLite database of a data directory.
pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

async fn connect(options: PostgresOptions) -> Result<Database, Error> {
    let start = Instant::now();
    loop {
        match Database::connect(options.clone(), &[ROOM]).await {
            Err(error) if error.kind() == Kind::Unavailable && start.elapsed() < PATIENCE => {
                tracing::warn!(%error, "waiting for the database");
                tokio::time::sleep(RETRY).await;
            }
            opened => return opened,
        }
    }
}

//! The data: blobs and staged uploads as files in the data directory, and the database, which is `entrepot.db` beside them
//! or a PostgreSQL server.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use entrepot_database::{Database, Error, Kind, PostgresOptions};
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
        None => Database::open(&directory.join(DATABASE), &[ROOM]).with_context(inside)?,
        Some(options) => {
            refuse_second(directory)?;
            let place = options.url.to_string();
            connect(options).await.with_context(|| format!("cannot use the database {place}"))?
        }
    };
    let options = Options {
        sparse: config.registry.sparse_manifests,
        delete: config.registry.delete,
        max_blob_bytes: config.limits.max_blob_bytes.map(|size| size.0),
        expire_uploads_after: config.uploads.expire_after,
    };
    Ok(Registry::new(options, store, database))
}

/// Blobs that the facts of one database name are strays to another, and the purge would remove them.
fn refuse_second(directory: &Path) -> anyhow::Result<()> {
    let file = directory.join(DATABASE);
    anyhow::ensure!(
        !file.exists(),
        "there is a SQLite database, {}, and database.url names another: only one can know what is in the blob store; move \
         the file away if it is not needed any more",
        file.display()
    );
    Ok(())
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

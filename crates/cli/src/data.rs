//! The data directory: blobs and staged uploads as files, and `entrepot.db`.

use anyhow::Context;
use entrepot_database::Database;
use entrepot_registry::{Options, Registry};
use entrepot_store::Store;

use crate::config::Config;

const DATABASE: &str = "entrepot.db";

/// Opens the data of the registry, making it if there is none. Only one process can have it open.
pub(crate) fn open(config: &Config) -> anyhow::Result<Registry> {
    let directory = &config.data_dir;
    let inside = || format!("cannot use the data directory {}", directory.display());
    let store = Store::open(directory).with_context(inside)?;
    let database = Database::open(&directory.join(DATABASE), &[entrepot_registry::ROOM]).with_context(inside)?;
    let options = Options {
        sparse: config.registry.sparse_manifests,
        delete: config.registry.delete,
        max_blob_bytes: config.limits.max_blob_bytes.map(|size| size.0),
        expire_uploads_after: config.uploads.expire_after,
    };
    Ok(Registry::new(options, store, database))
}

//! The data directory where it holds no blobs, but the SQLite database.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};

/// The file that the blob store on disk locks too, so that no directory is used in both ways at once.
const LOCK: &str = "lock";

/// Keeps other processes out of a directory until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the directory, if there is none.
pub(super) fn make(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Whether another process keeps the directory.
pub(super) fn is_locked(directory: &Path) -> anyhow::Result<bool> {
    let path = directory.join(LOCK);
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        file => file.with_context(|| path.display().to_string())?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Makes the directory, if there is none, and keeps it for this process.
pub(super) fn lock(directory: &Path) -> anyhow::Result<Lock> {
    make(directory)?;
    let path = directory.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => bail!(
            "another process uses it; stop that one, or choose another directory. Several processes can share an object \
             store (store.backend) with a PostgreSQL database (database.url), but not a SQLite database"
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

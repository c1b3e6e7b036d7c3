//! The database file.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::{Error, Kind};

/// How long a statement waits for another process that has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the file, if there is none, so that only its owner can read it; the log beside it gets the same mode.
pub(crate) fn make_private(path: &Path) -> Result<(), Error> {
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| Error::new(Kind::Io, "open", format!("{}: {error}", path.display())))
}

/// A connection that may write.
pub(super) fn open(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = rusqlite::Connection::open(path)?;
    // First, so that two openers wait for each other when they switch the journal mode.
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // A long read can make the log grow; what a later checkpoint frees is given back to the disk.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", "ON")?;
    Ok(connection)
}

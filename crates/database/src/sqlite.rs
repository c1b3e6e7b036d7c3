//! SQLite inside the process: many readers, each where it is asked, and one writer.

mod error;
mod file;
mod migration;
mod statements;
mod value;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::OpenFlags;

pub(crate) use self::file::make_private;
pub(crate) use self::migration::migrate;
pub(crate) use self::statements::{all, execute, first, prepare_only};
pub(crate) use self::writer::Writer;
use crate::{Connection, Error, Kind, Metrics, Room};

/// A database file.
pub(crate) struct Sqlite {
    path: PathBuf,
    readers: Mutex<Vec<rusqlite::Connection>>,
    writer: Writer,
    metrics: Metrics,
}

impl Sqlite {
    /// Opens the file, makes it if there is none, and brings the tables of `rooms` up to date.
    pub(crate) fn open(path: &Path, rooms: &[Room], metrics: Metrics) -> Result<Self, Error> {
        file::make_private(path)?;
        let mut connection = file::open(path)?;
        migration::migrate(&mut connection, rooms)?;
        let writer = Writer::start(connection, metrics.clone())?;
        Ok(Self { path: path.to_owned(), readers: Mutex::default(), writer, metrics })
    }

    /// The tables of `rooms` as they are when nothing has happened yet, in memory.
    pub(crate) fn fresh(rooms: &[Room]) -> Result<rusqlite::Connection, Error> {
        let mut connection = rusqlite::Connection::open_in_memory()?;
        migration::migrate(&mut connection, rooms)?;
        Ok(connection)
    }

    /// A file that is there already, to be read as it is.
    pub(crate) fn look(path: &Path) -> Result<rusqlite::Connection, Error> {
        Ok(rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
    }

    /// Copies everything, as it is at one moment, into the file `to`, which is empty. Who writes does not wait.
    pub(crate) fn copy_into(&self, to: &Path) -> Result<(), Error> {
        let to = to
            .to_str()
            .ok_or_else(|| Error::new(Kind::Other, "snapshot", format!("{} is no text in UTF-8", to.display())))?;
        Self::look(&self.path)?.execute("VACUUM INTO ?1", [to])?;
        Ok(())
    }

    /// Takes what is in the log into the file, so that the file alone has everything, unless somebody reads what is older.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.with_reader(|reader| Ok(reader.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?))
    }

    /// The one that writes.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Runs `work` on this thread.
    pub(crate) fn read<T, E: From<Error>>(&self, work: impl FnOnce(&Connection<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with_reader(|reader| work(&Connection::sqlite(reader)))
    }

    /// Runs `work` on this thread, on one snapshot.
    pub(crate) fn scan<T, E: From<Error>>(&self, work: impl FnOnce(&Connection<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with_reader(|reader| {
            reader.execute_batch("BEGIN DEFERRED").map_err(Error::from)?;
            let result = work(&Connection::sqlite(reader));
            reader.execute_batch("ROLLBACK").map_err(Error::from)?;
            result
        })
    }

    fn with_reader<T, E: From<Error>>(&self, work: impl FnOnce(&rusqlite::Connection) -> Result<T, E>) -> Result<T, E> {
        let start = Instant::now();
        let pooled = self.readers.lock().pop();
        let reader = match pooled {
            Some(reader) => reader,
            None => file::open_reader(&self.path)?,
        };
        let result = work(&reader);
        self.readers.lock().push(reader);
        self.metrics.read_seconds.observe(start.elapsed().as_secs_f64());
        result
    }
}

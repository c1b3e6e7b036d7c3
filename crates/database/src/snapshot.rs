//! All facts at one moment, in a SQLite file of their own, whatever database they are in.
//!
//! Over SQLite it is `VACUUM INTO`, over PostgreSQL a copy of every table in one transaction that sees one moment. Nobody who writes
//! waits for either.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cell::Cell;
use crate::moving::page::{self, Limit, Page};
use crate::moving::shape::Shape;
use crate::moving::tables::{self, STAYING};
use crate::moving::{End, Part, State};
use crate::sqlite::{self, Sqlite};
use crate::{Connection, Database, Engine, Error, Kind, Room, own};

/// How many rows each table has, by its name.
pub type Rows = BTreeMap<String, u64>;

/// The file of a snapshot. It is only read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    path: PathBuf,
}

impl Database {
    /// Writes all rows as they are at one moment to a new file, which only its owner can read, looks whether it is sound, and
    /// syncs it. `rooms` are those that the database was opened with. What the database says of the processes over it is left out.
    ///
    /// # Errors
    /// The data was moved away or is not here yet; what the database or the disk said. Then a part of the file may be there.
    pub async fn snapshot(&self, to: &Path, rooms: &[Room]) -> Result<Rows, Error> {
        self.refuse_half().await?;
        let rooms = own::with_own(rooms);
        tables::check_list(&rooms)?;
        let here = End { database: self.clone(), place: "the database".to_owned() };
        tables::check_version(&here, &rooms).await?;
        match &self.0.engine {
            Engine::Sqlite(file) => {
                let (file, to) = (Arc::clone(file), to.to_owned());
                blocking(move || {
                    sqlite::make_private(&to)?;
                    file.copy_into(&to)
                })
                .await?;
            }
            Engine::Postgres(_) => {
                let (to, rooms) = (to.to_owned(), rooms.clone());
                self.scan(move |connection| copy(connection, &to, &rooms)).await?;
            }
        }
        let (to, rooms) = (to.to_owned(), rooms);
        blocking(move || finish(&to, &rooms)).await
    }

    /// Refuses what is only a part of the data, or not the latest of it.
    async fn refuse_half(&self) -> Result<(), Error> {
        match self.moved().await? {
            Some(moved) if moved.part == Part::From && moved.state == State::Done => {
                Err(refuse(format!("the data was moved to {}: take the snapshot there", moved.peer)))
            }
            Some(moved) if moved.part == Part::To && moved.state != State::Done => {
                Err(refuse(format!("the database is the unfinished target of a move from {}", moved.peer)))
            }
            _ => Ok(()),
        }
    }
}

/// Copies every table from the one moment that `connection` sees.
fn copy(connection: &Connection<'_>, to: &Path, rooms: &[Room]) -> Result<(), Error> {
    // It may be run again.
    remove(to)?;
    sqlite::make_private(to)?;
    let mut target = rusqlite::Connection::open(to)?;
    // A file that is not finished counts for nothing, so it needs no journal; it is synced at the end.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")?;
    sqlite::migrate(&mut target, rooms)?;
    target.execute_batch("BEGIN")?;
    for table in tables::all(rooms) {
        let shape = Shape::read(connection, table)?;
        shape.agree(&Shape::read(&Connection::sqlite(&target), table)?)?;
        copy_table(connection, &target, &shape).map_err(|error| error.in_table(table.name))?;
    }
    Ok(target.execute_batch("COMMIT")?)
}

fn copy_table(from: &Connection<'_>, to: &rusqlite::Connection, shape: &Shape) -> Result<(), Error> {
    let (mut after, mut limit) = (None, Limit::default());
    loop {
        let page = Page::read(from, shape, after.as_deref(), limit)?;
        let Some(last) = page.last_key(shape) else { return Ok(()) };
        page.write(&Connection::sqlite(to), shape)?;
        (limit, after) = (Limit::after(&page), Some(last));
    }
}

/// Takes out what is true only of the database itself, looks whether the file is sound, and syncs it.
fn finish(path: &Path, rooms: &[Room]) -> Result<Rows, Error> {
    let file = rusqlite::Connection::open(path)?;
    // One file, which can be read where nothing can be written.
    file.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF")?;
    clear(&file, STAYING.iter().copied().filter(|table| *table != "migrations"))?;
    let connection = Connection::sqlite(&file);
    check(&connection)?;
    let mut rows = Rows::new();
    for table in tables::all(rooms) {
        rows.insert(table.name.to_owned(), page::count(&connection, &Shape::read(&connection, table)?)?);
    }
    drop(file);
    sync(path)?;
    Ok(rows)
}

fn clear<'a>(file: &rusqlite::Connection, tables: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    file.execute_batch("BEGIN IMMEDIATE")?;
    for table in tables {
        file.execute_batch(&format!("DELETE FROM {}", crate::dynamic::quoted(table)))?;
    }
    Ok(file.execute_batch("COMMIT")?)
}

/// SQLite's own look at every page and index.
fn check(connection: &Connection<'_>) -> Result<(), Error> {
    let said = connection.rows("PRAGMA integrity_check(1)", &[])?;
    match said.first().and_then(|row| row.first()).and_then(Cell::text) {
        Some("ok") => Ok(()),
        said => Err(Error::new(Kind::Io, "integrity_check", said.unwrap_or("it said nothing"))),
    }
}

impl Snapshot {
    /// The snapshot at `path`, which is looked at when it is read.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Runs `work` over the rows, in the blocking pool.
    ///
    /// # Errors
    /// What `work` returns; the file is not there, or is no database.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        let path = self.path.clone();
        blocking(move || {
            if !path.exists() {
                return Err(Error::absent(&path).into());
            }
            let file = Sqlite::look(&path)?;
            work(&Connection::sqlite(&file))
        })
        .await
    }

    /// Looks whether every page and index of the file is sound.
    ///
    /// # Errors
    /// It is not, and what is wrong first.
    pub async fn verify(&self) -> Result<(), Error> {
        self.read(check).await
    }

    /// Copies it to a new file that can be opened as a database, without the rows of the tables `without`, and syncs it.
    ///
    /// # Errors
    /// What the disk said.
    pub async fn copy(&self, to: &Path, without: &'static [&'static str]) -> Result<(), Error> {
        let (from, to) = (self.path.clone(), to.to_owned());
        blocking(move || {
            remove(&to)?;
            sqlite::make_private(&to)?;
            let failed = |error: std::io::Error| Error::new(Kind::Io, "copy", format!("{}: {error}", to.display()));
            let mut source = File::open(&from).map_err(failed)?;
            let mut target = File::options().write(true).open(&to).map_err(failed)?;
            std::io::copy(&mut source, &mut target).map_err(failed)?;
            drop(target);
            let file = rusqlite::Connection::open(&to)?;
            file.execute_batch("PRAGMA foreign_keys = OFF")?;
            clear(&file, without.iter().copied())?;
            drop(file);
            sync(&to)
        })
        .await
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(Kind::Io, "remove", format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Makes the file durable; its name is the caller's to sync.
fn sync(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::new(Kind::Io, "sync", format!("{}: {error}", path.display())))
}

async fn blocking<T, E, F>(work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(refuse("the work did not finish".to_owned()).into()))
}

fn refuse(message: String) -> Error {
    Error::new(Kind::Other, "snapshot", message)
}

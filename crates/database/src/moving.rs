//! Moving all data to another database: `entrepot database move`.
//!
//! ```text
//!             old database                     new database
//! begin       copying; refuses writes          copying; refuses writes; empty
//! copy                              ── rows ─► the same rows, in the order of their keys
//! compare                           ◄── = ───►
//! finish   1. finishing
//!                                           2. done; takes writes
//!          3. done; refuses writes, and says where the data went
//! ```
//!
//! Each arrow is a transaction, and each may be the last one before a crash. Then the same move goes on: how far it is can be
//! seen from the rows in the new database alone, since they come in the order of their keys. At no moment do both databases
//! take writes.

mod begin;
mod cancel;
mod compare;
mod copy;
mod finish;
pub(crate) mod page;
pub(crate) mod record;
pub(crate) mod shape;
mod successor;
pub(crate) mod tables;

use std::sync::Arc;

pub use self::cancel::Cancelled;
pub use self::record::{Moved, Part, State};
use self::shape::Shape;
use crate::{Database, Error, Kind, Room, own};

/// A database and how people call it.
#[derive(Clone)]
pub struct End {
    /// The database.
    pub database: Database,
    /// Its address, without a password.
    pub place: String,
}

/// A move from one database to another.
pub struct Move {
    from: End,
    to: End,
    rooms: Vec<Room>,
}

/// How far a move is, for who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes to the old database are refused from now on.
    Begun {
        /// The move had been begun before.
        again: bool,
    },
    /// Rows were copied.
    Copied(Far),
    /// Rows were compared.
    Compared(Far),
}

/// How far a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    /// The name of the table.
    pub table: &'static str,
    /// Rows that are done.
    pub rows: u64,
    /// All rows.
    pub of: u64,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Every table with its rows.
    pub tables: Vec<(&'static str, u64)>,
}

impl Move {
    /// A move of the tables of `rooms`. Nothing happens yet.
    pub fn new(from: End, to: End, rooms: &[Room]) -> Self {
        Self { from, to, rooms: own::with_own(rooms) }
    }

    /// Moves, or goes on with a move that was interrupted, and tells `watch` how far it is.
    ///
    /// # Errors
    /// The databases are not of this version, the new one is not empty, or a row is not the same in both; what a database
    /// said. Once begun, the old database refuses writes until the move was called again and is done, or is cancelled.
    ///
    /// # Cancel safety
    /// Dropping the future is as if the process had been killed: called again, it goes on.
    pub async fn run(&self, mut watch: impl FnMut(Step)) -> Result<Summary, Error> {
        let (from, to) = (&self.from.database, &self.to.database);
        let shapes = self.shapes().await?;
        let begun = begin::begin(&self.from, &self.to, &shapes).await?;
        watch(Step::Begun { again: begun.again });
        let mut tables = Vec::new();
        // What takes writes already may have changed since it was compared.
        if !begun.open {
            for shape in &shapes {
                copy::copy(from, to, begun.id, shape, &mut watch).await?;
            }
            for shape in &shapes {
                compare::compare(from, to, shape, &mut watch).await?;
            }
        }
        for shape in &shapes {
            tables.push((shape.table.name, copy::count(from, shape).await?));
        }
        finish::finish(&self.from, &self.to, &begun, &shapes).await?;
        Ok(Summary { tables })
    }

    /// Gives the move up, if it is not done: the new database is emptied, and the old one takes writes again. After a move
    /// that is done the old one takes writes again too, and the new one stays as it is.
    ///
    /// # Errors
    /// There is no move; all of it is done but to say so in the old database; what a database said.
    pub async fn cancel(&self) -> Result<Cancelled, Error> {
        cancel::cancel(&self.from, Ok(&self.to), &self.rooms).await
    }

    /// The same when the new database cannot be opened, because of `error`: it stays as it is.
    ///
    /// # Errors
    /// As [`Move::cancel`]; and if the new database would have to be asked whether it takes writes already.
    pub async fn cancel_without(from: &End, error: Error) -> Result<Cancelled, Error> {
        cancel::cancel(from, Err(error), &[]).await
    }

    /// Every table, which both databases have alike.
    async fn shapes(&self) -> Result<Vec<Arc<Shape>>, Error> {
        tables::check_list(&self.rooms)?;
        for end in [&self.from, &self.to] {
            tables::check_version(end, &self.rooms).await?;
        }
        let mut shapes = Vec::new();
        for table in tables::all(&self.rooms) {
            let ours = self.from.database.read(move |connection| Shape::read(connection, table)).await?;
            let theirs = self.to.database.read(move |connection| Shape::read(connection, table)).await?;
            ours.agree(&theirs)?;
            shapes.push(Arc::new(ours));
        }
        Ok(shapes)
    }
}

impl Database {
    /// Whether no table of `rooms` has a row.
    ///
    /// # Errors
    /// What the database said.
    pub async fn is_empty(&self, rooms: &[Room]) -> Result<bool, Error> {
        let names: Vec<&str> = tables::all(rooms).map(|table| table.name).collect();
        let filled = self.scan(move |connection| begin::first_filled(connection, &names));
        Ok(filled.await?.is_none())
    }
}

/// The command that gives up a move from `place`.
pub(crate) fn how_to_cancel(place: &str) -> String {
    format!("entrepot database move --cancel --from '{place}'")
}

fn refuse(message: String) -> Error {
    Error::new(Kind::Other, "move", message)
}

//! Giving up a move.

use super::copy::check_target;
use super::record::{self, Moved, Part, State};
use super::tables;
use super::{End, refuse};
use crate::connection::Over;
use crate::dynamic::{listed, quoted};
use crate::maintenance::{self, Guard};
use crate::{Durability, Error, Room};

/// What became of a move that was given up.
#[derive(Debug)]
pub enum Cancelled {
    /// It was not done: the old database takes writes again.
    GivenUp {
        /// Why the new one could not be emptied; `None` if it was, or had nothing in it.
        left: Option<Error>,
    },
    /// It was not known to the old database any more, which takes writes: the new one was emptied.
    Emptied,
    /// It was done: the old database takes writes again, and so does the new one.
    Reopened {
        /// Where the new one is.
        peer: String,
    },
}

/// Gives up the move from `from`. The new database is emptied first: then whoever is still at work on the move fails, and
/// does not open it.
///
/// # Errors
/// There is no move; all of it is done but for the last word; what a database said.
pub(super) async fn cancel(from: &End, to: Result<&End, Error>, rooms: &[Room]) -> Result<Cancelled, Error> {
    let Some(source) = from.database.moved().await?.filter(|moved| moved.part == Part::From) else {
        return cancel_target(from, to?, rooms).await;
    };
    let mut left = None;
    match (source.state, to) {
        (State::Done, _) => {
            reopen(from, &source).await?;
            return Ok(Cancelled::Reopened { peer: source.peer });
        }
        (_, Ok(to)) => match to.database.moved().await?.filter(|moved| moved.id == source.id) {
            Some(target) if target.part == Part::To && target.state == State::Done => {
                return Err(refuse(format!(
                    "{} has all rows and takes writes already; run the same command without --cancel once more, which only \
                     notes that down",
                    to.place
                )));
            }
            Some(target) if target.part == Part::To => empty(to, &target, rooms).await?,
            _ => {}
        },
        (State::Copying, Err(error)) => left = Some(error),
        (State::Finishing, Err(error)) => {
            return Err(refuse(format!(
                "{} may take writes already, and cannot be asked: {}",
                source.peer,
                error.message()
            )));
        }
    }
    reopen(from, &source).await?;
    Ok(Cancelled::GivenUp { left })
}

/// The old database knows of no move. The new one may, if it could not be reached when the move was given up.
async fn cancel_target(from: &End, to: &End, rooms: &[Room]) -> Result<Cancelled, Error> {
    match to.database.moved().await? {
        Some(target) if target.part == Part::To && target.state == State::Copying => {
            empty(to, &target, rooms).await?;
            Ok(Cancelled::Emptied)
        }
        _ => Err(refuse(format!("no move from {} is under way", from.place))),
    }
}

/// Lets the old database take writes, if it is still where `source` says.
async fn reopen(from: &End, source: &Moved) -> Result<(), Error> {
    let (source, place) = (source.clone(), from.place.clone());
    let reopened = from.database.transact(Durability::Power, Guard::Alone, move |connection| {
        if Moved::read(connection)?.as_ref() != Some(&source) {
            return Err(refuse(format!("another process has just gone on with the move from {place}")));
        }
        connection.execute(&record::tables::REMOVE, &[])?;
        maintenance::go_on(connection)
    });
    reopened.await
}

/// Takes all rows out of an unfinished target, and the knowledge that it is one.
async fn empty(to: &End, target: &Moved, rooms: &[Room]) -> Result<(), Error> {
    let id = target.id;
    let names: Vec<&'static str> = tables::all(rooms).map(|table| table.name).collect();
    let emptied = to.database.transact(Durability::Power, Guard::Alone, move |connection| {
        check_target(connection, id)?;
        match connection.over() {
            Over::Postgres(session) => session.batch(&format!("TRUNCATE {}", listed(names.iter().copied())))?,
            Over::Sqlite(_) => {
                // Those that refer to others first.
                for name in names.iter().rev() {
                    connection.batch(&format!("DELETE FROM {}", quoted(name)))?;
                }
            }
        }
        connection.execute(&record::tables::REMOVE, &[])?;
        maintenance::go_on(connection)
    });
    emptied.await
}

//! The beginning of a move: both databases know of it and refuse writes before the first row is copied.

use std::sync::Arc;

use uuid::Uuid;

use super::record::{Moved, Part, State};
use super::shape::Shape;
use super::{End, how_to_cancel, refuse};
use crate::maintenance::{self, Guard};
use crate::{Connection, Durability, Error};

/// What those who push are told meanwhile.
const MOVING: &str =
    "this registry is being moved to another database: pulls go on, and pushes work again when it is done";
/// What those are told who push to a registry over the new database.
const FILLING: &str = "this database is being filled by `entrepot database move`: it can be used when that is done";

/// A move that has begun.
pub(super) struct Begun {
    pub(super) id: Uuid,
    /// It was begun before.
    pub(super) again: bool,
    /// The new database takes writes already.
    pub(super) open: bool,
}

/// What is to be done to begin.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Mark both databases.
    New,
    /// Mark the new one: a crash came between.
    Target(Uuid),
    /// Nothing: go on.
    Copy(Uuid),
    /// Nothing: only the end is missing.
    Conclude(Uuid),
}

/// Begins, or finds what was begun.
///
/// # Errors
/// The databases are not such that this move can be; what a database said.
pub(super) async fn begin(from: &End, to: &End, shapes: &[Arc<Shape>]) -> Result<Begun, Error> {
    let (source, target) = (from.database.moved().await?, to.database.moved().await?);
    let (id, again, open) = match plan(&from.place, &to.place, source.as_ref(), target.as_ref())? {
        Plan::New => {
            let id = Uuid::now_v7();
            // Before the old database refuses writes for a move that cannot be.
            let tables = shapes.to_vec();
            let place = to.place.clone();
            to.database.read(move |connection| check_empty(connection, &tables, &place)).await?;
            let moved = Moved { id, part: Part::From, state: State::Copying, peer: to.place.clone() };
            mark(from, source, moved, Vec::new()).await?;
            mark(to, target, target_of(id, from), shapes.to_vec()).await?;
            (id, false, false)
        }
        Plan::Target(id) => {
            mark(to, target, target_of(id, from), shapes.to_vec()).await?;
            (id, true, false)
        }
        Plan::Copy(id) => (id, true, false),
        Plan::Conclude(id) => (id, true, true),
    };
    Ok(Begun { id, again, open })
}

fn target_of(id: Uuid, from: &End) -> Moved {
    Moved { id, part: Part::To, state: State::Copying, peer: from.place.clone() }
}

fn plan(from: &str, to: &str, source: Option<&Moved>, target: Option<&Moved>) -> Result<Plan, Error> {
    match source {
        Some(moved) if moved.part == Part::From => go_on(from, to, moved, target),
        Some(moved) if moved.state == State::Copying => Err(refuse(format!(
            "{from} is itself the unfinished target of a move from {}: finish or cancel that first",
            moved.peer
        ))),
        _ => match target {
            Some(moved) if moved.part == Part::To && moved.state == State::Copying => Err(refuse(format!(
                "{to} is the unfinished target of another move, from {}: go on with that, or empty it with: {}",
                moved.peer,
                how_to_cancel(&moved.peer)
            ))),
            Some(moved) if moved.part == Part::From && moved.state != State::Done => {
                Err(refuse(format!("{to} is being moved itself, to {}", moved.peer)))
            }
            _ => Ok(Plan::New),
        },
    }
}

/// The old database knows of a move of its data.
fn go_on(from: &str, to: &str, source: &Moved, target: Option<&Moved>) -> Result<Plan, Error> {
    if source.state == State::Done {
        return Err(refuse(format!(
            "the data of {from} was moved to {} already; to write to this copy again all the same: {}",
            source.peer,
            how_to_cancel(from)
        )));
    }
    match target {
        Some(moved) if moved.id == source.id && moved.part == Part::To => Ok(match moved.state {
            State::Done => Plan::Conclude(source.id),
            State::Copying | State::Finishing => Plan::Copy(source.id),
        }),
        Some(moved) if moved.id == source.id => Err(refuse(format!("{from} and {to} are the same database"))),
        _ if source.peer == to => Ok(Plan::Target(source.id)),
        _ => Err(refuse(format!(
            "{from} is being moved to {}: go on with that, or give it up with: {}",
            source.peer,
            how_to_cancel(from)
        ))),
    }
}

/// Writes `moved` and stops writes, in one transaction, if the database still knows what it knew `before`, and the `tables` are
/// empty.
async fn mark(end: &End, before: Option<Moved>, moved: Moved, tables: Vec<Arc<Shape>>) -> Result<(), Error> {
    let place = end.place.clone();
    let reason = if moved.part == Part::From { MOVING } else { FILLING };
    let marked = end.database.transact(Durability::Power, Guard::Alone, move |connection| {
        if Moved::read(connection)? != before {
            return Err(refuse(format!("another process has just begun to move {place}")));
        }
        if let Some(reason) = maintenance::reason(connection)?
            && moved.part == Part::From
        {
            return Err(refuse(format!("writes to {place} are stopped already: {reason}")));
        }
        check_empty(connection, &tables, &place)?;
        moved.put(connection)?;
        maintenance::stop(connection, reason)
    });
    marked.await
}

fn check_empty(connection: &Connection<'_>, tables: &[Arc<Shape>], place: &str) -> Result<(), Error> {
    let names: Vec<&str> = tables.iter().map(|shape| shape.table.name).collect();
    match first_filled(connection, &names)? {
        None => Ok(()),
        Some(name) => {
            Err(refuse(format!("{place} is not empty (table {name} has rows): move to a new, empty database")))
        }
    }
}

/// The first of these tables that has a row.
pub(super) fn first_filled<'a>(connection: &Connection<'_>, tables: &[&'a str]) -> Result<Option<&'a str>, Error> {
    for name in tables {
        let sql = format!("SELECT CAST(1 AS BIGINT) FROM {} LIMIT 1", crate::dynamic::quoted(name));
        if !connection.rows(&sql, &[])?.is_empty() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(id: u128, part: Part, state: State, peer: &str) -> Option<Moved> {
        Some(Moved { id: Uuid::from_u128(id), part, state, peer: peer.to_owned() })
    }

    #[test]
    fn what_each_pair_of_records_means() {
        use Part::{From, To};
        use State::{Copying, Done, Finishing};
        let id = Uuid::from_u128(1);
        for (source, target, expected) in [
            (None, None, Ok(Plan::New)),
            // There and back again: the old record gives way.
            (moved(9, To, Done, "c"), None, Ok(Plan::New)),
            (None, moved(9, To, Done, "c"), Ok(Plan::New)),
            (None, moved(9, From, Done, "c"), Ok(Plan::New)),
            // A crash between the two marks.
            (moved(1, From, Copying, "b"), None, Ok(Plan::Target(id))),
            (moved(1, From, Copying, "b"), moved(9, To, Done, "c"), Ok(Plan::Target(id))),
            // A crash while copying, comparing, or finishing; the address may be written otherwise.
            (moved(1, From, Copying, "B"), moved(1, To, Copying, "A"), Ok(Plan::Copy(id))),
            (moved(1, From, Finishing, "b"), moved(1, To, Copying, "a"), Ok(Plan::Copy(id))),
            (moved(1, From, Finishing, "b"), moved(1, To, Done, "a"), Ok(Plan::Conclude(id))),
            (moved(1, From, Done, "b"), moved(1, To, Done, "a"), Err("was moved to b already")),
            (moved(1, From, Done, "c"), None, Err("was moved to c already")),
            (moved(1, From, Copying, "c"), None, Err("a is being moved to c: go on with that")),
            (moved(1, To, Copying, "c"), None, Err("a is itself the unfinished target of a move from c")),
            (None, moved(1, To, Copying, "c"), Err("b is the unfinished target of another move, from c")),
            (None, moved(1, From, Copying, "c"), Err("b is being moved itself, to c")),
            (moved(1, From, Copying, "b"), moved(1, From, Copying, "b"), Err("a and b are the same database")),
        ] {
            let found = plan("a", "b", source.as_ref(), target.as_ref());
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{source:?} {target:?}"),
                (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{found}"),
                (found, expected) => panic!("{source:?} {target:?}: {found:?}, not {expected:?}"),
            }
        }
    }
}

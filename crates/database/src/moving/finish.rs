//! The end of a move: the new database takes writes, and the old one says where its data went.

use std::sync::Arc;

use uuid::Uuid;

use super::begin::Begun;
use super::copy::check_target;
use super::record::{Moved, Part, State};
use super::shape::Shape;
use super::{End, how_to_cancel, refuse};
use crate::connection::Over;
use crate::maintenance::{self, Guard};
use crate::{Connection, Database, Durability, Engine, Error};

/// Columns that number themselves.
const NUMBERED: &str = "SELECT CAST(attname AS TEXT) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attidentity <> '' AND NOT attisdropped";

/// Opens the new database and closes the old one for good. The old one is told first that this is about to happen, so that
/// nobody opens it again who cannot see the new one.
///
/// # Errors
/// The move was cancelled; what a database said. Called again, it goes on.
pub(super) async fn finish(from: &End, to: &End, begun: &Begun, shapes: &[Arc<Shape>]) -> Result<(), Error> {
    let id = begun.id;
    if !begun.open {
        advance(from, id, State::Finishing, None).await?;
        open(to, id, shapes.to_vec()).await?;
    }
    let gone = format!(
        "the data of this registry was moved to {}, where pushes go now; to write to this copy again, of which the other will \
         know nothing: {}",
        to.place,
        how_to_cancel(&from.place)
    );
    advance(from, id, State::Done, Some(gone)).await?;
    // Files may be moved by hand next, and not everybody takes the log along.
    to.database.settle().await?;
    from.database.settle().await
}

impl Database {
    /// Takes what is in the log of a SQLite file into the file, so that the file alone has everything; nothing otherwise.
    ///
    /// # Errors
    /// What the disk said.
    pub async fn settle(&self) -> Result<(), Error> {
        match &self.0.engine {
            Engine::Sqlite(file) => {
                let file = Arc::clone(file);
                let settled = tokio::task::spawn_blocking(move || file.settle()).await;
                settled.unwrap_or_else(|_| Err(refuse("the log was not taken into the file".to_owned())))
            }
            Engine::Postgres(_) => Ok(()),
        }
    }
}

/// Writes down in the old database how far the move is, and perhaps another reason why writes are refused.
async fn advance(from: &End, id: Uuid, state: State, reason: Option<String>) -> Result<(), Error> {
    let place = from.place.clone();
    let advanced = from.database.transact(Durability::Power, Guard::Alone, move |connection| {
        match Moved::read(connection)? {
            Some(moved) if moved.id == id && moved.part == Part::From => moved.at(state).put(connection)?,
            _ => return Err(refuse(format!("the move from {place} was cancelled meanwhile"))),
        }
        match &reason {
            Some(reason) => maintenance::stop(connection, reason),
            None => Ok(()),
        }
    });
    advanced.await
}

/// Opens the new database for writes.
async fn open(to: &End, id: Uuid, shapes: Vec<Arc<Shape>>) -> Result<(), Error> {
    let opened = to.database.transact(Durability::Power, Guard::Alone, move |connection| {
        check_target(connection, id)?;
        for shape in &shapes {
            go_on_numbering(connection, shape)?;
        }
        if let Some(moved) = Moved::read(connection)? {
            moved.at(State::Done).put(connection)?;
        }
        maintenance::go_on(connection)
    });
    opened.await
}

/// Lets PostgreSQL number new rows behind those that came with their numbers, and know how many there are. SQLite does both by
/// itself.
fn go_on_numbering(connection: &Connection<'_>, shape: &Shape) -> Result<(), Error> {
    let Over::Postgres(session) = connection.over() else { return Ok(()) };
    let name = shape.name();
    session.batch(&format!("ANALYZE {name}"))?;
    for row in connection.rows(NUMBERED, &[name.as_str().into()])? {
        let Some(column) = row.first().and_then(|cell| cell.text()) else { continue };
        // A table without rows keeps its beginning.
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence($1, $2), MAX({quoted})) FROM {name} HAVING MAX({quoted}) IS NOT NULL",
            quoted = crate::dynamic::quoted(column)
        );
        connection.rows(&sql, &[name.as_str().into(), column.into()])?;
    }
    Ok(())
}

//! Copying a table.

use std::sync::Arc;

use uuid::Uuid;

use super::page::{self, Limit, Page};
use super::record::{Moved, Part, State};
use super::shape::{Shape, shown};
use super::{Far, Step, refuse};
use crate::cell::Cell;
use crate::maintenance::Guard;
use crate::{Connection, Database, Durability, Error, Value};

/// Copies the rows that `to` does not have yet. While one page is written the next is read.
///
/// Rows go in the order of their keys, each page in a transaction of its own. So what is there already is a beginning, and its
/// greatest key says where to go on.
///
/// # Errors
/// What a database said; the move was cancelled, or another process goes on with it.
pub(super) async fn copy(
    from: &Database,
    to: &Database,
    id: Uuid,
    shape: &Arc<Shape>,
    watch: &mut impl FnMut(Step),
) -> Result<(), Error> {
    let (of, mut rows) = (count(from, shape).await?, count(to, shape).await?);
    let mut after = {
        let shape = Arc::clone(shape);
        to.scan(move |connection| page::greatest_key(connection, &shape)).await?
    };
    let table = shape.table.name;
    let mut next = read(from, shape, after.clone(), Limit::default()).await?;
    while let Some(last) = next.last_key(shape) {
        let (limit, count) = (Limit::after(&next), next.rows.len() as u64);
        let written = write(to, id, shape, after, next);
        let (written, following) = tokio::join!(written, read(from, shape, Some(last.clone()), limit));
        written.map_err(|error| error.in_table(table))?;
        rows += count;
        watch(Step::Copied(Far { table, rows, of }));
        (next, after) = (following?, Some(last));
    }
    Ok(())
}

/// How many rows a table has.
///
/// # Errors
/// What the database said.
pub(super) async fn count(database: &Database, shape: &Arc<Shape>) -> Result<u64, Error> {
    let shape = Arc::clone(shape);
    database.scan(move |connection| page::count(connection, &shape)).await
}

/// The page behind the key `after`.
///
/// # Errors
/// What the database said.
pub(super) async fn read(
    database: &Database,
    shape: &Arc<Shape>,
    after: Option<Vec<Cell>>,
    limit: Limit,
) -> Result<Page, Error> {
    let shape = Arc::clone(shape);
    database.scan(move |connection| Page::read(connection, &shape, after.as_deref(), limit)).await
}

async fn write(to: &Database, id: Uuid, shape: &Arc<Shape>, after: Option<Vec<Cell>>, page: Page) -> Result<(), Error> {
    let shape = Arc::clone(shape);
    // A page that a power cut takes is copied again; the end of the move is synced.
    let written = to.transact(Durability::Process, Guard::Alone, move |connection| {
        check_target(connection, id)?;
        check_end(connection, &shape, after.as_deref())?;
        page.write(connection, &shape)
    });
    written.await
}

/// That the database over `connection` is being filled by the move `id`.
///
/// # Errors
/// It is not, any more.
pub(super) fn check_target(connection: &Connection<'_>, id: Uuid) -> Result<(), Error> {
    match Moved::read(connection)? {
        Some(moved) if moved.id == id && moved.part == Part::To && moved.state == State::Copying => Ok(()),
        _ => Err(refuse("the move was cancelled meanwhile".to_owned())),
    }
}

/// That no other process has gone on from the same place.
fn check_end(connection: &Connection<'_>, shape: &Shape, after: Option<&[Cell]>) -> Result<(), Error> {
    let behind = after.map_or(String::new(), |_| page::behind(shape));
    let sql = format!("SELECT {} FROM {} {behind} LIMIT 1", shape.key(), shape.name());
    let parameters: Vec<Value<'_>> = after.unwrap_or_default().iter().map(Value::from).collect();
    match connection.rows(&sql, &parameters)?.first() {
        None => Ok(()),
        Some(key) => {
            Err(refuse(format!("the row {} was written by somebody else: is the same move running twice?", shown(key))))
        }
    }
}

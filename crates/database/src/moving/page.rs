//! Rows, a page at a time: read in the order of the key, written as they are.

use rusqlite::params_from_iter;
use tokio_postgres::types::Type;

use super::shape::{Holds, Shape, shown};
use crate::cell::Cell;
use crate::connection::Over;
use crate::{Connection, Error, Value};

/// Most rows of a page.
const MOST_ROWS: usize = 1000;
/// Fewest that are asked for.
const FEWEST_ROWS: usize = 16;
/// How many bytes of text and blobs a page has before its last row.
const BYTES: usize = 1024 * 1024;

/// Some rows of a table that follow each other.
pub(crate) struct Page {
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// How many rows to ask for. Large rows are not read to be thrown away.
#[derive(Clone, Copy)]
pub(crate) struct Limit(usize);

impl Default for Limit {
    fn default() -> Self {
        Self(MOST_ROWS)
    }
}

impl Limit {
    /// After a page that the limit gave.
    pub(crate) fn after(page: &Page) -> Self {
        Self((page.rows.len() * 2).clamp(FEWEST_ROWS, MOST_ROWS))
    }
}

impl Page {
    /// The rows behind the key `after`, or the first ones: at least one if there is one, and no more than fit.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) fn read(
        connection: &Connection<'_>,
        shape: &Shape,
        after: Option<&[Cell]>,
        limit: Limit,
    ) -> Result<Self, Error> {
        let (all, key, name) = (shape.all(), shape.key(), shape.name());
        let behind = after.map_or(String::new(), |_| behind(shape));
        // Both engines count the bytes alike, so equal tables have equal pages.
        let sql = format!(
            "SELECT {all} FROM (
                SELECT {all}, SUM(bytes_of_row) OVER (ORDER BY {key}) - bytes_of_row AS bytes_before FROM (
                    SELECT {all}, {bytes} AS bytes_of_row FROM {name} {behind} ORDER BY {key} LIMIT {limit}) AS page) AS sized
            WHERE bytes_before < {BYTES} ORDER BY {key}",
            bytes = bytes(shape),
            limit = limit.0,
        );
        let parameters: Vec<Value<'_>> = after.unwrap_or_default().iter().map(Value::from).collect();
        Ok(Self { rows: connection.rows(&sql, &parameters)? })
    }

    /// Adds the rows to a table.
    ///
    /// # Errors
    /// What the database said; a row that it cannot hold.
    pub(crate) fn write(&self, connection: &Connection<'_>, shape: &Shape) -> Result<(), Error> {
        let (all, name) = (shape.all(), shape.name());
        match connection.over() {
            Over::Sqlite(connection) => {
                let places: Vec<String> = (1..=shape.columns.len()).map(|number| format!("${number}")).collect();
                let sql = format!("INSERT INTO {name} ({all}) VALUES ({})", places.join(", "));
                let mut insert = connection.prepare_cached(&sql)?;
                for row in &self.rows {
                    insert.execute(params_from_iter(row.iter().map(Value::from)))?;
                }
                Ok(())
            }
            Over::Postgres(session) => {
                self.check_text(shape)?;
                let types: Vec<Type> = shape.columns.iter().map(|column| of(column.holds)).collect();
                let sql = format!("COPY {name} ({all}) FROM STDIN (FORMAT binary)");
                session.copy_in(&sql, &types, self.rows.iter().map(|row| row.iter().map(Value::from).collect()))
            }
        }
    }

    /// The key of the last row; `None` if there is no row.
    pub(crate) fn last_key(&self, shape: &Shape) -> Option<Vec<Cell>> {
        self.rows.last().map(|row| shape.key_of(row))
    }

    /// PostgreSQL has no text with a zero byte, and says so without saying where.
    fn check_text(&self, shape: &Shape) -> Result<(), Error> {
        let has_zero = |cell: &Cell| cell.text().is_some_and(|text| text.contains('\0'));
        match self.rows.iter().find(|row| row.iter().any(has_zero)) {
            None => Ok(()),
            Some(row) => Err(super::refuse(format!(
                "the row {}: there is a zero byte in a text, which PostgreSQL cannot hold; delete what it stands for first",
                shown(&shape.key_of(row))
            ))),
        }
    }
}

/// The condition that a row comes after a key, whose values are the parameters.
pub(crate) fn behind(shape: &Shape) -> String {
    let places: Vec<String> = (1..=shape.table.key.len()).map(|number| format!("${number}")).collect();
    format!("WHERE ({}) > ({})", shape.key(), places.join(", "))
}

/// The greatest key of a table; `None` if it has no row.
///
/// # Errors
/// What the database said.
pub(crate) fn greatest_key(connection: &Connection<'_>, shape: &Shape) -> Result<Option<Vec<Cell>>, Error> {
    let key = shape.key();
    let backwards = key.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {key} FROM {} ORDER BY {backwards} LIMIT 1", shape.name());
    Ok(connection.rows(&sql, &[])?.into_iter().next())
}

/// How many rows a table has.
///
/// # Errors
/// What the database said.
pub(crate) fn count(connection: &Connection<'_>, shape: &Shape) -> Result<u64, Error> {
    let rows = connection.rows(&format!("SELECT COUNT(*) FROM {}", shape.name()), &[])?;
    let count = rows.first().and_then(|row| row.first()).and_then(Cell::integer);
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

/// SQL for the bytes of a row that can be many.
fn bytes(shape: &Shape) -> String {
    let long = shape.columns.iter().filter(|column| column.holds != Holds::Integers);
    let sizes: Vec<String> =
        long.map(|column| format!("COALESCE(octet_length({}), 0)", crate::dynamic::quoted(&column.name))).collect();
    if sizes.is_empty() { "0".to_owned() } else { sizes.join(" + ") }
}

fn of(holds: Holds) -> Type {
    match holds {
        Holds::Integers => Type::INT8,
        Holds::Texts => Type::TEXT,
        Holds::Blobs => Type::BYTEA,
    }
}

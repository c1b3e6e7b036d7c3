//! Running statements over SQLite.

use rusqlite::Connection;

use crate::{Error, Kind, Row, Value};

/// The first row, if there is one.
pub(crate) fn first<T, E: From<Error>>(
    connection: &Connection,
    sql: &str,
    parameters: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, E>,
) -> Result<Option<T>, E> {
    let mut prepared = connection.prepare_cached(sql).map_err(Error::from)?;
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).map_err(Error::from)?;
    match rows.next().map_err(Error::from)? {
        Some(row) => read(&Row::sqlite(row)).map(Some),
        None => Ok(None),
    }
}

/// Every row.
pub(crate) fn all<T, E: From<Error>>(
    connection: &Connection,
    sql: &str,
    parameters: &[Value<'_>],
    mut read: impl FnMut(&Row<'_>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut prepared = connection.prepare_cached(sql).map_err(Error::from)?;
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).map_err(Error::from)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(Error::from)? {
        found.push(read(&Row::sqlite(row))?);
    }
    Ok(found)
}

/// How many rows a statement changes.
pub(crate) fn execute(connection: &Connection, sql: &str, parameters: &[Value<'_>]) -> Result<usize, Error> {
    let mut prepared = connection.prepare_cached(sql)?;
    Ok(prepared.execute(rusqlite::params_from_iter(parameters))?)
}

/// Whether a statement fits the tables and has its parameters in order.
pub(crate) fn prepare_only(connection: &Connection, sql: &str) -> Result<(), Error> {
    let prepared = connection.prepare(sql)?;
    for index in 1..=prepared.parameter_count() {
        let expected = format!("${index}");
        if prepared.parameter_name(index) != Some(&expected) {
            let message = format!("parameter {index} is {:?}", prepared.parameter_name(index));
            return Err(Error::new(Kind::Other, "prepare", message));
        }
    }
    Ok(())
}

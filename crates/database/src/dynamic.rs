//! SQL whose tables and columns are known only at run time. For those who look at the schema itself: moves and the doctor.

use crate::cell::Cell;
use crate::connection::Over;
use crate::{Connection, Error, Row, Value, sqlite};

impl Connection<'_> {
    /// Every row of a statement, as it is.
    pub(crate) fn rows(&self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Vec<Cell>>, Error> {
        match self.over() {
            Over::Sqlite(connection) => sqlite::all(connection, sql, parameters, |row| row.cells()),
            Over::Postgres(session) => {
                session.query_once(sql, parameters)?.iter().map(|row| Row::postgres(row).cells()).collect()
            }
        }
    }

    /// Runs statements that have no parameters and give nothing back.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Error> {
        match self.over() {
            Over::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Over::Postgres(session) => session.batch(sql),
        }
    }
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as SQL writes them, with commas between them.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

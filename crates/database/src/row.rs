//! What statements give.

use rusqlite::types::ValueRef;
use tokio_postgres::types::Type;

use crate::cell::Cell;
use crate::{Error, Kind};

/// One row of a result. Columns are counted from 0; a column of another type than asked for is [`Kind::Other`].
pub struct Row<'a>(Of<'a>);

enum Of<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Row<'a> {
    pub(crate) fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self(Of::Sqlite(row))
    }

    pub(crate) fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self(Of::Postgres(row))
    }

    /// An integer column.
    ///
    /// # Errors
    /// If it is none.
    pub fn integer(&self, column: usize) -> Result<i64, Error> {
        match self.0 {
            Of::Sqlite(row) => row.get(column).map_err(unfit),
            Of::Postgres(row) => row.try_get(column).map_err(unfit),
        }
    }

    /// An integer column that holds a size or count in bytes.
    ///
    /// # Errors
    /// If it is none or negative.
    pub fn size(&self, column: usize) -> Result<u64, Error> {
        let value = self.integer(column)?;
        value.try_into().map_err(|_| unfit(format!("{value} is no size")))
    }

    /// An integer column that may be `NULL`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn optional_integer(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.0 {
            Of::Sqlite(row) => row.get(column).map_err(unfit),
            Of::Postgres(row) => row.try_get(column).map_err(unfit),
        }
    }

    /// A text column.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0 {
            Of::Sqlite(row) => row.get_ref(column)?.as_str().map_err(unfit),
            Of::Postgres(row) => row.try_get(column).map_err(unfit),
        }
    }

    /// A text column that may be `NULL`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.0 {
            Of::Sqlite(row) => row.get_ref(column)?.as_str_or_null().map_err(unfit),
            Of::Postgres(row) => row.try_get(column).map_err(unfit),
        }
    }

    /// A column of bytes.
    ///
    /// # Errors
    /// If it is none.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        match self.0 {
            Of::Sqlite(row) => row.get_ref(column)?.as_blob().map_err(unfit),
            Of::Postgres(row) => row.try_get(column).map_err(unfit),
        }
    }

    /// Every column, as it is.
    pub(crate) fn cells(&self) -> Result<Vec<Cell>, Error> {
        match self.0 {
            Of::Sqlite(row) => (0..row.as_ref().column_count()).map(|column| sqlite_cell(row, column)).collect(),
            Of::Postgres(row) => (0..row.len()).map(|column| postgres_cell(row, column)).collect(),
        }
    }
}

fn sqlite_cell(row: &rusqlite::Row<'_>, column: usize) -> Result<Cell, Error> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Real(value) => return Err(unfit(format!("{value} is no integer, text or bytes"))),
        ValueRef::Text(value) => Cell::Text(std::str::from_utf8(value).map_err(unfit)?.to_owned()),
        ValueRef::Blob(value) => Cell::Blob(value.to_vec()),
    })
}

fn postgres_cell(row: &tokio_postgres::Row, column: usize) -> Result<Cell, Error> {
    let cell = match row.columns().get(column).map(tokio_postgres::Column::type_) {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(column).map_err(unfit)?.map(Cell::Integer),
        Some(&Type::TEXT) => row.try_get::<_, Option<String>>(column).map_err(unfit)?.map(Cell::Text),
        Some(&Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(column).map_err(unfit)?.map(Cell::Blob),
        other => return Err(unfit(format!("{other:?} is no integer, text or bytes"))),
    };
    Ok(cell.unwrap_or(Cell::Null))
}

fn unfit(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Other, "row", error.to_string())
}

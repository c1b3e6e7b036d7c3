//! Running statements.

use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::{Error, Kind, Statement};

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// SQL `NULL`.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// One row of a result. Columns are counted from 0; a column of another type than asked for is [`Kind::Other`].
pub struct Row<'a>(&'a rusqlite::Row<'a>);

impl Row<'_> {
    /// An integer column.
    ///
    /// # Errors
    /// If it is none.
    pub fn integer(&self, column: usize) -> Result<i64, Error> {
        Ok(self.0.get(column)?)
    }

    /// An integer column that holds a size or count in bytes.
    ///
    /// # Errors
    /// If it is none or negative.
    pub fn size(&self, column: usize) -> Result<u64, Error> {
        let value = self.integer(column)?;
        value.try_into().map_err(|_| Error::new(Kind::Other, "row", format!("{value} is no size")))
    }

    /// A text column.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        let value = self.0.get_ref(column)?;
        value.as_str().map_err(|error| Error::new(Kind::Other, "row", error.to_string()))
    }

    /// A text column that may be `NULL`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, Error> {
        let value = self.0.get_ref(column)?;
        value.as_str_or_null().map_err(|error| Error::new(Kind::Other, "row", error.to_string()))
    }

    /// A column of bytes.
    ///
    /// # Errors
    /// If it is none.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        let value = self.0.get_ref(column)?;
        value.as_blob().map_err(|error| Error::new(Kind::Other, "row", error.to_string()))
    }
}

/// A connection inside [`crate::Database::read`], or the transaction inside [`crate::Database::write`].
pub struct Connection<'a>(&'a rusqlite::Connection);

impl<'a> Connection<'a> {
    pub(crate) fn new(connection: &'a rusqlite::Connection) -> Self {
        Self(connection)
    }

    /// The first row, if there is one, as `read` makes it.
    ///
    /// # Errors
    /// What the database or `read` said.
    pub fn first<T, E: From<Error>>(
        &self,
        statement: &Statement,
        parameters: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut prepared = self.0.prepare_cached(statement.sql).map_err(Error::from)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).map_err(Error::from)?;
        match rows.next().map_err(Error::from)? {
            Some(row) => read(&Row(row)).map(Some),
            None => Ok(None),
        }
    }

    /// Every row, as `read` makes it.
    ///
    /// # Errors
    /// What the database or `read` said.
    pub fn all<T, E: From<Error>>(
        &self,
        statement: &Statement,
        parameters: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut prepared = self.0.prepare_cached(statement.sql).map_err(Error::from)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).map_err(Error::from)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(Error::from)? {
            found.push(read(&Row(row))?);
        }
        Ok(found)
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// What the database said.
    pub fn exists(&self, statement: &Statement, parameters: &[Value<'_>]) -> Result<bool, Error> {
        Ok(self.first(statement, parameters, |_| Ok::<_, Error>(()))?.is_some())
    }

    /// Runs a statement that changes rows, and returns how many.
    ///
    /// # Errors
    /// What the database said.
    pub fn execute(&self, statement: &Statement, parameters: &[Value<'_>]) -> Result<usize, Error> {
        let mut prepared = self.0.prepare_cached(statement.sql)?;
        Ok(prepared.execute(rusqlite::params_from_iter(parameters))?)
    }

    pub(crate) fn probe(&self) -> Result<(), Error> {
        Ok(self.0.query_row("SELECT 1", [], |_| Ok(()))?)
    }

    pub(crate) fn begin_snapshot(&self) -> Result<(), Error> {
        Ok(self.0.execute_batch("BEGIN DEFERRED")?)
    }

    pub(crate) fn end_snapshot(&self) -> Result<(), Error> {
        Ok(self.0.execute_batch("ROLLBACK")?)
    }

    pub(crate) fn prepare_only(&self, statement: &Statement) -> Result<(), Error> {
        let prepared = self.0.prepare(statement.sql)?;
        for index in 1..=prepared.parameter_count() {
            let expected = format!("${index}");
            if prepared.parameter_name(index) != Some(&expected) {
                let message = format!("parameter {index} is {:?}", prepared.parameter_name(index));
                return Err(Error::new(Kind::Other, "prepare", message));
            }
        }
        Ok(())
    }
}

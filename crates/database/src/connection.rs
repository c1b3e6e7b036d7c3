//! Running statements.

use crate::postgres::Session;
use crate::{Error, Kind, Row, Statement, Timestamp, Value, sqlite};

/// A connection inside [`crate::Database::read`], or the transaction inside [`crate::Database::write`].
pub struct Connection<'a>(Over<'a>);

/// The engine's own connection.
#[derive(Clone, Copy)]
pub(crate) enum Over<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a Session),
}

impl<'a> Connection<'a> {
    pub(crate) fn sqlite(connection: &'a rusqlite::Connection) -> Self {
        Self(Over::Sqlite(connection))
    }

    pub(crate) fn postgres(session: &'a Session) -> Self {
        Self(Over::Postgres(session))
    }

    /// What it runs over, for those who have to know: who reads the schema, or makes SQL of it.
    pub(crate) fn over(&self) -> Over<'a> {
        self.0
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
        match self.0 {
            Over::Sqlite(connection) => sqlite::first(connection, statement.sqlite(), parameters, read),
            Over::Postgres(session) => {
                let rows = session.query(statement.postgres(), parameters)?;
                rows.first().map(|row| read(&Row::postgres(row))).transpose()
            }
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
        match self.0 {
            Over::Sqlite(connection) => sqlite::all(connection, statement.sqlite(), parameters, read),
            Over::Postgres(session) => {
                let rows = session.query(statement.postgres(), parameters)?;
                rows.iter().map(|row| read(&Row::postgres(row))).collect()
            }
        }
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
        match self.0 {
            Over::Sqlite(connection) => sqlite::execute(connection, statement.sqlite(), parameters),
            Over::Postgres(session) => {
                let rows = session.execute(statement.postgres(), parameters)?;
                usize::try_from(rows).map_err(|_| Error::new(Kind::Other, "execute", format!("{rows} rows")))
            }
        }
    }

    /// The time now by the clock that all processes over this database share: the server's, or this machine's.
    ///
    /// # Errors
    /// What the database said.
    pub fn now(&self) -> Result<Timestamp, Error> {
        let now = self.first(&tables::NOW, &[], |row| row.integer(0))?;
        now.map(Timestamp::from_micros).ok_or_else(|| Error::new(Kind::Other, "now", "no row"))
    }

    pub(crate) fn probe(&self) -> Result<(), Error> {
        self.exists(&tables::PROBE, &[]).map(|_| ())
    }

    pub(crate) fn prepare_only(&self, statement: &Statement) -> Result<(), Error> {
        match self.0 {
            Over::Sqlite(connection) => sqlite::prepare_only(connection, statement.sqlite()),
            Over::Postgres(session) => session.prepare_only(statement.postgres()).map(|_| ()),
        }
    }
}

pub(crate) mod tables {
    crate::statements! {
        PROBE = "SELECT 1";
        NOW = sqlite "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
            postgres "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
    }
}

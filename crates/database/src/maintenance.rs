//! Stopping all writes for a while, so that what is there can be copied, or looked after: every writer looks, inside its
//! transaction.

use crate::moving::Moved;
use crate::{Connection, Database, Durability, Error, Kind};

pub(crate) mod tables {
    crate::statements! {
        REASON = "SELECT reason FROM maintenance WHERE id = 1";
        STOP = "INSERT INTO maintenance (id, reason) VALUES (1, $1)
            ON CONFLICT (id) DO UPDATE SET reason = excluded.reason";
        GO_ON = "DELETE FROM maintenance WHERE id = 1";
    }
}
pub(crate) use tables::REASON;

/// What a transaction makes of the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Writes are refused while it lasts.
    Refuse,
    /// It does not matter: these rows are this crate's own, and nobody copies them.
    Pass,
    /// This one brings or ends it, when nobody else writes.
    Alone,
}

/// Why a write is refused.
pub(crate) fn refusal(reason: &str) -> Error {
    Error::new(Kind::ReadOnly, "write", reason)
}

/// The reason, if writes are stopped.
pub(crate) fn reason(connection: &Connection<'_>) -> Result<Option<String>, Error> {
    connection.first(&REASON, &[], |row| Ok(row.text(0)?.to_owned()))
}

/// Stops writes, in a transaction with [`Guard::Alone`].
pub(crate) fn stop(connection: &Connection<'_>, reason: &str) -> Result<(), Error> {
    connection.execute(&tables::STOP, &[reason.into()]).map(|_| ())
}

/// Ends that, in a transaction with [`Guard::Alone`].
pub(crate) fn go_on(connection: &Connection<'_>) -> Result<(), Error> {
    connection.execute(&tables::GO_ON, &[]).map(|_| ())
}

/// That no move has stopped writes: what a move has stopped only the move lets go on.
fn check_no_move(connection: &Connection<'_>) -> Result<(), Error> {
    match (Moved::read(connection)?, reason(connection)?) {
        (Some(moved), Some(reason)) if moved.stops_writes() => Err(refusal(&reason)),
        _ => Ok(()),
    }
}

impl Database {
    /// Refuses all writes from now on with [`Kind::ReadOnly`] and `reason`, a sentence for people who push; `also` is done in the
    /// same transaction. When this returns, all writes that were under way are committed or undone, in every process. It lasts
    /// until [`Database::allow_writes`], also over restarts. Called again, it changes the reason.
    ///
    /// # Errors
    /// [`Kind::ReadOnly`] while the data is moved to another database; [`Kind::Busy`] if writes under way take too long; what
    /// `also` and the database said.
    pub async fn stop_writes<E, F>(&self, reason: &str, mut also: F) -> Result<(), E>
    where
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<(), E> + Send + 'static,
    {
        let reason = reason.to_owned();
        let stopped = self.transact(Durability::Power, Guard::Alone, move |connection| {
            check_no_move(connection)?;
            stop(connection, &reason)?;
            also(connection)
        });
        stopped.await
    }

    /// Ends what [`Database::stop_writes`] began, and does `also` in the same transaction.
    ///
    /// # Errors
    /// [`Kind::ReadOnly`] while the data is moved to another database, or after it was; what `also` and the database said.
    pub async fn allow_writes<E, F>(&self, mut also: F) -> Result<(), E>
    where
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<(), E> + Send + 'static,
    {
        let allowed = self.transact(Durability::Power, Guard::Alone, move |connection| {
            check_no_move(connection)?;
            go_on(connection)?;
            also(connection)
        });
        allowed.await
    }

    /// Why writes are refused; `None` if they are not.
    ///
    /// # Errors
    /// What the database said.
    pub async fn writes_stopped(&self) -> Result<Option<String>, Error> {
        self.read(reason).await
    }
}

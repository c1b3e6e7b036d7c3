//! Stopping all writes for a while, so that what is there can be copied: every writer looks, inside its transaction.

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

impl Database {
    /// Refuses all writes from now on with [`Kind::ReadOnly`] and `reason`, a sentence for people who push. When this returns,
    /// all writes that were under way are committed or undone, in every process. It lasts until
    /// [`Database::allow_writes`], also over restarts.
    ///
    /// # Errors
    /// What the database said; [`Kind::Busy`] if writes under way take too long.
    pub async fn stop_writes(&self, reason: &str) -> Result<(), Error> {
        let reason = reason.to_owned();
        self.transact(Durability::Power, Guard::Alone, move |connection| stop(connection, &reason)).await
    }

    /// Ends what [`Database::stop_writes`] began.
    ///
    /// # Errors
    /// What the database said.
    pub async fn allow_writes(&self) -> Result<(), Error> {
        self.transact(Durability::Power, Guard::Alone, go_on).await
    }

    /// Why writes are refused; `None` if they are not.
    ///
    /// # Errors
    /// What the database said.
    pub async fn writes_stopped(&self) -> Result<Option<String>, Error> {
        self.read(reason).await
    }
}

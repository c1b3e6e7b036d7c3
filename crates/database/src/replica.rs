//! Which processes are alive: each has a row that it renews. Whoever takes a dead one's row away may then take its
//! unfinished things away too, because a transaction that adds to them demands the row ([`Connection::require_replica`]).

use std::time::Duration;

use uuid::Uuid;

use crate::maintenance::Guard;
use crate::{Connection, Database, Durability, Error, Kind};

/// How often a process says that it lives.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// After how long without a word it counts as dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(30);

pub(crate) mod tables {
    crate::statements! {
        ADD = "INSERT INTO replicas (id, started_at, seen_at) VALUES ($1, $2, $2)";
        RENEW = "UPDATE replicas SET seen_at = $1 WHERE id = $2";
        REMOVE = "DELETE FROM replicas WHERE id = $1";
        REMOVE_SILENT = "DELETE FROM replicas WHERE seen_at < $1 RETURNING id";
        /// The lock makes whoever removes the row wait for this transaction: that it had the row when it began says nothing
        /// about the order of their commits.
        REQUIRE = sqlite "SELECT 1 FROM replicas WHERE id = $1"
            postgres "SELECT 1 FROM replicas WHERE id = $1 FOR KEY SHARE";
    }
}

impl Connection<'_> {
    /// Demands, inside a transaction that writes, that the process `id` has not been declared dead.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if it has; what the database said.
    pub fn require_replica(&self, id: Uuid) -> Result<(), Error> {
        if self.exists(&tables::REQUIRE, &[(&id.to_string()).into()])? {
            Ok(())
        } else {
            let message = "this process was taken for dead, because the database did not hear of it for too long";
            Err(Error::new(Kind::Unavailable, "replica", message))
        }
    }
}

impl Database {
    /// Enters a process under an id that no process had before.
    ///
    /// # Errors
    /// What the database said.
    pub async fn register_replica(&self, id: Uuid) -> Result<(), Error> {
        let id = id.to_string();
        let added = self.housekeep(move |connection| {
            let now = connection.now()?;
            connection.execute(&tables::ADD, &[(&id).into(), now.into()])
        });
        added.await.map(|_| ())
    }

    /// Says that the process lives. `false`: it was declared dead, and needs a new id.
    ///
    /// # Errors
    /// What the database said.
    pub async fn renew_replica(&self, id: Uuid) -> Result<bool, Error> {
        let id = id.to_string();
        let renewed = self.housekeep(move |connection| {
            let now = connection.now()?;
            connection.execute(&tables::RENEW, &[now.into(), (&id).into()])
        });
        renewed.await.map(|rows| rows > 0)
    }

    /// Renews again and again, and returns when the process was declared dead, which happens to one that the database
    /// cannot hear for half a minute.
    pub async fn keep_replica(&self, id: Uuid) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.renew_replica(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "the database does not hear that this process lives"),
            }
        }
    }

    /// Takes the row of a process away that ends and has left nothing unfinished.
    ///
    /// # Errors
    /// What the database said.
    pub async fn remove_replica(&self, id: Uuid) -> Result<(), Error> {
        let id = id.to_string();
        self.housekeep(move |connection| connection.execute(&tables::REMOVE, &[(&id).into()])).await.map(|_| ())
    }

    /// Declares those dead that were not heard of for `silence` ([`DEAD_AFTER`]), and returns their ids. When this returns, no
    /// transaction of theirs that demanded their row is under way, and none will be.
    ///
    /// # Errors
    /// What the database said.
    pub async fn remove_silent_replicas(&self, silence: Duration) -> Result<Vec<Uuid>, Error> {
        let removed = self.transact(Durability::Power, Guard::Refuse, move |connection| {
            let before = connection.now()?.minus(silence);
            connection.all(&tables::REMOVE_SILENT, &[before.into()], |row| {
                let text = row.text(0)?;
                text.parse().map_err(|_| Error::new(Kind::Other, "replica", format!("{text:?} is no id")))
            })
        });
        removed.await
    }
}

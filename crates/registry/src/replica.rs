//! This process among others over the same database and object store.
//!
//! It has an id, which stands in the database as long as the process says that it lives, and in the key of every object that it
//! writes. One that is not heard of for half a minute is declared dead, and the purge takes what it left. If it lives
//! after all, it can record no object under that id any more, and goes on under another.

use std::collections::HashSet;
use std::time::Duration;

use entrepot_database::{Connection, DEAD_AFTER, Durability, Timestamp};
use entrepot_store::Part;
use uuid::Uuid;

use crate::{Error, Registry, tables};

/// How long a process waits that was declared dead and cannot register anew.
const PAUSE: Duration = Duration::from_secs(1);

/// A writer of objects that is dead.
pub(crate) struct DeadWriter {
    pub(crate) id: Uuid,
    /// When that was noted first.
    pub(crate) ended_at: Option<Timestamp>,
}

/// Demands, inside a transaction that records `parts`, that their writers have not been declared dead: then nobody takes them
/// for leftovers.
pub(crate) fn require_writers(connection: &Connection<'_>, parts: &[Part]) -> Result<(), Error> {
    let writers: HashSet<Uuid> = parts.iter().map(|part| part.key.writer()).collect();
    for writer in writers {
        connection.require_replica(writer)?;
    }
    Ok(())
}

impl Registry {
    /// Enters this process, under a new id, among those that are alive. Nothing can be pushed to an object store before.
    ///
    /// # Errors
    /// What the database said.
    pub async fn join(&self) -> Result<(), Error> {
        let id = Uuid::now_v7();
        self.0.database.register_replica(id).await?;
        if self.0.store.writer().is_some() {
            let text = id.to_string();
            let added = self.0.database.write(Durability::Power, move |connection| {
                Ok::<_, Error>(connection.execute(&tables::ADD_WRITER, &[(&text).into()])?)
            });
            added.await?;
            self.0.store.write_as(id);
        }
        *self.0.replica.lock() = Some(id);
        Ok(())
    }

    /// Says again and again that this process lives, for ever; if it was declared dead, or could not join before, it
    /// joins.
    pub async fn stay(&self) {
        loop {
            let id = *self.0.replica.lock();
            if let Some(id) = id {
                self.0.database.keep_replica(id).await;
                tracing::warn!(replica = %id, "this process was taken for dead; it goes on under another id");
            }
            while let Err(error) = self.join().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "this process cannot register");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Takes this process, which ends, from among those that are alive.
    ///
    /// # Errors
    /// What the database said.
    pub async fn leave(&self) -> Result<(), Error> {
        let id = self.0.replica.lock().take();
        match id {
            Some(id) => Ok(self.0.database.remove_replica(id).await?),
            None => Ok(()),
        }
    }

    /// The writers that cannot record anything any more, after declaring those dead that were not heard of.
    pub(crate) async fn dead_writers(&self) -> Result<Vec<DeadWriter>, Error> {
        self.0.database.remove_silent_replicas(DEAD_AFTER).await?;
        let writers = self.0.database.read(|connection| {
            connection.all(&tables::WRITERS, &[], |row| {
                let id = row.text(0)?;
                let id = id.parse().map_err(|_| Error::Damaged(format!("{id:?} stands where a writer's id should")))?;
                Ok::<_, Error>(DeadWriter { id, ended_at: row.optional_integer(1)?.map(Timestamp::from_micros) })
            })
        });
        let mut writers = writers.await?;
        // Asked for after the writers: each was alive before it became one, so one that is not alive now is dead.
        let alive: HashSet<Uuid> = self.0.database.replicas().await?.into_iter().collect();
        writers.retain(|writer| !alive.contains(&writer.id));
        Ok(writers)
    }
}

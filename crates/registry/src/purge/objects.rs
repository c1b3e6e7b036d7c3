//! What only an object store has: objects without a row, unfinished writes, and rows of objects that belong to nothing.
//!
//! An object gets its row after it was written, so a crash leaves objects without one. They are looked for among those of
//! writers that cannot record anything any more, and among our own, of which we know which are under way. Such an object
//! is first *adopted*: it gets a row that belongs to nothing, and then goes the way of all garbage. If a transaction that
//! records it is still on its way (its client was told that nobody knows), only one of the two rows can be, and the
//! database decides.
//!
//! Objects of writers that this database never heard of are left alone: they may belong to another registry.

use std::collections::HashSet;
use std::time::Duration;

use entrepot_database::{Durability, Timestamp};
use entrepot_store::{Key, Part};
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{Purged, STEP};
use crate::{Error, Registry, parts, tables};

/// For how long after its death a writer is looked after: a process that was cut off from the database may be alive and
/// finish writing an object which it then cannot record.
const LOOK_AFTER: Duration = Duration::from_hours(24);

impl Registry {
    pub(super) async fn adopt_strays_of_the_dead(&self, purged: &mut Purged) -> Result<(), Error> {
        for writer in self.dead_writers().await? {
            self.adopt_strays_of(writer.id, purged).await?;
            let now = Timestamp::now();
            let done = writer.ended_at.is_some_and(|at| at.plus(LOOK_AFTER) < now);
            let id = writer.id.to_string();
            let noted = self.0.database.write(Durability::Process, move |connection| {
                Ok::<_, Error>(if done {
                    connection.execute(&tables::REMOVE_WRITER, &[(&id).into()])?
                } else {
                    connection.execute(&tables::END_WRITER, &[now.into(), (&id).into()])?
                })
            });
            noted.await?;
        }
        Ok(())
    }

    pub(super) async fn adopt_own_strays(&self, purged: &mut Purged) -> Result<(), Error> {
        match self.0.store.writer() {
            Some(writer) => self.adopt_strays_of(writer, purged).await,
            None => Ok(()),
        }
    }

    /// Gives every object of `writer` a row that has none, and ends its unfinished writes. `writer` must be dead, or be this
    /// process.
    async fn adopt_strays_of(&self, writer: Uuid, purged: &mut Purged) -> Result<(), Error> {
        purged.objects += self.0.store.abort_unfinished(writer).await?;
        let mut written = self.0.store.written_by(writer).await?.try_chunks(STEP);
        while let Some(mut page) = written.try_next().await.map_err(|failed| failed.1)? {
            page.sort_unstable();
            let (Some(first), Some(last)) = (page.first(), page.last()) else { continue };
            let (first, last) = (first.to_string(), last.to_string());
            let known = self.0.database.read(move |connection| {
                connection.all(&tables::KEYS_BETWEEN, &[(&first).into(), (&last).into()], |row| {
                    parts::stored_key(row.text(0)?)
                })
            });
            let known: HashSet<Key> = known.await?.into_iter().collect();
            let strays: Vec<Key> = page.into_iter().filter(|key| !known.contains(key)).collect();
            if strays.is_empty() {
                continue;
            }
            let adopted = self.0.database.write(Durability::Process, move |connection| {
                for key in &strays {
                    connection.execute(&tables::ADOPT_STRAY, &[(&key.to_string()).into()])?;
                }
                Ok::<_, Error>(())
            });
            adopted.await?;
            fail::fail_point!("objects::after_adopt");
        }
        Ok(())
    }

    /// Removes the objects of every row that belongs to nothing, and then the row.
    pub(super) async fn remove_all_garbage(&self, purged: &mut Purged) -> Result<(), Error> {
        loop {
            let garbage = self.0.database.scan(move |connection| {
                connection.all(&tables::GARBAGE, &[(STEP as i64).into()], |row| parts::part(row, 0))
            });
            let garbage: Vec<Part> = garbage.await?;
            // It may have been a blob that a backup still has to copy.
            if garbage.is_empty() || self.0.database.is_held().await? {
                return Ok(());
            }
            self.remove_garbage(garbage.iter().map(|part| part.key).collect()).await?;
            purged.objects += garbage.len() as u64;
            purged.bytes += garbage.iter().map(|part| part.size).sum::<u64>();
        }
    }
}

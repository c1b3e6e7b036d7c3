//! What a process remembers of the rules, and for how long.
//!
//! Every change of what decides adds one to a number in the database, the generation. A process reads it a few times a second. What
//! it remembers of one generation it believes while it knows that generation to be the latest, and that it knows for
//! [`BELIEVED`] after it read it. So what was revoked anywhere is refused everywhere within a second, also by a process that has lost
//! its database: it then has to ask, and cannot.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use entrepot_database::{Connection, Database, Error};

use crate::tables;

/// How often the generation is read.
const READ_EVERY: Duration = Duration::from_millis(300);
/// How long after it was read it is believed.
const BELIEVED: Duration = Duration::from_millis(900);

/// Which generation is the latest, as far as this process knows.
#[derive(Debug)]
pub(crate) struct Memory {
    start: Instant,
    generation: AtomicI64,
    /// When it was read, in milliseconds after `start`; 0 for never.
    confirmed: AtomicU64,
}

/// The generation to which something belongs that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(i64);

impl Memory {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), generation: AtomicI64::new(0), confirmed: AtomicU64::new(0) }
    }

    /// The generation whose memories can be believed now, if there is one.
    pub(crate) fn current(&self) -> Option<Generation> {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        let fresh = confirmed > 0 && self.now().saturating_sub(confirmed) < BELIEVED.as_millis() as u64;
        fresh.then(|| Generation(self.generation.load(Ordering::Acquire)))
    }

    /// The generation of what `connection` shows. What is read in the same transaction after it belongs to it, or to a later one: then
    /// it is forgotten a little early.
    pub(crate) fn of(connection: &Connection<'_>) -> Result<Generation, Error> {
        let generation = connection.first(&tables::GENERATION, &[], |row| row.integer(0))?;
        Ok(Generation(generation.unwrap_or_default()))
    }

    /// Reads the generation now.
    pub(crate) async fn refresh(&self, database: &Database) -> Result<(), Error> {
        // What is read is at least as late as the moment before.
        let before = self.now().max(1);
        let Generation(read) = database.read(Self::of).await?;
        let known = self.generation.fetch_max(read, Ordering::AcqRel);
        if read >= known {
            self.confirmed.fetch_max(before, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Reads it again and again.
    pub(crate) async fn keep(&self, database: &Database) {
        loop {
            if let Err(error) = self.refresh(database).await {
                tracing::warn!(%error, "what is remembered of the rules cannot be confirmed");
            }
            tokio::time::sleep(READ_EVERY).await;
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }
}

/// Says that what decides has changed, in the transaction that changes it.
pub(crate) fn changed(connection: &Connection<'_>) -> Result<(), Error> {
    connection.execute(&tables::NEXT_GENERATION, &[]).map(|_| ())
}

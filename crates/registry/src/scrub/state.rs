//! How far a scrub is, in its row.

use std::path::{Path, PathBuf};
use std::time::Duration;

use entrepot_database::{Connection, Database, Durability, Timestamp};
use entrepot_oci::Digest;

use crate::{Error, Registry, parts, quarantine, stored_digest};

pub(crate) mod tables {
    entrepot_database::statements! {
        STATE = "SELECT started_at, ended_at, position, blobs, bytes, damaged, repaired, wanted, repair_from
            FROM scrubs WHERE id = 1";
        BEGIN = "INSERT INTO scrubs (id, started_at, position, blobs, bytes, damaged, repaired, wanted)
            VALUES (1, $1, '', 0, 0, 0, 0, 0)
            ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, ended_at = NULL, position = '', blobs = 0, bytes = 0,
            damaged = 0, repaired = 0, wanted = 0";
        RECORD = "UPDATE scrubs SET position = $1, blobs = $2, bytes = $3, damaged = $4, repaired = $5 WHERE id = 1";
        END = "UPDATE scrubs SET ended_at = $1, repair_from = CASE WHEN wanted = 1 THEN repair_from END WHERE id = 1";
        WANT = "INSERT INTO scrubs (id, started_at, ended_at, position, blobs, bytes, damaged, repaired, wanted, repair_from)
            VALUES (1, 0, 0, '', 0, 0, 0, 0, 1, $1)
            ON CONFLICT (id) DO UPDATE SET wanted = 1, repair_from = excluded.repair_from";
    }
}

/// What a scrub did, from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that went into quarantine.
    pub damaged: u64,
    /// Those that were copied back from a backup, also from earlier scrubs.
    pub repaired: u64,
}

/// The row.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// `None`: it is under way.
    pub(super) ended_at: Option<Timestamp>,
    /// Somebody asked for another one.
    pub(super) wanted: bool,
    pub(super) position: Option<Digest>,
    pub(super) scrubbed: Scrubbed,
    pub(super) repair_from: Option<PathBuf>,
}

/// The row, if there was any scrub.
pub(crate) fn read(connection: &Connection<'_>) -> Result<Option<State>, Error> {
    connection.first(&tables::STATE, &[], |row| {
        let position = row.text(2)?;
        Ok(State {
            ended_at: row.optional_integer(1)?.map(Timestamp::from_micros),
            position: if position.is_empty() { None } else { Some(stored_digest(position)?) },
            scrubbed: Scrubbed {
                blobs: row.size(3)?,
                bytes: row.size(4)?,
                damaged: row.size(5)?,
                repaired: row.size(6)?,
            },
            wanted: row.integer(7)? != 0,
            repair_from: row.optional_text(8)?.map(PathBuf::from),
        })
    })
}

/// Whether one is under way, is wanted, or should begin by itself.
pub(super) fn is_due(connection: &Connection<'_>, every: Option<Duration>) -> Result<bool, Error> {
    Ok(match (read(connection)?, every) {
        (None, every) => every.is_some(),
        (Some(State { wanted: true, .. } | State { ended_at: None, .. }), _) => true,
        (Some(State { ended_at: Some(at), .. }), Some(every)) => at.plus(every) <= connection.now()?,
        (Some(_), None) => false,
    })
}

impl Registry {
    /// Goes on with the one that is under way, or begins one.
    pub(super) async fn begin_scrub(&self) -> Result<State, Error> {
        let begun = self.0.database.write(Durability::Process, |connection| {
            match read(connection)? {
                Some(State { ended_at: None, .. }) => {}
                _ => {
                    connection.execute(&tables::BEGIN, &[connection.now()?.into()])?;
                }
            }
            read(connection)?.ok_or_else(|| Error::Damaged("the row of the scrub is gone".to_owned()))
        });
        begun.await
    }

    pub(super) async fn record_scrub(&self, state: &State) -> Result<(), Error> {
        let state = state.clone();
        let recorded = self.0.database.write_loosely(Durability::Process, move |connection| record(connection, &state));
        recorded.await
    }

    pub(super) async fn end_scrub(&self, state: &State) -> Result<(), Error> {
        let state = state.clone();
        let ended = self.0.database.write(Durability::Process, move |connection| {
            record(connection, &state)?;
            // Those that were deleted are nobody's matter any more.
            for digest in quarantine::all(connection)? {
                connection.execute(&quarantine::tables::REMOVE_FORGOTTEN, &[(&digest.to_string()).into()])?;
            }
            connection.execute(&tables::END, &[connection.now()?.into()])?;
            Ok::<_, Error>(())
        });
        ended.await?;
        self.read_quarantine().await
    }
}

fn record(connection: &Connection<'_>, state: &State) -> Result<(), Error> {
    let Scrubbed { blobs, bytes, damaged, repaired } = state.scrubbed;
    let position = state.position.map(|digest| digest.to_string()).unwrap_or_default();
    let parameters = [
        (&position).into(),
        parts::column(blobs)?.into(),
        parts::column(bytes)?.into(),
        parts::column(damaged)?.into(),
        parts::column(repaired)?.into(),
    ];
    connection.execute(&tables::RECORD, &parameters)?;
    Ok(())
}

/// How a scrub stands, for who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubState {
    /// Nobody is at it, nor asked for it.
    pub ended: bool,
    /// When the last one ended.
    pub ended_at: Option<Timestamp>,
    /// What it did so far.
    pub scrubbed: Scrubbed,
}

impl ScrubState {
    /// Asks whichever process looks after the blobs for a scrub, and to repair from the directory of backups.
    ///
    /// # Errors
    /// What the database said.
    pub async fn request(database: &Database, repair_from: Option<&Path>) -> Result<(), Error> {
        let repair_from = repair_from.map(|path| path.to_string_lossy().into_owned());
        let wanted = database.write(Durability::Process, move |connection| {
            Ok::<_, Error>(connection.execute(&tables::WANT, &[repair_from.as_deref().into()])?)
        });
        wanted.await.map(drop)
    }

    /// How it stands; `None` if there never was one.
    ///
    /// # Errors
    /// What the database said.
    pub async fn read(database: &Database) -> Result<Option<Self>, Error> {
        let state = database.read(read).await?;
        Ok(state.map(|State { ended_at, wanted, scrubbed, .. }| Self {
            ended: ended_at.is_some() && !wanted,
            ended_at,
            scrubbed,
        }))
    }

    /// The first `limit` blobs in quarantine, and how many there are.
    ///
    /// # Errors
    /// What the database said.
    pub async fn quarantined(database: &Database, limit: i64) -> Result<(Vec<crate::Quarantined>, u64), Error> {
        database.scan(move |connection| quarantine::list(connection, limit)).await
    }
}

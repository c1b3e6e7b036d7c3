//! The data of a registry while it is being restored. Its rows are in a directory of their own until all bytes are there, and
//! no registry starts meanwhile: it would take the bytes for nobody's.
//!
//! ```text
//! data_dir/restore/of            which snapshot
//! data_dir/restore/entrepot.db   its rows; they get their place when all else is done
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use entrepot_database::{Database, End, Move, Part, State};
use entrepot_registry::{NOT_RESTORED, Taken};
use entrepot_store::Store;

use super::directory::{self, Lock};
use super::{ROOMS, file, open_objects};
use crate::commands::database::Place;
use crate::config::Config;

const WORK: &str = "restore";
const OF: &str = "of";

/// A restore that has begun.
pub(crate) struct Restoring {
    work: PathBuf,
    database: Database,
    store: Store,
    _lock: Option<Lock>,
}

/// That no restore is under way in the data directory.
pub(super) fn refuse_unfinished(data: &Path) -> anyhow::Result<()> {
    let work = data.join(WORK);
    // Behind its end only what it leaves may be there.
    ensure!(
        !file(&work).exists() && (!work.exists() || file(data).exists()),
        "a restore to {} is not finished: run the same `entrepot restore` again, or remove what is in the directory",
        data.display()
    );
    Ok(())
}

impl Restoring {
    /// Begins, where everything is empty, or goes on with a restore of the same snapshot.
    pub(crate) async fn begin(config: &Config, taken: &Taken) -> anyhow::Result<Self> {
        let data = &config.data_dir;
        let work = data.join(WORK);
        if !work.is_dir() {
            refuse_filled(config).await?;
        }
        let inside = || format!("cannot use the data directory {}", data.display());
        // First of all: with it in there, what else is in the directory is ours.
        directory::make(&work).with_context(inside)?;
        let (store, lock) = match &config.objects {
            Some(objects) => {
                let lock = directory::lock(data).with_context(inside)?;
                (open_objects(objects).await?, Some(lock))
            }
            None => (Store::open(data).with_context(inside)?, None),
        };
        name(&work, taken)?;
        let rows = file(&work);
        if !rows.exists() {
            ensure!(!file(data).exists(), "{} is restored already", data.display());
            let partial = work.join("entrepot.db.partial");
            taken.rows().copy(&partial, NOT_RESTORED).await?;
            fs::rename(&partial, &rows).with_context(inside)?;
            sync(&work)?;
        }
        let database = Database::open(&rows, ROOMS)?;
        Ok(Self { work, database, store, _lock: lock })
    }

    /// The rows.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The place for bytes.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether all bytes are there, and the rows were on their way to a server when it was broken off: nothing else may be
    /// written to them then.
    pub(crate) async fn is_being_carried(&self) -> anyhow::Result<bool> {
        Ok(self.database.moved().await?.is_some())
    }

    /// Gives the rows their place: from then on a registry can start. Returns where they are.
    pub(crate) async fn finish(self, config: &Config) -> anyhow::Result<String> {
        let place = Place::named(None, config)?;
        match &place {
            Place::Sqlite(_) => {
                // What is in the log goes into the file, which is moved alone.
                self.database.settle().await?;
                let (rows, data) = (file(&self.work), &config.data_dir);
                fs::rename(&rows, file(data)).with_context(|| format!("cannot move {}", rows.display()))?;
                sync(data)?;
            }
            Place::Postgres(_) => self.carry(&place, config).await?,
        }
        fs::remove_dir_all(&self.work).with_context(|| format!("cannot remove {}", self.work.display()))?;
        Ok(place.to_string())
    }

    async fn carry(&self, place: &Place, config: &Config) -> anyhow::Result<()> {
        let carried = self.database.moved().await?;
        if carried.is_some_and(|moved| moved.part == Part::From && moved.state == State::Done) {
            return Ok(());
        }
        let rows = End { database: self.database.clone(), place: format!("sqlite:{}", file(&self.work).display()) };
        Move::new(rows, place.open(config).await?, ROOMS).run(|_| {}).await?;
        Ok(())
    }
}

/// Refuses a data directory or a database that has something in it.
async fn refuse_filled(config: &Config) -> anyhow::Result<()> {
    let data = &config.data_dir;
    if let Ok(entries) = fs::read_dir(data) {
        for entry in entries {
            let name = entry?.file_name();
            ensure!(
                name == "lost+found" || name == "lock",
                "{} is not empty: restore to a new, empty directory",
                data.display()
            );
        }
    }
    if let Some(objects) = &config.objects {
        let writers = open_objects(objects).await?.writers().await?;
        ensure!(writers.is_empty(), "the object store has objects under its prefix: restore to another, empty prefix");
    }
    let place = Place::named(None, config)?;
    if let Place::Postgres(_) = &place {
        let database = place.open(config).await?.database;
        ensure!(database.is_empty(ROOMS).await?, "{place} is not empty: restore to a new, empty database");
    }
    Ok(())
}

/// Writes down which snapshot it is, or compares that with what was written.
fn name(work: &Path, taken: &Taken) -> anyhow::Result<()> {
    let path = work.join(OF);
    let ours = format!("{} {}\n", taken.name, taken.record.database_digest);
    match fs::read_to_string(&path) {
        Ok(theirs) if theirs == ours => Ok(()),
        Ok(theirs) if !theirs.is_empty() => {
            let theirs = theirs.split(' ').next().unwrap_or_default();
            bail!(
                "a restore of snapshot {theirs} was begun here: go on with that (--snapshot), or remove the directory"
            )
        }
        _ => fs::write(&path, ours).with_context(|| format!("cannot write {}", path.display())),
    }
}

fn sync(directory: &Path) -> anyhow::Result<()> {
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.with_context(|| format!("cannot sync the directory {}", directory.display()))
}

//! Reading every blob again, little by little, to find what the disk or the object store has lost or changed before somebody needs it.
//!
//! How far it is stands in a row, so it goes on after a restart. One process at a time is at it, by a lease. A blob that is not what
//! it should be goes into [quarantine](crate::quarantine), and is copied back from a backup, if one is named.

mod look;
mod pace;
pub(crate) mod state;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) use self::look::Condition;
pub(crate) use self::pace::Pace;
pub use self::state::{ScrubState, Scrubbed};
use crate::backup::contents;
use crate::named::{self, Named};
use crate::{Archive, Error, Registry, quarantine};

/// Its name among the jobs.
const JOB: &str = "scrub";
/// How often a process looks whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it waits after a failure.
const RETRY: Duration = Duration::from_mins(1);
/// How often it is written down how far it is: so much is read again after a crash.
const RECORD_EVERY: Duration = Duration::from_secs(5);

/// How blobs are read again.
#[derive(Clone, Debug)]
pub struct ScrubOptions {
    /// How long after the end of one scrub the next begins; `None`: when somebody asks.
    pub every: Option<Duration>,
    /// Bytes a second that are read at most.
    pub bytes_per_second: Option<u64>,
    /// A directory of backups from which blobs are copied back.
    pub repair_from: Option<PathBuf>,
}

impl Registry {
    /// Scrubs when it is time or somebody asks, for ever.
    pub async fn scrub_regularly(&self, options: &ScrubOptions) {
        loop {
            match self.scrub_if_due(options).await {
                Ok(Some(scrubbed)) => tracing::info!(?scrubbed, "scrubbed"),
                Ok(None) => {}
                Err(error) => {
                    // While an operator has stopped writes it waits.
                    if !error.is_read_only() {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the scrub failed; it goes on later");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Scrubs, or goes on with it, if it is time and no other process is at it. Returns what came of it, if it has ended.
    ///
    /// # Errors
    /// What store or database said, if it is not about one blob: it goes on from there.
    pub async fn scrub_if_due(&self, options: &ScrubOptions) -> Result<Option<Scrubbed>, Error> {
        let every = options.every;
        if !self.0.database.read(move |connection| state::is_due(connection, every)).await? {
            return Ok(None);
        }
        self.0.database.run_job(JOB, Duration::ZERO, self.scrub(options)).await
    }

    async fn scrub(&self, options: &ScrubOptions) -> Result<Scrubbed, Error> {
        let mut state = self.begin_scrub().await?;
        let archive = self.open_archive(options, &state).await;
        if let Some(archive) = &archive {
            state.scrubbed.repaired += self.repair_all(archive).await?;
        }
        let mut pace = Pace::new(options.bytes_per_second);
        let mut recorded = Instant::now();
        loop {
            let after = state.position;
            let page = self.0.database.scan(move |connection| contents::blobs(connection, after)).await?;
            if page.is_empty() {
                break;
            }
            for named in page {
                self.scrub_one(&named, &mut pace, archive.as_ref(), &mut state.scrubbed).await?;
                state.position = Some(named.digest);
                if recorded.elapsed() > RECORD_EVERY {
                    self.record_scrub(&state).await?;
                    recorded = Instant::now();
                }
            }
        }
        self.end_scrub(&state).await?;
        Ok(state.scrubbed)
    }

    async fn scrub_one(
        &self,
        named: &Named,
        pace: &mut Pace,
        archive: Option<&Archive>,
        scrubbed: &mut Scrubbed,
    ) -> Result<(), Error> {
        scrubbed.blobs += 1;
        let metrics = &self.0.metrics;
        let condition = self.condition(named, pace).await?;
        metrics.scrubbed_blobs.inc();
        metrics.scrubbed_bytes.inc_by(named.size);
        scrubbed.bytes += named.size;
        if condition == Condition::Sound || !self.set_aside_if_wrong(named).await? {
            return Ok(());
        }
        scrubbed.damaged += 1;
        metrics.scrub_damaged.inc();
        if let Some(archive) = archive
            && self.repair(&named.digest, archive).await?
        {
            scrubbed.repaired += 1;
        }
        Ok(())
    }

    /// Looks again while nobody pushes or removes the blob, and takes it aside if it still is wrong.
    async fn set_aside_if_wrong(&self, named: &Named) -> Result<bool, Error> {
        let _publishing = self.0.publishing.hold(named.digest).await;
        let digest = named.digest;
        let Some(now) = self.0.database.scan(move |connection| named::one(connection, &digest)).await? else {
            // Deleted since.
            return Ok(false);
        };
        match self.condition(&now, &mut Pace::default()).await? {
            Condition::Sound => Ok(false),
            Condition::Quarantined => Ok(false),
            Condition::Wrong(reason) => self.quarantine(&now, reason).await,
        }
    }

    /// Copies everything back that is in quarantine and that the backups have. Returns how many.
    async fn repair_all(&self, archive: &Archive) -> Result<u64, Error> {
        let mut repaired = 0;
        for digest in self.0.database.scan(quarantine::all).await? {
            repaired += u64::from(self.repair(&digest, archive).await?);
        }
        Ok(repaired)
    }

    async fn open_archive(&self, options: &ScrubOptions, state: &state::State) -> Option<Archive> {
        let path = state.repair_from.as_ref().or(options.repair_from.as_ref())?.clone();
        let shown = path.display().to_string();
        let opened = tokio::task::spawn_blocking(move || Archive::open(&path)).await;
        match opened {
            Ok(Ok(archive)) => Some(archive),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, path = shown, "nothing can be repaired");
                None
            }
            Err(_) => None,
        }
    }
}

//! Replicas over PostgreSQL and a bucket. Nothing but replicas fails: what else can is another campaign's matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::super::model::Model;
use super::super::replicas::StoreServer;
use super::super::replicas::contents;
use super::super::replicas::topology::{Backends, RECOVERY, Topology};
use super::super::server::{Death, Program};
use super::super::servers::{Seen, Servers};
use super::super::trouble::{Trouble, wrong};
use super::ground::Ground;
use crate::random::Random;

/// How often of all strikes every replica is killed at once.
const ALL_AT_ONCE: usize = 30;
/// Until every upload is older than the purge requires.
const OLD: Duration = Duration::from_millis(1100);

pub(super) struct Together {
    backends: Backends,
    topology: Topology,
    seen: Arc<Seen>,
}

impl Together {
    pub(super) fn new(
        program: &Path,
        directory: PathBuf,
        replicas: usize,
        store: StoreServer,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let backends = Backends::start(store)?;
        let topology = Topology::new(program, directory, "collect".to_owned(), &backends, replicas, settings)?;
        Ok(Self { backends, topology, seen: Arc::new(Seen::of(replicas)) })
    }

    /// Lets all serve, the one of this number with `fail`.
    fn start(&mut self, chosen: usize, fail: Option<&str>) -> Result<Option<Death>> {
        let mut died = None;
        for (number, replica) in self.topology.replicas.iter_mut().enumerate() {
            if replica.runs() {
                continue;
            }
            match replica.start(fail.filter(|_| number == chosen))? {
                None => {}
                Some(death @ Death::Step(_)) => died = Some(death),
                Some(death) => wrong(format!("replica {number} does not start: {death:?}"))?,
            }
        }
        Ok(died)
    }

    /// The dead are seen to be dead at once, and not after a minute.
    fn bury(&self) -> Result<()> {
        let postgres = &self.backends.postgres;
        self.topology.end_leases(postgres)?;
        self.topology.grow_old_dead(postgres, true)
    }

    /// Compares rows and objects with nothing.
    fn compare(&self) -> Result<()> {
        let nothing = Model::new(&mut Random::new(&[0]), &[]);
        Ok(contents::compare(&self.backends, &self.topology, &nothing)??)
    }
}

impl Ground for Together {
    fn begin(&mut self, fail: Option<&str>, random: &mut Random) -> Result<Vec<Death>> {
        let chosen = random.below(self.topology.replicas.len());
        let mut deaths = Vec::new();
        if fail.is_some() {
            deaths.extend(self.topology.replicas[chosen].kill()?);
            self.bury()?;
        }
        deaths.extend(self.start(chosen, fail)?);
        Ok(deaths)
    }

    fn servers(&self) -> Servers {
        Servers::replicas(&self.topology.addresses(), &self.seen)
    }

    fn each(&self) -> Vec<Servers> {
        let addresses = self.topology.addresses();
        addresses.iter().map(|address| Servers::replicas(&[*address], &self.seen).patient(RECOVERY)).collect()
    }

    fn died(&mut self) -> Result<Vec<Death>> {
        let mut deaths = Vec::new();
        for replica in &mut self.topology.replicas {
            deaths.extend(replica.died()?);
        }
        Ok(deaths)
    }

    fn strike(&mut self, random: &mut Random) -> Result<Vec<Death>> {
        let all = random.chance(ALL_AT_ONCE);
        let replicas = &mut self.topology.replicas;
        let chosen = match replicas.iter().position(|replica| replica.armed && replica.runs()) {
            Some(armed) => armed,
            None => random.below(replicas.len()),
        };
        let mut deaths = Vec::new();
        for (number, replica) in replicas.iter_mut().enumerate() {
            if all || number == chosen {
                deaths.extend(replica.kill()?);
            }
        }
        Ok(deaths)
    }

    fn goes_on(&mut self) -> Result<bool> {
        self.bury()?;
        Ok(self.topology.replicas.iter().any(|replica| replica.runs()))
    }

    fn heal(&mut self) -> Result<Vec<Death>> {
        let mut deaths = self.died()?;
        for (number, replica) in self.topology.replicas.iter_mut().enumerate() {
            let lost = self.seen.take_lost(number);
            if replica.armed {
                deaths.extend(replica.kill()?);
            } else if replica.runs() && lost {
                wrong::<()>(format!("a request was not answered by replica {number}, which lives"))?;
            }
        }
        // Nothing of the dead is under way when the others are asked.
        self.topology.settle(&self.backends.postgres)?;
        self.start(0, None)?;
        self.topology.recover(&self.backends.postgres)?;
        // Also those of an operator who was scrubbing and is dead.
        self.bury()?;
        Ok(deaths)
    }

    fn programs(&self) -> Vec<Program> {
        let own = self.topology.replicas.iter().map(|replica| &replica.program);
        own.chain([&self.topology.operator]).cloned().collect()
    }

    fn blobs(&self) -> Result<usize> {
        let rows = self.backends.postgres.sql(&self.topology.database, "SELECT count(*) FROM blobs")?;
        rows.trim().parse().context("the number of blobs")
    }

    fn close(&mut self) -> Result<()> {
        for (number, replica) in self.topology.replicas.iter_mut().enumerate() {
            match replica.stop()? {
                None | Some(Death::Finished) => {}
                Some(death) => wrong(format!("replica {number} did not stop well: {death:?}"))?,
            }
        }
        thread::sleep(OLD);
        self.topology.grow_old_dead(&self.backends.postgres, false)?;
        self.topology.end_leases(&self.backends.postgres)?;
        let purged = self.topology.operator.purge(None)?;
        if purged != Death::Finished {
            wrong::<()>(format!("the purge failed: {purged:?}"))?;
        }
        self.compare().map_err(|error| match error.downcast::<Trouble>() {
            Ok(trouble) => Trouble::Wrong(format!("everything was deleted: {trouble}")).into(),
            Err(error) => error,
        })
    }

    /// The servers end with the campaign, so what they have is written out.
    fn keep(&mut self) -> Result<PathBuf> {
        for replica in &mut self.topology.replicas {
            replica.kill()?;
        }
        let Topology { database, directory, prefix, .. } = &self.topology;
        let postgres = &self.backends.postgres;
        let tables = postgres.sql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")?;
        for table in tables.lines() {
            let rows = postgres.sql(database, &format!("SELECT row_to_json(rows) FROM \"{table}\" AS rows"))?;
            fs::write(directory.join(format!("{table}.rows")), rows)?;
        }
        let objects = self.backends.bucket().objects(&format!("{prefix}/"))?;
        fs::write(directory.join("objects.list"), format!("{objects:#?}"))?;
        Ok(directory.clone())
    }

    fn remove(self: Box<Self>) -> Result<()> {
        println!(
            "crash: {} requests were not answered, {} were answered with 503",
            self.seen.unanswered.load(Ordering::Relaxed),
            self.seen.refused.load(Ordering::Relaxed)
        );
        let directory = self.topology.directory.clone();
        drop(self);
        fs::remove_dir_all(directory).context("cannot remove the logs")
    }
}

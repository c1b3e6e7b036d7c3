//! `cargo xtask crash --collect`: garbage is collected without pause, the trash empties itself and is restored from, while clients
//! push exactly what is being condemned, pull, mount and delete, and the registry dies.
//!
//! What clients share is blobs. Each has images of its own, with platforms and a signature, and knows of each whether it must be
//! there. Three things must hold: a push that is done within the time of grace never hears that a blob is missing; what a client
//! was told is there, or restored, is complete after every death; and when all is deleted, nothing is left in the end.

mod image;
mod worker;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::image::Image;
use self::worker::Worker;
use super::content::{Algorithm, Content};
use super::disk;
use super::server::{self, Death, Program, Server, Started};
use super::servers::Servers;
use super::steps::Steps;
use super::trouble::{Outcome, Trouble, wrong};
use crate::random::Random;

/// Short times, so that every blob is condemned, revived, collected and pushed again many times.
const GRACE: Duration = Duration::from_secs(2);
const TRASH: Duration = Duration::from_secs(3);
/// How long it takes at most until what is deleted is gone: the trash, twice the grace with what is added to that, an image and
/// then what belonged to it, and the pauses between collections.
const ALL_GONE: Duration = Duration::from_secs(32);
/// Blobs that all clients push.
const POOL: usize = 14;
/// After so many rounds everything is deleted, and must go.
const STRETCH: usize = 25;
/// From so many rounds on every step must have killed the server.
const ROUNDS_FOR_EVERY_STEP: usize = 200;
const SHORTEST_LOAD: u64 = 300;
const LONGEST_LOAD: usize = 3500;
/// How long a step that is aimed at is waited for: what is deleted passes all of them in less.
const STEP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a server may take to die after its connections broke.
const DYING: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) seed: u64,
    pub(super) clients: usize,
}

/// What clients did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    pushed: usize,
    /// Pushes that took longer than the grace, and heard that a blob is missing.
    late: usize,
    deleted: usize,
    restored: usize,
    pulled: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.pushed += more.pushed;
        self.late += more.late;
        self.deleted += more.deleted;
        self.restored += more.restored;
        self.pulled += more.pulled;
    }
}

struct Campaign<'a> {
    plan: &'a Plan,
    program: Program,
    directory: PathBuf,
    pool: Vec<Arc<Content>>,
    steps: Steps,
    /// The images of each client.
    images: Vec<Vec<Image>>,
    kills: usize,
    emptied: usize,
    tally: Tally,
}

/// Runs the campaign and prints what came of it.
///
/// # Errors
/// If there was a finding, or the campaign itself could not go on.
pub(super) fn run(plan: &Plan) -> Result<()> {
    println!("crash: collection, seed {}, {} rounds, {} clients", plan.seed, plan.rounds, plan.clients);
    let start = Instant::now();
    let (program, directory) = server::prepare("crash-collect")?;
    let directory = directory.join(format!("seed-{}", plan.seed));
    server::fresh(&directory)?;
    let mut random = Random::new(&[plan.seed, 0]);
    let pool = (0..POOL).map(|number| {
        let length = if number % 3 == 0 { random.below(300_000) } else { random.below(6000) };
        Arc::new(Content::new(Algorithm::Sha256, random.bytes(length + 1)))
    });
    let mut campaign = Campaign {
        plan,
        pool: pool.collect(),
        steps: Steps::only(&program, |step| step.starts_with("collect::") || step == "registry::after_restore")?,
        program: Program::new(program, &directory).with(settings()),
        directory,
        images: (0..plan.clients).map(|_| Vec::new()).collect(),
        kills: 0,
        emptied: 0,
        tally: Tally::default(),
    };
    for round in 1..=plan.rounds {
        match campaign.round(round).with_context(|| format!("seed {}, round {round}", plan.seed))? {
            Ok(()) => {}
            Err(trouble) => {
                println!("crash: FINDING, seed {}, round {round}: {trouble}", plan.seed);
                bail!("its data and log are kept in {}", campaign.directory.display());
            }
        }
    }
    campaign.conclude(start.elapsed())
}

fn settings() -> Vec<(String, String)> {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    [("GRACE", seconds(GRACE)), ("TRASH_FOR", seconds(TRASH)), ("INTERVAL", "1s".to_owned())]
        .map(|(name, value)| (format!("ENTREPOT_GC_{name}"), value))
        .to_vec()
}

impl Campaign<'_> {
    fn round(&mut self, round: usize) -> Result<Outcome<()>> {
        let mut random = Random::new(&[self.plan.seed, round as u64]);
        let fail = round.is_multiple_of(2).then(|| self.steps.aim(&mut random));
        let load = match fail {
            Some(_) => STEP_PATIENCE,
            None => Duration::from_millis(SHORTEST_LOAD + random.below(LONGEST_LOAD) as u64),
        };
        let death = match self.program.serve(fail.as_deref())? {
            Started::Ready(server) => match self.load(server, round, load)? {
                Ok(death) => death,
                Err(trouble) => return Ok(Err(trouble)),
            },
            Started::Died(death) => death,
        };
        if let Err(trouble) = self.count(death) {
            return Ok(Err(trouble));
        }
        let server = match self.program.serve(None)? {
            Started::Ready(server) => server,
            Started::Died(death) => return Ok(wrong(format!("it does not start again: {death:?}"))),
        };
        if let Err(trouble) = self.verify(&server, round) {
            return Ok(Err(trouble));
        }
        if round.is_multiple_of(STRETCH) || round == self.plan.rounds {
            return self.empty(server, round);
        }
        let death = server.kill()?;
        Ok(self.count(death))
    }

    /// Puts load on the server until it is dead.
    fn load(&mut self, mut server: Server, round: usize, load: Duration) -> Result<Outcome<Death>> {
        let stop = AtomicBool::new(false);
        let (address, seed, pool) = (server.address, self.plan.seed, &self.pool);
        let images = &mut self.images;
        std::thread::scope(|scope| {
            let workers: Vec<_> = images
                .iter_mut()
                .enumerate()
                .map(|(number, images)| {
                    let random = Random::new(&[seed, round as u64, 10 + number as u64]);
                    let mut worker = Worker::new(number, Servers::one(address), pool, random, images);
                    let stop = &stop;
                    scope.spawn(move || {
                        let ended = worker.work(stop);
                        (worker.tally, ended)
                    })
                })
                .collect();
            let start = Instant::now();
            let mut died = None;
            let mut breaking = None;
            while start.elapsed() < load && died.is_none() {
                std::thread::sleep(Duration::from_millis(2));
                died = server.died()?;
                // A client that ends has something to tell, or the server dies by itself just then.
                if workers.iter().any(std::thread::ScopedJoinHandle::is_finished)
                    && breaking.get_or_insert_with(Instant::now).elapsed() > DYING
                {
                    break;
                }
            }
            let by_itself = died.is_some();
            let death = match died {
                Some(death) => death,
                None => server.kill()?,
            };
            stop.store(true, Ordering::Relaxed);
            let mut outcome = Ok(death);
            for worker in workers {
                let Ok((tally, ended)) = worker.join() else { bail!("a client panicked") };
                self.tally += tally;
                match ended {
                    Ok(()) => {}
                    Err(Trouble::Gone(error)) if breaking.is_some() && !by_itself => {
                        outcome = wrong(format!("a connection broke while the server lived: {error}"));
                    }
                    Err(Trouble::Gone(_)) => {}
                    Err(trouble) => outcome = Err(trouble),
                }
            }
            Ok(outcome)
        })
    }

    fn count(&mut self, death: Death) -> Outcome<()> {
        match death {
            Death::Killed => self.kills += 1,
            Death::Step(step) => self.steps.count(&step),
            Death::Finished => return wrong("it ended by itself"),
            Death::Unexpected(what) => return wrong(format!("it died: {what}")),
        }
        Ok(())
    }

    /// Every image that must be there is complete, and of every other it is found out whether it is.
    fn verify(&mut self, server: &Server, round: usize) -> Outcome<()> {
        for (number, images) in self.images.iter_mut().enumerate() {
            let random = Random::new(&[self.plan.seed, round as u64, 1000 + number as u64]);
            Worker::new(number, Servers::one(server.address), &self.pool, random, images).verify()?;
        }
        Ok(())
    }

    /// Deletes everything, and waits until it is gone.
    fn empty(&mut self, server: Server, round: usize) -> Result<Outcome<()>> {
        for (number, images) in self.images.iter_mut().enumerate() {
            let random = Random::new(&[self.plan.seed, round as u64, 2000 + number as u64]);
            let mut worker = Worker::new(number, Servers::one(server.address), &self.pool, random, images);
            if let Err(trouble) = worker.delete_all() {
                return Ok(Err(trouble));
            }
        }
        let start = Instant::now();
        while start.elapsed() < ALL_GONE && !disk::blobs(self.program.data())?.is_empty() {
            std::thread::sleep(Duration::from_millis(200));
        }
        let stopped = server.stop()?;
        if stopped != Death::Finished {
            return Ok(wrong(format!("it did not stop well: {stopped:?}")));
        }
        // What a death between a blob's name and its row has left only this finds.
        let purged = self.program.purge(None)?;
        if purged != Death::Finished {
            return Ok(wrong(format!("the purge failed: {purged:?}")));
        }
        let left = disk::blobs(self.program.data())?;
        if !left.is_empty() {
            return Ok(wrong(format!("everything was deleted, but {left:?} are left after {:?}", start.elapsed())));
        }
        self.emptied += 1;
        println!("crash: round {round}: everything was deleted and is gone; {:?}", self.tally);
        disk::integrity(&self.program.data().join("entrepot.db"))
    }

    fn conclude(self, elapsed: Duration) -> Result<()> {
        println!("crash: deaths at each step:\n{}", self.steps.table().trim_end());
        let Tally { pushed, late, deleted, restored, pulled } = self.tally;
        println!(
            "crash: collection, seed {}: {} rounds in {:.0} s; deaths: {} by kill -9, {} at a step; {pushed} images pushed, {late} \
             too late, {deleted} deleted, {restored} restored, {pulled} pulled; {} times everything was deleted and went; 0 findings",
            self.plan.seed,
            self.plan.rounds,
            elapsed.as_secs_f64(),
            self.kills,
            self.steps.total(),
            self.emptied,
        );
        let missed = self.steps.missed();
        if self.plan.rounds >= ROUNDS_FOR_EVERY_STEP && !missed.is_empty() {
            bail!("the server never died at {}", missed.join(", "));
        }
        fs::remove_dir_all(&self.directory).context("cannot remove the data directory")
    }
}

//! The rounds.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::client::Worker;
use super::disk;
use super::model::Model;
use super::order::{self, Watched};
use super::server::{self, Death, Program, Server, Started};
use super::servers::Servers;
use super::steps::Steps;
use super::trouble::{Outcome, Trouble, wrong};
use super::verify::Depth;
use crate::random::Random;

/// After so many rounds everything is looked at, and the server is stopped and purged.
const PURGE_EVERY: usize = 10;
/// One round in so many is long enough for the server to purge while clients push: it does so every second.
const LONG_EVERY: usize = 10;
const LONG: Duration = Duration::from_millis(1300);
/// After so many rounds a new data directory begins.
const DIRECTORY_ROUNDS: usize = 50;
/// From so many rounds on every step must have killed the server.
const ROUNDS_FOR_EVERY_STEP: usize = 200;
/// Sizes of large blobs in bytes: none, as the disk takes all sizes alike.
const LARGE: &[usize] = &[];
/// Findings after which going on tells nothing new.
const ENOUGH: usize = 5;
/// How long a step that is aimed at is waited for.
const STEP_PATIENCE: Duration = Duration::from_millis(700);
/// How long a server may take to die after its connections broke.
const DYING: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) seed: u64,
    pub(super) clients: usize,
    pub(super) longest_load: Duration,
}

/// A data directory and what its clients know.
struct Stretch {
    directory: PathBuf,
    program: Program,
    model: Mutex<Model>,
}

struct Campaign<'a> {
    plan: &'a Plan,
    program: PathBuf,
    directory: PathBuf,
    steps: Steps,
    kills: usize,
    deaths_while_starting: usize,
    purges: usize,
    acknowledged: u64,
    findings: usize,
}

/// Runs the campaign and prints what came of it.
pub(super) fn run(plan: &Plan) -> Result<()> {
    let start = Instant::now();
    println!("crash: seed {}, {} rounds, {} clients", plan.seed, plan.rounds, plan.clients);
    let (program, directory) = server::prepare("crash")?;
    let mut campaign = Campaign {
        plan,
        directory,
        steps: Steps::of(&program, "objects::")?,
        program,
        kills: 0,
        deaths_while_starting: 0,
        purges: 0,
        acknowledged: 0,
        findings: 0,
    };
    campaign.watch_order()?;
    campaign.rounds()?;
    campaign.conclude(start.elapsed())
}

impl Campaign<'_> {
    fn watch_order(&mut self) -> Result<()> {
        let directory = self.directory.join("order");
        server::fresh(&directory)?;
        match order::watch(&self.program, &directory)? {
            Watched::Judged(Ok(())) => println!("crash: the system calls of a push come in the durable order"),
            Watched::Judged(Err(trouble)) => {
                println!("crash: FINDING, seed {}: {trouble:?}; see {}", self.plan.seed, directory.display());
                self.findings += 1;
            }
            Watched::Impossible(reason) => println!("crash: the order of system calls was not watched: {reason}"),
        }
        Ok(())
    }

    fn rounds(&mut self) -> Result<()> {
        let mut stretch: Option<Stretch> = None;
        for round in 1..=self.plan.rounds {
            let current = match stretch.take() {
                Some(current) if (round - 1) % DIRECTORY_ROUNDS != 0 => current,
                ended => {
                    self.end(ended)?;
                    self.begin(round)?
                }
            };
            let acknowledged = current.acknowledged();
            let outcome = self.round(&current, round);
            self.acknowledged += current.acknowledged() - acknowledged;
            match outcome {
                Ok(Ok(())) => stretch = Some(current),
                Ok(Err(trouble)) => {
                    println!("crash: FINDING, seed {}, round {round}: {trouble}", self.plan.seed);
                    println!("crash: its data and log are kept in {}", current.directory.display());
                    self.findings += 1;
                    if self.findings == ENOUGH {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.context(format!("seed {}, round {round}", self.plan.seed))),
            }
            if round % 50 == 0 {
                println!("crash: round {round}: {} operations acknowledged", self.acknowledged);
            }
        }
        self.end(stretch)
    }

    fn begin(&self, round: usize) -> Result<Stretch> {
        let directory = self.directory.join(format!("seed-{}-round-{round}", self.plan.seed));
        server::fresh(&directory)?;
        let program = Program::new(self.program.clone(), &directory);
        let model = Model::new(&mut self.random(round, 0), LARGE);
        Ok(Stretch { directory, program, model: Mutex::new(model) })
    }

    /// Removes what is left of a stretch without a finding.
    fn end(&self, stretch: Option<Stretch>) -> Result<()> {
        match stretch {
            Some(stretch) => fs::remove_dir_all(&stretch.directory).context("cannot remove the data directory"),
            None => Ok(()),
        }
    }

    /// Choices of one kind in one round.
    fn random(&self, round: usize, kind: usize) -> Random {
        Random::new(&[self.plan.seed, round as u64, kind as u64])
    }

    fn round(&mut self, stretch: &Stretch, round: usize) -> Result<Outcome<()>> {
        let mut random = self.random(round, 1);
        let (load, fail) = self.choose(round, &mut random);
        let death = match stretch.program.serve(fail.as_deref())? {
            Started::Ready(server) => match self.load(stretch, server, round, load)? {
                Ok(death) => death,
                Err(trouble) => return Ok(Err(trouble)),
            },
            Started::Died(death) => {
                self.deaths_while_starting += 1;
                death
            }
        };
        if let Err(trouble) = self.count(death) {
            return Ok(Err(trouble));
        }
        let last = round.is_multiple_of(PURGE_EVERY) || round == self.plan.rounds;
        let depth = if last { Depth::Everything } else { Depth::Touched };
        let server = match stretch.program.serve(None)? {
            Started::Ready(server) => server,
            Started::Died(death) => return Ok(wrong(format!("it does not start again: {death:?}"))),
        };
        let mut auditor = Worker::new(usize::MAX, Servers::one(server.address), &stretch.model, self.random(round, 2));
        if let Err(trouble) = auditor.verify(depth) {
            return Ok(Err(trouble));
        }
        drop(auditor);
        if last {
            return self.purge(stretch, server, &mut random);
        }
        // Nothing is under way, but this death counts as well.
        let death = server.kill()?;
        Ok(self.count(death))
    }

    /// How the server dies in this round: after how long a load it is killed, and its `FAILPOINTS`.
    fn choose(&mut self, round: usize, random: &mut Random) -> (Duration, Option<String>) {
        if round.is_multiple_of(2) {
            return (STEP_PATIENCE, Some(self.steps.aim(random)));
        }
        let longest = usize::try_from(self.plan.longest_load.as_millis()).unwrap_or(usize::MAX);
        let load = Duration::from_millis(random.below(longest + 1) as u64);
        if round % LONG_EVERY == 5 {
            return (LONG + load, Some(self.steps.hold_up(random)));
        }
        (load, random.chance(50).then(|| self.steps.hold_up(random)))
    }

    /// Puts load on the server until it is dead.
    fn load(&self, stretch: &Stretch, mut server: Server, round: usize, load: Duration) -> Result<Outcome<Death>> {
        let (address, model) = (server.address, &stretch.model);
        let stop = AtomicBool::new(false);
        let (ended, ends) = mpsc::channel();
        std::thread::scope(|scope| {
            for number in 0..self.plan.clients {
                let (stop, ended) = (&stop, ended.clone());
                let mut worker = Worker::new(number, Servers::one(address), model, self.random(round, 10 + number));
                scope.spawn(move || {
                    // Nobody listens any more if the campaign itself failed.
                    let _late = ended.send(worker.work(stop));
                });
            }
            drop(ended);
            let start = Instant::now();
            let mut first = None;
            let mut died = None;
            while start.elapsed() < load && died.is_none() && first.is_none() {
                // A client that ends before the server is killed has something to tell.
                first = ends.recv_timeout(Duration::from_micros(500)).ok();
                died = server.died()?;
            }
            // A broken connection is nothing to tell if the server dies by itself just then.
            let breaking = Instant::now();
            while matches!(first, Some(Err(Trouble::Gone(_)))) && died.is_none() && breaking.elapsed() < DYING {
                std::thread::sleep(Duration::from_millis(1));
                died = server.died()?;
            }
            let by_itself = died.is_some();
            let death = match died {
                Some(death) => death,
                None => server.kill()?,
            };
            stop.store(true, Ordering::Relaxed);
            if let Some(Err(Trouble::Gone(error))) = &first
                && !by_itself
            {
                return Ok(wrong(format!("a connection broke while the server lived: {error}")));
            }
            let wrongs = first.into_iter().chain(ends).find(|ended| !matches!(ended, Ok(()) | Err(Trouble::Gone(_))));
            Ok(wrongs.unwrap_or(Ok(())).map(|()| death))
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

    /// Stops the server, lets purges die and one end, and looks at the files.
    fn purge(&mut self, stretch: &Stretch, server: Server, random: &mut Random) -> Result<Outcome<()>> {
        let stopped = server.stop()?;
        if stopped != Death::Finished {
            return Ok(wrong(format!("it did not stop well: {stopped:?}")));
        }
        // Until every upload is older than the purge requires.
        std::thread::sleep(Duration::from_millis(1100));
        for _ in 0..2 {
            let fail = self.steps.aim_at_purge(random);
            match stretch.program.purge(fail.as_deref())? {
                Death::Finished => {}
                death => {
                    if let Err(trouble) = self.count(death) {
                        return Ok(Err(trouble));
                    }
                }
            }
        }
        let ended = stretch.program.purge(None)?;
        if ended != Death::Finished {
            return Ok(wrong(format!("the purge failed: {ended:?}")));
        }
        self.purges += 1;
        let mut model = stretch.lock();
        model.uploads.clear();
        disk::check(stretch.program.data(), &model)
    }

    fn conclude(self, elapsed: Duration) -> Result<()> {
        println!("crash: deaths at each step:\n{}", self.steps.table().trim_end());
        let missed = self.steps.missed();
        println!(
            "crash: seed {}: {} rounds in {:.0} s; deaths: {} by kill -9, {} at a step, {} of all while starting; \
             {} purges checked; {} operations acknowledged; {} findings",
            self.plan.seed,
            self.plan.rounds,
            elapsed.as_secs_f64(),
            self.kills,
            self.steps.total(),
            self.deaths_while_starting,
            self.purges,
            self.acknowledged,
            self.findings
        );
        if self.plan.rounds >= ROUNDS_FOR_EVERY_STEP && !missed.is_empty() {
            bail!("the server never died at {}", missed.join(", "));
        }
        if self.findings > 0 {
            bail!("{} findings with seed {}", self.findings, self.plan.seed);
        }
        Ok(())
    }
}

impl Stretch {
    fn lock(&self) -> std::sync::MutexGuard<'_, Model> {
        // A client that panicked ends the campaign anyway.
        self.model.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn acknowledged(&self) -> u64 {
        self.lock().acknowledged
    }
}

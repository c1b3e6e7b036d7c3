//! The rounds.

mod happening;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::client::Worker;
use super::super::model::Model;
use super::super::server::{self, Death};
use super::super::servers::{Seen, Servers};
use super::super::steps::Steps;
use super::super::trouble::{Outcome, Trouble, wrong};
use super::super::verify::Depth;
use super::contents;
use super::faults::{Deck, Event, What};
use super::tally::Tally;
use super::topology::{Backends, RECOVERY, Replica, StoreServer, Topology};
use crate::random::Random;

/// After so many rounds everything is looked at, purged, and compared.
const PURGE_EVERY: usize = 10;
/// After so many rounds a new, empty registry begins.
const REGISTRY_ROUNDS: usize = 50;
/// How exactly events come at their time.
const TICK: Duration = Duration::from_millis(2);
/// How long until what living replicas have to remove by themselves must be gone.
const TIDYING: Duration = Duration::from_secs(30);
/// From so many rounds on every kind of fault must have happened.
const ROUNDS_FOR_EVERY_FAULT: usize = 100;
/// From so many rounds on every step must have killed a replica.
const ROUNDS_FOR_EVERY_STEP: usize = 200;
/// Sizes of large blobs in bytes: those that a store takes in several pieces.
const LARGE: [usize; 2] = [9 * 1024 * 1024, 17 * 1024 * 1024 + 1];
/// Findings after which going on tells nothing new.
const ENOUGH: usize = 3;

/// What to do.
#[derive(Debug)]
pub(in super::super) struct Plan {
    pub(in super::super) rounds: usize,
    pub(in super::super) seed: u64,
    pub(in super::super) clients: usize,
    pub(in super::super) replicas: usize,
    pub(in super::super) longest_load: Duration,
    pub(in super::super) store: StoreServer,
}

/// A registry and what its clients know.
struct Stretch {
    topology: Topology,
    model: Mutex<Model>,
    seen: Arc<Seen>,
}

struct Campaign<'a> {
    plan: &'a Plan,
    program: PathBuf,
    directory: PathBuf,
    backends: Backends,
    deck: Deck,
    steps: Steps,
    tally: Tally,
    findings: usize,
}

/// Runs the campaign and prints what came of it.
pub(in super::super) fn run(plan: &Plan) -> Result<()> {
    let start = Instant::now();
    println!(
        "crash: seed {}, {} rounds, {} clients, {} replicas over PostgreSQL and {:?}",
        plan.seed, plan.rounds, plan.clients, plan.replicas, plan.store
    );
    let (program, directory) = server::prepare("crash-replicas")?;
    let backends = Backends::start(plan.store)?;
    let steps = Steps::of(&program, "store::")?;
    let deck = Deck::new(Random::new(&[plan.seed, 0]));
    let mut campaign =
        Campaign { plan, program, directory, backends, deck, steps, tally: Tally::default(), findings: 0 };
    campaign.rounds()?;
    campaign.conclude(start.elapsed())
}

impl Campaign<'_> {
    fn rounds(&mut self) -> Result<()> {
        let mut stretch: Option<Stretch> = None;
        for round in 1..=self.plan.rounds {
            let mut current = match stretch.take() {
                Some(current) if (round - 1) % REGISTRY_ROUNDS != 0 => current,
                ended => {
                    self.end(ended)?;
                    self.begin(round)?
                }
            };
            match self.round(&mut current, round) {
                Ok(()) => stretch = Some(current),
                Err(error) if !error.is::<Trouble>() => {
                    return Err(error.context(format!("seed {}, round {round}", self.plan.seed)));
                }
                Err(trouble) => {
                    println!("crash: FINDING, seed {}, round {round}: {trouble}", self.plan.seed);
                    println!("crash: its logs are kept in {}", current.topology.directory.display());
                    self.count(&current)?;
                    self.findings += 1;
                    if self.findings == ENOUGH {
                        return Ok(());
                    }
                }
            }
            if round % 10 == 0 {
                println!("crash: round {round}");
            }
        }
        self.end(stretch)
    }

    fn begin(&self, round: usize) -> Result<Stretch> {
        let name = format!("seed-{}-round-{round}", self.plan.seed);
        let directory = self.directory.join(&name);
        server::fresh(&directory)?;
        let topology = Topology::new(&self.program, directory, name, &self.backends, self.plan.replicas, &[])?;
        let model = Mutex::new(Model::new(&mut self.random(round, 0), &LARGE));
        Ok(Stretch { topology, model, seen: Arc::new(Seen::of(self.plan.replicas)) })
    }

    /// Removes what is left of a stretch without a finding.
    fn end(&mut self, stretch: Option<Stretch>) -> Result<()> {
        let Some(mut stretch) = stretch else { return Ok(()) };
        self.count(&stretch)?;
        for replica in &mut stretch.topology.replicas {
            replica.kill()?;
        }
        fs::remove_dir_all(&stretch.topology.directory).context("cannot remove the logs")
    }

    fn count(&mut self, stretch: &Stretch) -> Result<()> {
        self.tally.seen(&stretch.seen);
        self.tally.acknowledged += stretch.lock().acknowledged;
        self.tally.said(&stretch.topology.log()?);
        Ok(())
    }

    /// Choices of one kind in one round.
    fn random(&self, round: usize, kind: usize) -> Random {
        Random::new(&[self.plan.seed, round as u64, kind as u64])
    }

    /// Fails with a [`Trouble`] if there is a finding, and with anything else if the campaign itself cannot go on.
    fn round(&mut self, stretch: &mut Stretch, round: usize) -> Result<()> {
        let mut random = self.random(round, 1);
        let longest = usize::try_from(self.plan.longest_load.as_millis()).unwrap_or(usize::MAX);
        let load = Duration::from_millis(100 + random.below(longest.max(1)) as u64);
        let events = self.deck.choose(load, self.plan.replicas, &mut random);
        let crashes = events.iter().any(|event| matches!(event.what, What::CrashDatabase));
        self.start(stretch, round, &mut random)?;
        if crashes {
            // What was shown so far is on its disk.
            self.backends.postgres.sql(&stretch.topology.database, "CHECKPOINT")?;
        }
        stretch.lock().expect_crash(crashes);
        let outcome = self.load(stretch, round, load, &events).and_then(|()| {
            self.heal(stretch)?;
            self.verify(stretch, round)
        });
        outcome.map_err(|error| explained(error, &events))?;
        stretch.lock().expect_crash(false);
        if self.is_last(round) { self.purge(stretch, &mut random) } else { Ok(()) }
    }

    /// Whether everything is looked at and purged after this round.
    fn is_last(&self, round: usize) -> bool {
        round.is_multiple_of(PURGE_EVERY) || round == self.plan.rounds
    }

    /// Starts the replicas that do not run, in every second round one of all with a step at which it dies, else with steps
    /// that hold requests up.
    fn start(&mut self, stretch: &mut Stretch, round: usize, random: &mut Random) -> Result<()> {
        let chosen = random.below(self.plan.replicas);
        let fail = match round % 4 {
            0 | 2 => Some(self.steps.aim(random)),
            1 => Some(self.steps.hold_up(random)),
            _ => None,
        };
        if fail.is_some() {
            self.end_replica(&mut stretch.topology.replicas[chosen], random.chance(50))?;
        }
        for number in 0..self.plan.replicas {
            let replica = &mut stretch.topology.replicas[number];
            if replica.runs() {
                continue;
            }
            let fail = if number == chosen { fail.as_deref() } else { None };
            let death = replica.start(fail)?;
            self.judge(death)?;
        }
        Ok(())
    }

    fn end_replica(&mut self, replica: &mut Replica, orderly: bool) -> Result<()> {
        let death = match replica.died()? {
            None if orderly => replica.stop()?.filter(|death| *death != Death::Finished),
            None => replica.kill()?,
            died => died,
        };
        Ok(self.judge(death)?)
    }

    /// Puts load on the replicas while `events` happen.
    fn load(&mut self, stretch: &mut Stretch, round: usize, load: Duration, events: &[Event]) -> Result<()> {
        let addresses = stretch.topology.addresses();
        let Stretch { topology, model, seen } = stretch;
        let stop = AtomicBool::new(false);
        let (ended, ends) = mpsc::channel();
        std::thread::scope(|scope| {
            for number in 0..self.plan.clients {
                let servers = Servers::replicas(&addresses, seen);
                let mut worker = Worker::new(number, servers, model, self.random(round, 10 + number));
                let (stop, ended) = (&stop, ended.clone());
                scope.spawn(move || {
                    // Nobody listens any more if the campaign itself failed.
                    let _late = ended.send(worker.work(stop));
                });
            }
            drop(ended);
            let start = Instant::now();
            let mut events = events.iter().peekable();
            let mut outcome = Ok(());
            while outcome.is_ok() && (start.elapsed() < load || events.peek().is_some()) {
                if let Some(event) = events.next_if(|event| event.at <= start.elapsed()) {
                    outcome = self.happen(topology, event);
                } else if let Ok(first) = ends.recv_timeout(TICK) {
                    // A client that ends before it is told to has something to tell.
                    outcome = first.map_err(Into::into);
                }
            }
            stop.store(true, Ordering::Relaxed);
            // What is in the way of the clients' last requests goes.
            let healed = self.heal_lines(topology);
            outcome?;
            healed?;
            Ok(ends.iter().collect::<Outcome<()>>()?)
        })
    }

    /// Brings everything back, and ends the replicas that might still be doing what they did not answer, or that might die
    /// later.
    fn heal(&mut self, stretch: &mut Stretch) -> Result<()> {
        for number in 0..self.plan.replicas {
            let replica = &mut stretch.topology.replicas[number];
            let lost = stretch.seen.take_lost(number);
            let death = match replica.died()? {
                None if replica.runs() && (lost || replica.armed) => {
                    self.tally.in_doubt += usize::from(lost);
                    replica.kill()?
                }
                died => died,
            };
            self.judge(death)?;
        }
        // Nothing of the dead is under way when the others are asked.
        stretch.topology.settle(&self.backends.postgres)?;
        for (number, replica) in stretch.topology.replicas.iter_mut().enumerate() {
            if !replica.runs()
                && let Some(death) = replica.start(None)?
            {
                wrong::<()>(format!("replica {number} does not start again: {death:?}"))?;
            }
        }
        let took = stretch.topology.recover(&self.backends.postgres)?;
        self.tally.recovered(took);
        Ok(())
    }

    /// Compares what every replica shows with what clients were told; uploads go on through any.
    fn verify(&self, stretch: &Stretch, round: usize) -> Result<()> {
        let depth = if self.is_last(round) { Depth::Everything } else { Depth::Touched };
        let addresses = stretch.topology.addresses();
        let auditor = |of: &[std::net::SocketAddr], kind| {
            let servers = Servers::replicas(of, &stretch.seen).patient(RECOVERY);
            Worker::new(usize::MAX, servers, &stretch.model, self.random(round, kind))
        };
        let touched = auditor(&addresses, 2).to_look_at(depth);
        for (number, address) in addresses.iter().enumerate() {
            let shown = auditor(&[*address], 3).verify_content(&touched);
            if let Err(trouble) = shown {
                wrong::<()>(format!("at replica {number}: {trouble}"))?;
            }
        }
        let start = Instant::now();
        loop {
            match auditor(&addresses, 4).verify_uploads() {
                Err(Trouble::Gone(_) | Trouble::Busy(_)) if start.elapsed() < RECOVERY => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Purges everything that nobody needs, and compares rows and objects with what clients were told. The replicas were
    /// ended before, in one way or the other, or still live.
    fn purge(&mut self, stretch: &mut Stretch, random: &mut Random) -> Result<()> {
        let alive = random.chance(34);
        if !alive {
            let orderly = random.chance(50);
            for replica in &mut stretch.topology.replicas {
                self.end_replica(replica, orderly)?;
            }
        }
        let topology = &stretch.topology;
        // Until every upload is older than the purge requires, and every replica that does not live has been silent for longer
        // than those that do.
        std::thread::sleep(Duration::from_millis(1100));
        topology.grow_old_dead(&self.backends.postgres, alive)?;
        for _ in 0..2 {
            let fail = self.steps.aim_at_purge(random);
            let death = topology.operator.purge(fail.as_deref())?;
            self.judge(Some(death).filter(|death| *death != Death::Finished))?;
        }
        stretch.lock().uploads.clear();
        let start = Instant::now();
        loop {
            topology.grow_old_dead(&self.backends.postgres, alive)?;
            let ended = topology.operator.purge(None)?;
            if ended != Death::Finished {
                wrong::<()>(format!("the purge failed: {ended:?}"))?;
            }
            match contents::compare(&self.backends, topology, &stretch.lock())? {
                // A living replica removes by itself what it left, soon.
                Err(_) if alive && start.elapsed() < TIDYING => std::thread::sleep(Duration::from_millis(500)),
                outcome => {
                    self.tally.purges += 1;
                    return Ok(outcome?);
                }
            }
        }
    }

    /// Counts a death, if there was one.
    fn judge(&mut self, death: Option<Death>) -> Outcome<()> {
        match death {
            None => {}
            Some(Death::Killed) => self.tally.kills += 1,
            Some(Death::Step(step)) => self.steps.count(&step),
            Some(Death::Finished) => return wrong("a replica ended by itself"),
            Some(Death::Unexpected(what)) => return wrong(format!("a replica died: {what}")),
        }
        Ok(())
    }

    fn conclude(self, elapsed: Duration) -> Result<()> {
        println!("crash: deaths at each step:\n{}", self.steps.table().trim_end());
        println!("crash: what happened:\n{}", self.tally.table());
        println!(
            "crash: seed {}: {} rounds over {} replicas in {:.0} s; {} findings",
            self.plan.seed,
            self.plan.rounds,
            self.plan.replicas,
            elapsed.as_secs_f64(),
            self.findings
        );
        if self.findings > 0 {
            bail!("{} findings with seed {}", self.findings, self.plan.seed);
        }
        // A campaign in which something never went wrong has not shown that nothing comes of it.
        let missed = self.tally.missed();
        if self.plan.rounds >= ROUNDS_FOR_EVERY_FAULT && !missed.is_empty() {
            bail!("it never happened: {}", missed.join(", "));
        }
        let missed = self.steps.missed();
        if self.plan.rounds >= ROUNDS_FOR_EVERY_STEP && !missed.is_empty() {
            bail!("no replica ever died at {}", missed.join(", "));
        }
        Ok(())
    }
}

/// A finding, or why the campaign cannot go on, with what had happened in its round.
fn explained(error: anyhow::Error, events: &[Event]) -> anyhow::Error {
    let events: Vec<String> = events.iter().map(Event::to_string).collect();
    let events = format!("in this round: {}", events.join("; "));
    match error.downcast::<Trouble>() {
        Ok(trouble) => Trouble::Wrong(format!("{trouble}\n  {events}")).into(),
        Err(error) => error.context(events),
    }
}

impl Stretch {
    fn lock(&self) -> std::sync::MutexGuard<'_, Model> {
        // A client that panicked ends the campaign anyway.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! `cargo xtask crash --collect`: garbage is collected without pause, the trash empties itself and is restored from, while clients
//! push exactly what is being condemned, pull, mount and delete, rules of retention let tags go, an operator scrubs, and the registry
//! dies: one process with its own disk, or with `--replicas` one of several, or all of them.
//!
//! What clients share is blobs. Each has images of its own, with platforms and a signature, and knows of each whether it must be
//! there. Four things must hold: a push that is done within the time of grace never hears that a blob is missing; what a client
//! was told is there, or restored, is complete after every death, at every replica, and what a rule lets go was there or is gone as a
//! whole; no scrub finds a blob that is damaged; and when all is deleted, nothing is left in the end.

mod alone;
mod ground;
mod image;
mod rules;
mod scrubs;
mod together;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::alone::Alone;
use self::ground::Ground;
use self::image::Image;
use self::together::Together;
use self::worker::Worker;
use super::content::{Algorithm, Content};
use super::replicas::StoreServer;
use super::server::{self, Death};
use super::servers::Servers;
use super::steps::Steps;
use super::trouble::{Outcome, Trouble, wrong};
use crate::random::Random;

/// Short times, so that every blob is condemned, revived, collected and pushed again many times.
const GRACE: Duration = Duration::from_secs(2);
const TRASH: Duration = Duration::from_secs(3);
/// How long nothing goes at most while what is deleted has to: the trash, twice the grace with what is added to that, an image and
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
/// How long clients go on at most, in milliseconds, with the replicas that are left after a death.
const LONGEST_AFTER: usize = 1500;
/// The step that only a registry passes which has its bytes on its own disk.
const AFTER_BYTES: &str = "collect::after_bytes";
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
    /// So many replicas over this store, instead of one process.
    pub(super) replicas: Option<(usize, StoreServer)>,
}

/// What clients did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    pushed: usize,
    /// Pushes that took longer than the grace, and heard that a blob is missing.
    late: usize,
    deleted: usize,
    /// Images that a rule let go.
    retired: usize,
    restored: usize,
    pulled: usize,
    /// Scrubs that came to their end.
    scrubbed: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.pushed += more.pushed;
        self.late += more.late;
        self.deleted += more.deleted;
        self.retired += more.retired;
        self.restored += more.restored;
        self.pulled += more.pulled;
        self.scrubbed += more.scrubbed;
    }
}

struct Campaign<'a> {
    plan: &'a Plan,
    ground: Box<dyn Ground>,
    /// What clients show.
    token: String,
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
    let over = plan.replicas.map(|(replicas, store)| format!(", {replicas} replicas over PostgreSQL and {store:?}"));
    println!(
        "crash: collection, seed {}, {} rounds, {} clients{}",
        plan.seed,
        plan.rounds,
        plan.clients,
        over.unwrap_or_default()
    );
    let start = Instant::now();
    let name = if plan.replicas.is_some() { "crash-collect-replicas" } else { "crash-collect" };
    let (program, directory) = server::prepare(name)?;
    let directory = directory.join(format!("seed-{}", plan.seed));
    server::fresh(&directory)?;
    let mut random = Random::new(&[plan.seed, 0]);
    let pool = (0..POOL).map(|number| {
        let length = if number % 3 == 0 { random.below(300_000) } else { random.below(6000) };
        Arc::new(Content::new(Algorithm::Sha256, random.bytes(length + 1)))
    });
    let pool = pool.collect();
    let on_disk = plan.replicas.is_none();
    let steps = Steps::only(&program, |step| {
        let passed = ["collect::", "retention::", "registry::after_restore"];
        passed.iter().any(|begin| step.starts_with(begin)) && (on_disk || step != AFTER_BYTES)
    })?;
    let ground = ground(plan, program, directory)?;
    let mut campaign = Campaign {
        plan,
        pool,
        steps,
        token: rules::establish(&ground.programs()[0], plan.clients)?,
        ground,
        images: (0..plan.clients).map(|_| Vec::new()).collect(),
        kills: 0,
        emptied: 0,
        tally: Tally::default(),
    };
    for round in 1..=plan.rounds {
        let Err(error) = campaign.round(round) else { continue };
        let place = format!("seed {}, round {round}", plan.seed);
        if !error.is::<Trouble>() {
            return Err(error.context(place));
        }
        println!("crash: FINDING, {place}: {error:#}");
        bail!("its data and log are kept in {}", campaign.ground.keep()?.display());
    }
    campaign.conclude(start.elapsed())
}

fn ground(plan: &Plan, program: PathBuf, directory: PathBuf) -> Result<Box<dyn Ground>> {
    Ok(match plan.replicas {
        None => Box::new(Alone::new(program, directory, settings())),
        Some((replicas, store)) => Box::new(Together::new(&program, directory, replicas, store, &settings())?),
    })
}

fn settings() -> Vec<(String, String)> {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    [("GRACE", seconds(GRACE)), ("TRASH_FOR", seconds(TRASH)), ("INTERVAL", "1s".to_owned())]
        .map(|(name, value)| (format!("ENTREPOT_GC_{name}"), value))
        .to_vec()
}

/// A client of a round, and what came of it.
type Client<'scope> = ScopedJoinHandle<'scope, (Tally, Outcome<()>)>;

impl Campaign<'_> {
    /// Choices of one kind in one round.
    fn random(&self, round: usize, kind: usize) -> Random {
        Random::new(&[self.plan.seed, round as u64, kind as u64])
    }

    /// Whom each client asks.
    fn for_all(&self, servers: impl Fn(&dyn Ground) -> Servers) -> Vec<Servers> {
        self.images.iter().map(|_| servers(self.ground.as_ref()).bearing(&self.token)).collect()
    }

    /// Fails with a [`Trouble`] if there is a finding, and with anything else if the campaign itself cannot go on.
    fn round(&mut self, round: usize) -> Result<()> {
        let mut random = Random::new(&[self.plan.seed, round as u64]);
        let fail = round.is_multiple_of(2).then(|| self.steps.aim(&mut random));
        let load = match fail {
            Some(_) => STEP_PATIENCE,
            None => Duration::from_millis(SHORTEST_LOAD + random.below(LONGEST_LOAD) as u64),
        };
        let died = self.ground.begin(fail.as_deref(), &mut random)?;
        let died_already = died.iter().any(|death| matches!(death, Death::Step(_)));
        self.count(died)?;
        if !died_already {
            let died = self.load(round, load, &mut random)?;
            self.count(died)?;
        }
        let died = self.ground.heal()?;
        self.count(died)?;
        self.verify(round)?;
        if round.is_multiple_of(STRETCH) || round == self.plan.rounds { self.empty(round) } else { Ok(()) }
    }

    /// Puts load on the registry until it dies, and on what is left of it for a while. Returns what died.
    fn load(&mut self, round: usize, load: Duration, random: &mut Random) -> Result<Vec<Death>> {
        let servers = self.for_all(|ground| ground.servers());
        let randoms: Vec<_> = (0..servers.len()).map(|number| self.random(round, 10 + number)).collect();
        let (programs, scrubbing) = (self.ground.programs(), self.random(round, 3));
        let Self { ground, pool, images, tally, .. } = self;
        let ((deaths, done), scrubbed) = scrubs::beside(&programs, scrubbing, |stop| {
            thread::scope(|scope| {
                let clients = images.iter_mut().zip(servers).zip(randoms).enumerate();
                let clients: Vec<_> = clients
                    .map(|(number, ((images, servers), random))| {
                        let mut worker = Worker::new(number, servers, pool, random, images);
                        scope.spawn(move || {
                            let ended = worker.work(stop);
                            (worker.tally, ended)
                        })
                    })
                    .collect();
                let died = die(ground.as_mut(), load, random, &clients);
                stop.store(true, Ordering::Relaxed);
                conclude_load(died, clients)
            })
        })?;
        *tally += done;
        tally.scrubbed += scrubbed;
        Ok(deaths)
    }

    fn count(&mut self, deaths: Vec<Death>) -> Outcome<()> {
        for death in deaths {
            match death {
                Death::Killed => self.kills += 1,
                Death::Step(step) => self.steps.count(&step),
                Death::Finished => return wrong("it ended by itself"),
                Death::Unexpected(what) => return wrong(format!("it died: {what}")),
            }
        }
        Ok(())
    }

    /// Every image that must be there is complete, and of every other it is found out whether it is.
    fn verify(&mut self, round: usize) -> Result<()> {
        for number in 0..self.ground.each().len() {
            let servers = self.for_all(|ground| ground.each().swap_remove(number));
            self.all(round, 1000 * (number + 1), servers, |worker| worker.verify())
                .with_context(|| format!("at process {number}"))?;
        }
        self.all(round, 500, self.for_all(|ground| ground.servers()), |worker| worker.settle())?;
        scrubs::status(&self.ground.programs()[0])
    }

    /// Lets all clients do the same at once.
    fn all(
        &mut self,
        round: usize,
        kind: usize,
        servers: Vec<Servers>,
        what: impl Fn(&mut Worker<'_>) -> Outcome<()> + Sync,
    ) -> Result<()> {
        let (seed, pool, what) = (self.plan.seed, &self.pool, &what);
        let done = thread::scope(|scope| {
            let clients = self.images.iter_mut().zip(servers).enumerate().map(|(number, (images, servers))| {
                let random = Random::new(&[seed, round as u64, (kind + number) as u64]);
                let mut worker = Worker::new(number, servers, pool, random, images);
                scope.spawn(move || what(&mut worker).map(|()| worker.tally))
            });
            let clients: Vec<_> = clients.collect();
            let mut done = Tally::default();
            for client in clients {
                let Ok(outcome) = client.join() else { bail!("a client panicked") };
                done += outcome?;
            }
            Ok(done)
        })?;
        self.tally += done;
        Ok(())
    }

    /// Waits until what no rule keeps is gone, deletes everything else, and waits until that is gone too.
    fn empty(&mut self, round: usize) -> Result<()> {
        self.all(round, 10_000, self.for_all(|ground| ground.servers()), |worker| worker.await_rules())?;
        self.all(round, 20_000, self.for_all(|ground| ground.servers()), |worker| worker.delete_all())?;
        let ground = self.ground.as_ref();
        let start = Instant::now();
        let ((), scrubbed) = scrubs::beside(&ground.programs(), self.random(round, 4), |_| {
            let (mut left, mut since) = (ground.blobs()?, Instant::now());
            // On a busy machine it takes longer, but something goes.
            while left > 0 && since.elapsed() < ALL_GONE {
                thread::sleep(Duration::from_millis(200));
                let now = ground.blobs()?;
                if now < left {
                    (left, since) = (now, Instant::now());
                }
            }
            Ok(())
        })?;
        self.tally.scrubbed += scrubbed;
        scrubs::status(&self.ground.programs()[0])?;
        let waited = start.elapsed();
        self.ground.close().with_context(|| format!("{waited:?} after everything was deleted"))?;
        self.emptied += 1;
        println!("crash: round {round}: everything was deleted and is gone; {:?}", self.tally);
        Ok(())
    }

    fn conclude(self, elapsed: Duration) -> Result<()> {
        println!("crash: deaths at each step:\n{}", self.steps.table().trim_end());
        let Tally { pushed, late, deleted, retired, restored, pulled, scrubbed } = self.tally;
        println!(
            "crash: collection, seed {}: {} rounds in {:.0} s; deaths: {} by kill -9, {} at a step; {pushed} images pushed, {late} \
             too late, {deleted} deleted, {retired} gone by a rule, {restored} restored, {pulled} pulled; {scrubbed} scrubs; {} times \
             everything was deleted and went; 0 findings",
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
        self.ground.remove()
    }
}

/// How a registry under load died.
struct Died {
    deaths: Vec<Death>,
    /// A client ended before that, and it was not because the registry died by itself.
    early: bool,
}

/// Waits until something dies by itself, kills it when `load` is over, and lets clients go on with what is left.
fn die(ground: &mut dyn Ground, load: Duration, random: &mut Random, clients: &[Client<'_>]) -> Result<Died> {
    let start = Instant::now();
    let mut breaking = None;
    let mut deaths = Vec::new();
    while start.elapsed() < load && deaths.is_empty() {
        thread::sleep(Duration::from_millis(2));
        deaths = ground.died()?;
        // A client that ends has something to tell, or the server dies by itself just then.
        if clients.iter().any(ScopedJoinHandle::is_finished)
            && breaking.get_or_insert_with(Instant::now).elapsed() > DYING
        {
            break;
        }
    }
    let early = breaking.is_some() && deaths.is_empty();
    if deaths.is_empty() {
        deaths = ground.strike(random)?;
    }
    if ground.goes_on()? {
        thread::sleep(Duration::from_millis(random.below(LONGEST_AFTER) as u64));
        deaths.extend(ground.died()?);
    }
    Ok(Died { deaths, early })
}

/// What died, and what clients did, if they saw nothing else.
fn conclude_load(died: Result<Died>, clients: Vec<Client<'_>>) -> Result<(Vec<Death>, Tally)> {
    let mut outcome = Ok(());
    let mut done = Tally::default();
    let early = died.as_ref().is_ok_and(|died| died.early);
    for client in clients {
        let Ok((tally, ended)) = client.join() else { bail!("a client panicked") };
        done += tally;
        match ended {
            Ok(()) => {}
            Err(Trouble::Gone(error)) if early => {
                outcome = wrong(format!("a connection broke while the server lived: {error}"));
            }
            Err(Trouble::Gone(_)) => {}
            Err(trouble) => outcome = Err(trouble),
        }
    }
    outcome?;
    Ok((died?.deaths, done))
}

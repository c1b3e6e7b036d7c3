//! There and back.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::noise;
use entrepot_test_harness::post;
use entrepot_test_support::Postgres;

use crate::command;
use crate::content::fill;
use crate::dump;
use crate::people::settle;
use crate::registry::Registry;
use crate::shell::Shell;
use crate::watch::Watch;

const DATABASE: &str = "entrepot";

#[test]
fn two_thousand_manifests_go_there_and_back() -> Result<()> {
    journey(2_000, 6, Duration::from_millis(600))
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_thousand_manifests_go_there_and_back() -> Result<()> {
    journey(100_000, 10, Duration::from_secs(4))
}

/// Moves with `kills` kills in each direction, each after at most `longest`.
fn journey(manifests: u64, kills: u32, longest: Duration) -> Result<()> {
    let Some(server) = Postgres::start()?.filter(|_| Shell::is_here()) else { return Ok(()) };
    server.sql("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE template0"))?;
    let url = server.url(DATABASE);
    let mut chance = Chance::new();
    let mut registry = Registry::new()?;
    let layer = noise(1, 70_000);

    registry.start(None)?;
    let manifest = registry.client()?.push("acme/landmark", "v1", &layer)?;
    let start = Instant::now();
    fill(&registry.file(), manifests)?;
    settle(&registry.data(), None, "ann")?;
    println!("filled with {manifests} manifests in {:.1?}", start.elapsed());

    let watch = Watch::start(registry.client()?, "acme/landmark", "v1", &manifest, &layer);
    sleep(Duration::from_millis(100));
    let from = format!("sqlite:{}", registry.file().display());
    let start = Instant::now();
    interrupted(&["--from", &from, "--to", &url], kills, longest, &mut chance)?;
    println!("moved to PostgreSQL in {:.1?} with all interruptions", start.elapsed());
    sleep(Duration::from_millis(100));
    let seen = watch.end()?;
    println!("meanwhile: {seen:?}");
    ensure!(seen.taken > 0 && seen.refused > 0 && seen.pulls == seen.taken + seen.refused, "{seen:?}");
    ensure!(seen.sentences.len() == 2, "{seen:?}");
    ensure!(seen.sentences[0].contains("being moved to another database"), "{seen:?}");
    ensure!(seen.sentences[1].contains(&format!("moved to {url}")), "{seen:?}");
    // It starts too, and serves what it has.
    registry.stop();
    registry.start(None)?;
    registry.client()?.expect("acme/landmark", "v1", &manifest, &layer)?;
    registry.client()?.ask(&post("/v2/acme/landmark/blobs/uploads/"))?.expect(503)?;
    registry.stop();

    let tables = dump::tables(&registry.file())?;
    let (one, two, three) = (registry.path().join("1"), registry.path().join("2"), registry.path().join("3"));
    for directory in [&one, &two, &three] {
        fs::create_dir(directory)?;
    }
    dump::sqlite(&registry.file(), &tables, &one)?;
    dump::postgres(&server, DATABASE, &tables, &two)?;
    println!("{} rows are equal", dump::compare(&tables, &one, &two)?);

    // Over PostgreSQL it goes on, with the same data directory.
    registry.start(Some(&url))?;
    registry.client()?.expect("acme/landmark", "v1", &manifest, &layer)?;
    let second = registry.client()?.push("acme/second", "v1", &layer)?;
    settle(&registry.data(), Some(&url), "ben")?;
    dump::postgres(&server, DATABASE, &tables, &two)?;
    let watch = Watch::start(registry.client()?, "acme/second", "v1", &second, &layer);
    sleep(Duration::from_millis(100));
    let back = registry.path().join("back.db");
    let to = format!("sqlite:{}", back.display());
    let start = Instant::now();
    interrupted(&["--from", &url, "--to", &to], kills, longest, &mut chance)?;
    println!("moved to SQLite in {:.1?} with all interruptions", start.elapsed());
    let seen = watch.end()?;
    println!("meanwhile: {seen:?}");
    ensure!(seen.refused > 0, "{seen:?}");
    registry.stop();
    dump::postgres(&server, DATABASE, &tables, &two)?;
    dump::sqlite(&back, &tables, &three)?;
    println!("{} rows are equal", dump::compare(&tables, &two, &three)?);

    take_its_place(&back, &registry.file())?;
    registry.start(None)?;
    let client = registry.client()?;
    client.expect("acme/landmark", "v1", &manifest, &layer)?;
    client.expect("acme/second", "v1", &second, &layer)?;
    settle(&registry.data(), None, "eva")?;
    let third = client.push("acme/third", "v1", &layer)?;
    client.expect("acme/third", "v1", &third, &layer)
}

/// Runs the command again and again, kills it each time, and lets it end at last.
fn interrupted(arguments: &[&str], kills: u32, longest: Duration, chance: &mut Chance) -> Result<()> {
    let mut killed = 0;
    for _ in 0..kills {
        let mut run = command::start(arguments)?;
        // The first at once: however fast the machine, something is interrupted.
        let share = if killed == 0 { 0.1 } else { 1.0 };
        let moment = Instant::now() + longest.mul_f64(share * chance.next());
        while Instant::now() < moment && run.is_running()? {
            sleep(Duration::from_millis(2));
        }
        if !run.is_running()? {
            break;
        }
        drop(run);
        killed += 1;
    }
    println!("killed {killed} times");
    ensure!(killed > 0, "it was too fast to be killed once");
    let start = Instant::now();
    let mut last = command::start(arguments)?;
    while last.is_running()? {
        sleep(Duration::from_millis(10));
    }
    let ended = last.end()?;
    // It may have been killed after its last word to the databases and before its last word to us.
    let done = ended.output.contains("was moved to") && ended.output.contains("already");
    ensure!(ended.status.success() || done, "{}\n{}", ended.status, ended.output);
    println!("the last run took {:.1?}:\n{}", start.elapsed(), ended.output);
    Ok(())
}

fn take_its_place(new: &Path, old: &Path) -> Result<()> {
    for ending in ["-wal", "-shm"] {
        let beside = |path: &Path| path.with_file_name(format!("{}{ending}", path.file_name().unwrap().display()));
        let log = fs::metadata(beside(new)).map_or(0, |log| log.len());
        ensure!(ending == "-shm" || log == 0, "{log} bytes are in the log beside the file");
        for path in [beside(old), beside(new)] {
            // Often there is none.
            let _gone = fs::remove_file(path);
        }
    }
    fs::rename(new, old).context("rename")
}

/// Numbers from 0 to 1.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = match std::env::var("ENTREPOT_TEST_SEED") {
            Ok(seed) => seed.parse().unwrap_or(1),
            Err(_) => u64::from(std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.subsec_nanos())),
        };
        println!("ENTREPOT_TEST_SEED={seed}");
        Self(seed | 1)
    }

    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

//! Replicas are restarted one after the other while clients push and pull, and none of these fails.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_replicas_tests::{Client, Pushed};
use entrepot_test_support::Replicas;

use crate::wait_until_ready;

/// How often each replica is restarted.
const ROUNDS: usize = 2;
/// Those who push, each into a repository of its own: images with a large layer, and small ones, of which each is a burst of
/// requests.
const PUSHERS: u64 = 3;
const SMALL_PUSHERS: u64 = 3;
/// Those who pull, again and again.
const PULLERS: usize = 3;
/// A layer: large enough that restarts come into the middle of some.
const LAYER_BYTES: usize = 12_000_000;
const SMALL_LAYER_BYTES: usize = 2_000;
/// How long all replicas run between two restarts.
const PAUSE: Duration = Duration::from_millis(700);

#[test]
fn a_rolling_restart_fails_no_pull_and_no_push() -> Result<()> {
    let Some(mut replicas) = Replicas::start(3, &[])? else { return Ok(()) };
    let address = replicas.address();
    let client = Client::new(address);
    let first = client.push("acme/first", "v1", 1, LAYER_BYTES)?;

    let done = AtomicBool::new(false);
    let pulls = AtomicU32::new(0);
    let (pushed, restarted) = thread::scope(|scope| {
        let push = |pusher: u64| -> Result<Vec<Pushed>> {
            let bytes = if pusher < PUSHERS { LAYER_BYTES } else { SMALL_LAYER_BYTES };
            let repository = format!("acme/pusher-{pusher}");
            let mut pushed = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let tag = format!("v{}", pushed.len());
                let seed = 100_000 * (pusher + 1) + pushed.len() as u64;
                pushed.push(client.push(&repository, &tag, seed, bytes).context("a push failed")?);
            }
            Ok(pushed)
        };
        let pull = || -> Result<()> {
            while !done.load(Ordering::Relaxed) {
                client.pull(&first).context("a pull failed")?;
                pulls.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let pushers: Vec<_> = (0..PUSHERS + SMALL_PUSHERS).map(|pusher| scope.spawn(move || push(pusher))).collect();
        let pullers: Vec<_> = (0..PULLERS).map(|_| scope.spawn(pull)).collect();
        let restarted = restart_all(&mut replicas);
        done.store(true, Ordering::Relaxed);
        let mut pushed = Vec::new();
        let mut failed = restarted;
        for pusher in pushers {
            match pusher.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a pusher panicked"))) {
                Ok(more) => pushed.extend(more),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        for puller in pullers {
            failed = failed.and(puller.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a puller panicked"))));
        }
        (pushed, failed)
    });
    restarted?;

    println!("{} pushes, {} pulls, {} blobs tried again", pushed.len(), pulls.load(Ordering::Relaxed), client.again());
    ensure!(pushed.len() as u64 >= PUSHERS + SMALL_PUSHERS && pulls.load(Ordering::Relaxed) > 0, "no load");
    for image in &pushed {
        client.pull(image)?;
    }
    Ok(())
}

fn restart_all(replicas: &mut Replicas) -> Result<()> {
    for _ in 0..ROUNDS {
        for replica in replicas.replicas_mut() {
            thread::sleep(PAUSE);
            let status = replica.stop()?;
            ensure!(status.success(), "{status}:\n{}", replica.log());
            replica.start()?;
            wait_until_ready(&Client::new(replica.address()))?;
        }
    }
    thread::sleep(PAUSE);
    Ok(())
}

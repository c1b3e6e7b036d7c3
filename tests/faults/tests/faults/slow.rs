//! A store and a database that answer slowly: those who push wait, and nobody else.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use entrepot_test_harness::content::{image, noise, sha256};
use entrepot_test_harness::{Registry, get, head, patch, post, put};
use nix::sys::signal::Signal;

use crate::{Landmark, program};

/// By when an answer must be there that does not need the slow disk. Far below what the disk takes, far above what a busy
/// machine does.
const QUICK: Duration = Duration::from_millis(900);

/// Pushes `content` in the usual three requests.
fn push(registry: &Registry, name: &str, content: &[u8]) -> Result<()> {
    let location = registry.ask(&post(format!("/v2/{name}/blobs/uploads/")))?.expect(202)?;
    let location = location.required("location")?;
    registry.ask(&patch(location).body(content))?.expect(202)?;
    registry.ask(&put(format!("{location}?digest={}", sha256(content))))?.expect(201).map(drop)
}

#[test]
fn a_slow_sync_delays_only_those_who_push() -> Result<()> {
    // The disk takes longer than a client may be silent: waiting for us is no silence.
    let registry = program::registry("store::before_sync=sleep(2000)", &[("ENTREPOT_LIMITS_IDLE_TIMEOUT", "700ms")])?;
    let landmark = Landmark::push(&registry, noise(21, 300_000))?;
    landmark.expect(&registry)?;
    let start = Instant::now();
    thread::scope(|scope| {
        let pushes: Vec<_> = (0..16)
            .map(|n| {
                let registry = &registry;
                scope.spawn(move || push(registry, &format!("acme/r{n}"), &noise(n, 200_000)))
            })
            .collect();
        let mut slowest = Duration::ZERO;
        while start.elapsed() < Duration::from_millis(1800) {
            let asked = Instant::now();
            landmark.expect(&registry)?;
            registry.ask(&get("/v2/"))?.expect(200)?;
            registry.ask(&head(format!("/v2/acme/landmark/blobs/{}", sha256("{}"))))?.expect(200)?;
            slowest = slowest.max(asked.elapsed());
        }
        ensure!(slowest < QUICK, "a pull took {slowest:?} while others pushed");
        for push in pushes {
            push.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    let took = start.elapsed();
    ensure!(took >= Duration::from_secs(2), "a push did not wait for the disk: {took:?}");
    for n in 0..16 {
        let path = format!("/v2/acme/r{n}/blobs/{}", sha256(noise(n, 200_000)));
        ensure!(registry.ask(&get(path))?.expect(200)?.body == noise(n, 200_000), "push {n} has other bytes");
    }
    Ok(())
}

#[test]
fn a_slow_database_delays_only_those_who_write() -> Result<()> {
    let registry = program::registry("database::before_commit=sleep(700)", &[])?;
    let landmark = Landmark::push(&registry, noise(22, 100_000))?;
    registry.push_blob("acme/app", "{}")?;
    thread::scope(|scope| {
        let registry = &registry;
        let pushes: Vec<_> = (0..24)
            .map(|n| scope.spawn(move || registry.push_manifest("acme/app", &format!("v{n}"), &image(b"{}", &[]))))
            .collect();
        let asked = Instant::now();
        for _ in 0..20 {
            landmark.expect(registry)?;
        }
        ensure!(asked.elapsed() < QUICK * 2, "twenty pulls took {:?}", asked.elapsed());
        for push in pushes {
            push.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        // Commits are shared: one after the other they would take 17 seconds.
        ensure!(asked.elapsed() < Duration::from_secs(8), "24 pushes took {:?}", asked.elapsed());
        Ok(())
    })
}

#[test]
fn slow_writes_hold_the_client_back_and_not_the_memory() -> Result<()> {
    const MIB: usize = 1024 * 1024;
    let mut registry = program::registry("store::before_write=sleep(5)", &[])?;
    let content = noise(23, 64 * MIB);
    let before = registry.peak_memory_bytes()?;
    let start = Instant::now();
    push(&registry, "acme/app", &content)?;
    let (took, after) = (start.elapsed(), registry.peak_memory_bytes()?);
    ensure!(took >= Duration::from_secs(1), "256 writes took only {took:?}");
    ensure!(after - before < 32 * MIB as u64, "memory grew by {} bytes", after - before);
    let pulled = registry.ask(&get(format!("/v2/acme/app/blobs/{}", sha256(&content))))?.expect(200)?;
    ensure!(pulled.body == content, "other bytes");
    Ok(())
}

#[test]
fn a_push_that_waits_for_the_disk_is_waited_for_at_the_end() -> Result<()> {
    let mut registry = program::registry("store::before_sync=sleep(2000)", &[])?;
    let content = noise(24, 200_000);
    let digest = sha256(&content);
    let mut connection = registry.connect()?;
    connection.ask(&post(format!("/v2/acme/app/blobs/uploads/?digest={digest}")).body(content.clone()), "")?;
    thread::sleep(Duration::from_millis(500));
    registry.signal(Signal::SIGTERM)?;
    connection.answer("POST")?.expect(201)?;
    drop(connection);
    ensure!(registry.wait()?.success(), "it ended with an error");
    registry.restart()?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content, "other bytes");
    Ok(())
}

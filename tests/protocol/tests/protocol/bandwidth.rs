//! Caps on how fast content comes and goes. Bounds from below are near; those from above only say that it ends.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, Request, get, post};

const MIB: usize = 1024 * 1024;
const PUSH: (&str, &str) = ("ENTREPOT_ACCESS_ANONYMOUS", "push");

fn push(content: &[u8]) -> Request {
    post(format!("/v2/acme/app/blobs/uploads/?digest={}", sha256(content))).body(content)
}

fn pull(content: &[u8]) -> Request {
    get(format!("/v2/acme/app/blobs/{}", sha256(content)))
}

/// Asks, and says how long that took.
fn timed(registry: &Registry, request: &Request, status: u16) -> Result<(Vec<u8>, Duration)> {
    let start = Instant::now();
    let answer = registry.ask(request)?.expect(status)?;
    Ok((answer.body, start.elapsed()))
}

/// Takes about so many seconds.
fn about(took: Duration, seconds: f64) -> Result<()> {
    let took = took.as_secs_f64();
    ensure!(took > seconds * 0.75, "it took only {took} s, not {seconds} s");
    ensure!(took < seconds + 20.0, "it took {took} s, not {seconds} s");
    Ok(())
}

#[test]
fn all_transfers_of_an_address_share_its_cap_in_each_direction() -> Result<()> {
    let registry = Registry::with(&[PUSH, ("ENTREPOT_LIMITS_BANDWIDTH_PER_ADDRESS", "4MiB")])?;
    let content = noise(41, 8 * MIB);
    let (_, took) = timed(&registry, &push(&content), 201)?;
    about(took, 2.0)?;
    let (pulled, took) = timed(&registry, &pull(&content), 200)?;
    ensure!(pulled == content, "other bytes came back");
    about(took, 2.0)?;
    // Two at once share it. Which of them is further on at a moment is nobody's promise; when both are through is.
    let half = pull(&content).header("Range", format!("bytes=0-{}", 4 * MIB - 1));
    let start = Instant::now();
    let both = thread::scope(|scope| {
        let both = [0, 1].map(|_| scope.spawn(|| timed(&registry, &half, 206)));
        both.map(|one| one.join().unwrap_or_else(|_| Err(anyhow!("a client panicked"))))
    });
    let took = start.elapsed();
    for one in both {
        ensure!(one?.0 == content[..4 * MIB], "other bytes came back");
    }
    about(took, 2.0)
}

/// Waiting for their time is not to be mistaken for a peer that does not move.
#[test]
fn a_transfer_that_is_held_back_is_not_idle() -> Result<()> {
    let registry = Registry::with(&[
        PUSH,
        ("ENTREPOT_LIMITS_BANDWIDTH_PER_ADDRESS", "64KiB"),
        ("ENTREPOT_LIMITS_IDLE_TIMEOUT", "150ms"),
    ])?;
    let content = noise(42, 128 * 1024);
    let (_, took) = timed(&registry, &push(&content), 201)?;
    about(took, 1.75)?;
    let (pulled, took) = timed(&registry, &pull(&content), 200)?;
    ensure!(pulled == content, "other bytes came back");
    about(took, 1.75)
}

#[test]
fn somebody_who_logged_in_has_a_cap_wherever_they_are() -> Result<()> {
    let registry = Registry::with(&[
        PUSH,
        ("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
        ("ENTREPOT_LIMITS_BANDWIDTH_PER_ACCOUNT", "1MiB"),
    ])?;
    let mut create = registry.command("user create ann --password-stdin");
    let mut child = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(b"correct horse battery\n")?;
    ensure!(child.wait()?.success());
    let content = noise(43, 2 * MIB);
    let (_, nobody) = timed(&registry, &push(&content), 201)?;
    let (_, ann) = timed(&registry, &pull(&content).basic("ann", "correct horse battery"), 200)?;
    about(ann, 2.0)?;
    ensure!(nobody < Duration::from_secs(20), "who did not log in has no cap here: {nobody:?}");
    // From two addresses at once.
    let one = pull(&content).basic("ann", "correct horse battery");
    let from = ["192.0.2.1", "192.0.2.2"].map(|address| one.clone().header("X-Forwarded-For", address));
    let start = Instant::now();
    let both = thread::scope(|scope| {
        let both = from.each_ref().map(|request| scope.spawn(|| timed(&registry, request, 200)));
        both.map(|one| one.join().unwrap_or_else(|_| Err(anyhow!("a client panicked"))))
    });
    let took = start.elapsed();
    for one in both {
        ensure!(one?.0 == content, "other bytes came back");
    }
    about(took, 4.0)
}

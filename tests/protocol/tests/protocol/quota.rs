//! A quota of bytes, while a thousand push at one time.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use entrepot_test_harness::content::{IMAGE, image, noise, sha256};
use entrepot_test_harness::{Registry, Request, check, get, head, post, put, row};
use serde_json::Value;

/// Those who push at one time.
const PUSHERS: usize = 1000;
/// Bytes of what each pushes, before the manifest.
const BLOB: usize = 600;
/// What all of them may have together: about half of what they push.
const ALLOWED: u64 = 550_000;

/// What came of a push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    Taken,
    Full,
}

/// A namespace's bytes as those who push know them.
struct Known {
    /// Bytes whose push was answered with 201.
    acknowledged: AtomicU64,
    /// Pushes that were taken although the answers to others said before that there is no room for it.
    late: AtomicUsize,
}

impl Known {
    /// Pushes until there is an answer that says something: a registry that is asked for too much at once says so with 503.
    fn push(&self, registry: &Registry, request: &Request, bytes: usize) -> Result<Pushed> {
        let bytes = bytes as u64;
        loop {
            let before = self.acknowledged.load(Ordering::SeqCst);
            let answer = registry.ask(request)?;
            match answer.status {
                201 => {
                    self.acknowledged.fetch_add(bytes, Ordering::SeqCst);
                    self.late.fetch_add(usize::from(before + bytes > ALLOWED), Ordering::SeqCst);
                    return Ok(Pushed::Taken);
                }
                403 => {
                    let text = answer.text();
                    ensure!(text.contains("DENIED") && text.contains("that it may have"), "{text}");
                    return Ok(Pushed::Full);
                }
                503 => thread::sleep(Duration::from_millis(50)),
                _ => bail!("{answer:?}"),
            }
        }
    }
}

fn run(registry: &Registry, command: &str) -> Result<String> {
    let output = registry.command(command).output()?;
    ensure!(output.status.success(), "{command}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn used(registry: &Registry) -> Result<u64> {
    let shown: Value = serde_json::from_str(&run(registry, "quota show library --json")?)?;
    shown["used_bytes"].as_u64().context("no used_bytes")
}

#[test]
fn a_thousand_at_one_time_lose_nothing_and_stay_within_it() -> Result<()> {
    let registry = Registry::start()?;
    run(&registry, &format!("quota set library --max-bytes {ALLOWED}B"))?;
    let known = Known { acknowledged: AtomicU64::new(0), late: AtomicUsize::new(0) };
    let barrier = Barrier::new(PUSHERS);
    let one = |n: usize| -> Result<Vec<String>> {
        barrier.wait();
        let (name, blob) = (format!("app{}", n % 10), noise(n as u64, BLOB));
        let mut taken = Vec::new();
        let path = format!("/v2/{name}/blobs/{}", sha256(&blob));
        let push = post(format!("/v2/{name}/blobs/uploads/?digest={}", sha256(&blob))).body(blob.clone());
        if known.push(&registry, &push, blob.len())? == Pushed::Full {
            return Ok(taken);
        }
        taken.push(path);
        let manifest = image(&blob, &[]).to_string();
        let path = format!("/v2/{name}/manifests/v{n}");
        let push = put(&path).header("Content-Type", IMAGE).body(manifest.clone());
        if known.push(&registry, &push, manifest.len())? == Pushed::Taken {
            taken.push(path);
        }
        Ok(taken)
    };
    let taken = thread::scope(|scope| -> Result<Vec<String>> {
        let threads: Vec<_> = (0..PUSHERS)
            .map(|n| {
                let one = &one;
                scope.spawn(move || one(n))
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok(all)
    })?;
    let acknowledged = known.acknowledged.load(Ordering::SeqCst);
    eprintln!("{} pushes were taken, with {acknowledged} bytes of {ALLOWED}", taken.len());
    let late = known.late.load(Ordering::SeqCst);
    ensure!(late == 0, "{late} pushes began when there was no room any more, and were taken");
    ensure!(acknowledged + BLOB as u64 > ALLOWED, "{acknowledged} bytes: there was room for another");
    for path in &taken {
        registry.ask(&head(path))?.expect(200).with_context(|| path.clone())?;
    }
    ensure!(used(&registry)? == acknowledged, "{} bytes are counted", used(&registry)?);
    let found = run(&registry, "doctor")?;
    ensure!(found.contains("ok      what namespaces use is what their repositories have"), "{found}");
    Ok(())
}

#[test]
fn a_full_namespace() -> Result<()> {
    let registry = Registry::start()?;
    let config = registry.push_blob("app", "0123456789")?;
    registry.push_blob("acme/app", "somewhere else")?;
    let elsewhere = sha256("somewhere else");
    registry.push_manifest("app", "v1", &image(b"0123456789", &[]))?;
    let begun = registry.begin_upload("app")?;
    let size = 10 + image(b"0123456789", &[]).to_string().len();
    run(&registry, &format!("quota set library --max-bytes {size}B"))?;
    // A running registry takes notice within a second.
    thread::sleep(Duration::from_millis(1000));
    let full = |what, request| row(what, request, 403).error("DENIED").says("library has");
    let manifest = image(b"0123456789", &[]).to_string();
    let uploads = "/v2/app/blobs/uploads/";
    check(
        &registry,
        vec![
            full("no upload begins", post(uploads)),
            full("nor one whose bytes come along", post(format!("{uploads}?digest={}", sha256("x"))).body("x")),
            full("nothing is mounted", post(format!("{uploads}?mount={elsewhere}&from=acme/app"))),
            full("what was begun does not grow", entrepot_test_harness::patch(&begun).body("x")),
            full("nor does it end", put(format!("{begun}?digest={}", sha256("x"))).body("x")),
            row("what is there can come again", post(format!("{uploads}?digest={config}")).body("0123456789"), 201),
            row(
                "and get another tag",
                put("/v2/app/manifests/v2").header("Content-Type", IMAGE).body(manifest.clone()),
                201,
            ),
            row("pulls go on", get("/v2/app/manifests/v2"), 200),
            row("other namespaces do not care", post("/v2/acme/app/blobs/uploads/"), 202),
        ],
    )?;
    run(&registry, "quota set library --max-bytes off")?;
    thread::sleep(Duration::from_millis(1000));
    registry.push_blob("app", "x")?;
    ensure!(used(&registry)? == size as u64 + 1);
    Ok(())
}

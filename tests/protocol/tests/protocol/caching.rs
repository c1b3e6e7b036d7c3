//! What was changed is served at once, and what was deleted never again, however often it was read before.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{image, sha256};
use entrepot_test_harness::{Registry, check, delete, get, put, row};
use serde_json::Value;

#[test]
fn a_moved_tag_is_served_at_once() -> Result<()> {
    let registry = Registry::start()?;
    let images: Vec<_> = (0..20).map(|n| image(format!("{n}").as_bytes(), &[])).collect();
    let texts: Vec<_> = images.iter().map(Value::to_string).collect();
    for n in 0..20 {
        registry.push_blob("acme/app", n.to_string())?;
    }
    let pushed = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    registry.push_manifest("acme/app", "v1", &images[0])?;
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while !done.load(Ordering::SeqCst) {
                        // What was acknowledged before the question must be in the answer.
                        let oldest = pushed.load(Ordering::SeqCst);
                        let answer = registry.ask(&get("/v2/acme/app/manifests/v1"))?.expect(200)?;
                        let text = answer.text();
                        let found = texts.iter().position(|image| *image == text);
                        ensure!(found.is_some_and(|found| found as u64 >= oldest), "{found:?} is older than {oldest}");
                    }
                    Ok(())
                })
            })
            .collect();
        let moved = (0..20).try_for_each(|n| {
            registry.push_manifest("acme/app", "v1", &images[n])?;
            pushed.store(n as u64, Ordering::SeqCst);
            let answer = registry.ask(&get("/v2/acme/app/manifests/v1"))?.expect(200)?;
            ensure!(answer.text() == texts[n], "the tag did not move to {n}");
            Ok(())
        });
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        moved
    })
}

#[test]
fn what_was_deleted_is_never_served_again() -> Result<()> {
    let registry = Registry::start()?;
    for round in 0..10 {
        let config = format!("round {round}");
        let blob = registry.push_blob("acme/app", &config)?;
        let image = image(config.as_bytes(), &[]);
        let digest = registry.push_manifest("acme/app", "v1", &image)?;
        let by_tag = "/v2/acme/app/manifests/v1".to_owned();
        let (by_digest, of_blob) = (format!("/v2/acme/app/manifests/{digest}"), format!("/v2/acme/app/blobs/{blob}"));
        for path in [&by_tag, &by_digest, &of_blob, &by_tag, &by_digest, &of_blob] {
            registry.ask(&get(path))?.expect(200)?;
        }
        for (path, others) in [(&by_tag, vec![&by_digest, &of_blob]), (&by_digest, vec![&of_blob]), (&of_blob, vec![])]
        {
            let gone = AtomicBool::new(false);
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                let reader = scope.spawn(|| -> Result<()> {
                    while !done.load(Ordering::SeqCst) {
                        let deleted = gone.load(Ordering::SeqCst);
                        let status = registry.ask(&get(path))?.status;
                        ensure!(status == 404 || (status == 200 && !deleted), "{path}: {status} after its deletion");
                    }
                    Ok(())
                });
                let deleted = registry.ask(&delete(path)).and_then(|answer| answer.expect(202));
                gone.store(true, Ordering::SeqCst);
                let after = (0..5).try_for_each(|_| registry.ask(&get(path))?.expect(404).map(drop));
                done.store(true, Ordering::SeqCst);
                reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
                deleted.and(after)
            })?;
            for other in others {
                registry.ask(&get(other))?.expect(200)?;
            }
        }
    }
    Ok(())
}

#[test]
fn what_comes_back_is_served_again() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let content = image(b"{}", &[]).to_string();
    let by_digest = format!("/v2/acme/app/manifests/{}", sha256(&content));
    let push = || {
        put("/v2/acme/app/manifests/v1")
            .header("Content-Type", entrepot_test_harness::content::IMAGE)
            .body(content.clone())
    };
    let rows = [
        row("not there, and asked for", get("/v2/acme/app/manifests/v1"), 404),
        row("nor its digest", get(&by_digest), 404),
        row("pushed", push(), 201),
        row("there", get("/v2/acme/app/manifests/v1"), 200),
        row("by digest", get(&by_digest), 200),
        row("deleted", delete(&by_digest), 202),
        row("gone", get("/v2/acme/app/manifests/v1"), 404),
        row("pushed again", push(), 201),
        row("there again", get("/v2/acme/app/manifests/v1"), 200).body(content.clone()),
    ];
    check(&registry, rows)
}

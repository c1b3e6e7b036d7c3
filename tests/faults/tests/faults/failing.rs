//! A disk that fails at one step of a push: the request that needed it fails clearly, nothing half done is shown, and the
//! same push then succeeds.

use anyhow::{Context as _, Result, bail, ensure};
use entrepot_test_harness::content::{image, noise, sha256};
use entrepot_test_harness::{Answer, Registry, get, head, patch, post, put};

use crate::{Landmark, expect_error, program};

/// EIO
const BROKEN: i32 = 5;
/// ENOSPC
const FULL: i32 = 28;

/// Every step of the store that a push goes through, the error number with which it fails, and which of its times.
const FAILURES: [(&str, i32, u32); 13] = [
    ("store::before_write", BROKEN, 0),
    ("store::before_write", FULL, 1),
    ("store::after_write", BROKEN, 0),
    ("store::after_write", FULL, 1),
    ("store::before_sync", BROKEN, 0),
    ("store::before_sync", FULL, 0),
    ("store::after_sync", BROKEN, 0),
    ("store::before_rename", BROKEN, 0),
    ("store::before_rename", FULL, 0),
    ("store::after_rename", BROKEN, 0),
    ("store::before_dir_sync", BROKEN, 0),
    ("store::before_dir_sync", BROKEN, 1),
    ("store::after_dir_sync", BROKEN, 1),
];

/// A registry whose `step` fails once, the `nth` time (from 0) after it has started.
fn failing(step: &str, errno: i32, nth: u32) -> Result<Registry> {
    let fails_after = |times: u32| match times {
        0 => program::registry(&format!("{step}=1*return({errno})"), &[]),
        _ => program::registry(&format!("{step}={times}*off->1*return({errno})"), &[]),
    };
    // A new store syncs directories before it serves: so often is the step passed at the start.
    for times in 0..20 {
        match fails_after(times) {
            Ok(registry) if nth == 0 => return Ok(registry),
            Ok(_) => return fails_after(times + nth),
            Err(error) if format!("{error:#}").contains("cannot use the data directory") => {}
            Err(error) => return Err(error),
        }
    }
    bail!("{step} is passed more than 20 times before the registry serves")
}

/// Pushes in three requests until one fails; returns that answer, or none.
fn push(registry: &Registry, content: &[u8]) -> Result<Option<Answer>> {
    let location = registry.begin_upload("acme/app")?;
    let sent = registry.ask(&patch(&location).body(content))?;
    if sent.status != 202 {
        return Ok(Some(sent));
    }
    let ended = registry.ask(&put(format!("{location}?digest={}", sha256(content))))?;
    Ok((ended.status != 201).then_some(ended))
}

#[test]
fn at_every_step() -> Result<()> {
    let content = noise(31, 400_000);
    let path = format!("/v2/acme/app/blobs/{}", sha256(&content));
    for (step, errno, nth) in FAILURES {
        let what = || format!("{step}, error {errno}, time {nth}");
        let (status, code) = if errno == FULL { (507, "UNAVAILABLE") } else { (500, "UNKNOWN") };
        let registry = failing(step, errno, nth)?;
        let failed = push(&registry, &content)?.with_context(|| format!("{}: the push did not fail", what()))?;
        expect_error(failed, status, code).with_context(what)?;
        ensure!(registry.ask(&head(&path))?.status == 404, "{}: a blob that was refused is shown", what());
        ensure!(push(&registry, &content)?.is_none(), "{}: the same push fails again", what());
        ensure!(registry.ask(&get(&path))?.expect(200)?.body == content, "{}: other bytes", what());
    }
    Ok(())
}

#[test]
fn at_the_end_which_can_be_repeated() -> Result<()> {
    let content = noise(32, 400_000);
    let digest = sha256(&content);
    for step in ["store::before_rename", "store::after_rename"] {
        let registry = program::registry(&format!("{step}=2*return({BROKEN})"), &[])?;
        let location = registry.begin_upload("acme/app")?;
        registry.ask(&patch(&location).body(content.clone()))?.expect(202)?;
        let end = put(format!("{location}?digest={digest}"));
        let mut answer = registry.ask(&end)?;
        expect_error(answer.clone(), 500, "UNKNOWN").with_context(|| step.to_owned())?;
        for _ in 0..2 {
            if answer.status != 201 {
                ensure!(registry.ask(&head(format!("/v2/acme/app/blobs/{digest}")))?.status == 404, "{step}: shown");
                answer = registry.ask(&end)?;
            }
        }
        answer.expect(201).with_context(|| step.to_owned())?;
        let pulled = registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?;
        ensure!(pulled.body == content, "{step}: other bytes");
    }
    Ok(())
}

#[test]
fn in_the_middle_others_go_on() -> Result<()> {
    let mut registry = program::registry("store::before_sync=2*off->40*return(5)->off", &[])?;
    let landmark = Landmark::push(&registry, noise(33, 200_000))?;
    let content = noise(34, 400_000);
    let digest = sha256(&content);
    let whole = post(format!("/v2/acme/app/blobs/uploads/?digest={digest}")).body(content.clone());
    let mut failures = 0;
    loop {
        let answer = registry.ask(&whole)?;
        if answer.status == 201 {
            break;
        }
        expect_error(answer, 500, "UNKNOWN")?;
        failures += 1;
        ensure!(failures <= 40, "it does not recover");
        landmark.expect(&registry)?;
    }
    ensure!(failures == 40, "{failures} failures");
    ensure!(std::fs::read_dir(registry.data().join("uploads"))?.count() == 0, "refused bytes still take room");
    registry.push_blob("acme/app", "{}")?;
    registry.push_manifest("acme/app", "v1", &image(b"{}", &[&content]))?;
    registry.kill()?;
    registry.restart()?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content, "other bytes");
    Ok(())
}

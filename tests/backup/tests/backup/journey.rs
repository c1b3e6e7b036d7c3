//! A backup under load, restored elsewhere, and an incremental one on top.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::Registry;
use serde_json::Value;

use crate::command::{binary, shown, succeed, text};
use crate::ground::Ground;
use crate::load::{Client, Load, Told};
use crate::restored::{expect, pull_all, restore};

#[test]
fn a_backup_under_load_is_restored_and_another_on_top_of_it() -> Result<()> {
    journey(&Ground::Directory)
}

#[test]
fn the_same_over_postgresql_and_s3() -> Result<()> {
    match Ground::servers()? {
        Some(ground) => journey(&ground),
        None => Ok(()),
    }
}

fn journey(ground: &Ground) -> Result<()> {
    let mut settings = ground.settings()?;
    // What is deleted goes at once, if nobody holds it.
    settings.push(("ENTREPOT_UPLOADS_PURGE_INTERVAL".to_owned(), "1s".to_owned()));
    settings.push(("ENTREPOT_GC_TRASH_FOR".to_owned(), "0s".to_owned()));
    // Each blob of the backup takes a while, so that much is deleted between the rows and the bytes.
    settings.push(("FAILPOINTS".to_owned(), "backup::after_blob=sleep(30)".to_owned()));
    let given: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let registry = Registry::of(&binary()?, &given, tempfile::tempdir()?)?;
    let base = tempfile::tempdir()?;
    let base = base.path().join("base");
    run(&registry, "user create ann --admin --password-stdin")?;

    let load = Load::start(Client(registry.address()?), 1_000, 3);
    wait(|| load.told().there.len() >= 60 && !load.told().gone.is_empty())?;
    let before = load.told();
    let first = backup(&registry, &base)?;
    let (during, told) = (load.told(), load.end()?);
    println!(
        "meanwhile {} images were pushed and {} deleted",
        during.there.len() + during.gone.len() - before.there.len() - before.gone.len(),
        during.gone.len() - before.gone.len()
    );
    ensure!(during.gone.len() > before.gone.len(), "nothing was deleted meanwhile");

    // More, and nothing goes on meanwhile: now everything that is there is known.
    let client = Client(registry.address()?);
    let mut after = told.clone();
    for number in 100_000..100_010 {
        after.there.insert(number, client.push(number)?);
    }
    let second = backup(&registry, &base)?;
    ensure!(second.copied < second.blobs, "the second backup copied all {} blobs", second.blobs);
    let third = backup(&registry, &base)?;
    ensure!(third.copied == 0, "{} of {} blobs were copied again", third.copied, third.blobs);
    println!("{}", succeed(&[], &["backup", "check", shown(&base)?, "--read"])?.trim_end());
    println!("{}", succeed(&[], &["backup", "list", shown(&base)?])?.trim_end());
    private(&base)?;

    // Both are restored after the registry itself is gone.
    drop(registry);
    look_at_the_first(&restore(ground, &base, Some(&first.name))?, &before, &during)?;
    look_at_the_last(&restore(ground, &base, None)?, &after)?;
    Ok(())
}

/// What one run said.
struct Summary {
    name: String,
    blobs: u64,
    copied: u64,
}

fn backup(registry: &Registry, base: &Path) -> Result<Summary> {
    let start = Instant::now();
    let mut command = registry.command("backup");
    let output = command.arg("--to").arg(base).output()?;
    ensure!(output.status.success(), "{}\n{}", output.status, text(&output));
    println!("{} ({:.1?})", text(&output).trim_end(), start.elapsed());
    let last = fs::read_dir(base.join("snapshots"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<String>>>()?
        .into_iter()
        .max()
        .context("no snapshot")?;
    let record: Value = serde_json::from_slice(&fs::read(base.join("snapshots").join(&last).join("snapshot.json"))?)?;
    ensure!(record["lost"].as_array().is_some_and(Vec::is_empty), "{record}");
    let number = |name: &str| record[name].as_u64().with_context(|| format!("{name} in {record}"));
    Ok(Summary { name: last, blobs: number("blobs")?, copied: number("copied_blobs")? })
}

/// What was told before it began is there, and everything that is there can be pulled, whatever has happened meanwhile.
fn look_at_the_first(registry: &Registry, before: &Told, during: &Told) -> Result<()> {
    let manifests = pull_all(registry)?;
    for (number, pushed) in &before.there {
        if during.there.contains_key(number) {
            expect(registry, pushed).with_context(|| format!("image {number}"))?;
        }
    }
    // The delete of those at the end of the list may have been under way.
    for (number, pushed) in before.gone.iter().take(before.gone.len().saturating_sub(3)) {
        let there = pushed.manifests.keys().any(|digest| manifests.contains(digest));
        ensure!(!there, "image {number} was deleted before the backup, and is there");
    }
    let people = run(registry, "user list")?;
    ensure!(people.contains("ann"), "{people}");
    println!("{} manifests were pulled", manifests.len());
    Ok(())
}

/// Exactly what was there is there.
fn look_at_the_last(registry: &Registry, told: &Told) -> Result<()> {
    let manifests = pull_all(registry)?;
    for (number, pushed) in &told.there {
        expect(registry, pushed).with_context(|| format!("image {number}"))?;
    }
    let expected = told.there.values().flat_map(|pushed| pushed.manifests.keys());
    ensure!(manifests.iter().eq(expected.collect::<std::collections::BTreeSet<_>>()), "there are other manifests");
    // It is a registry like any other.
    expect(registry, &Client(registry.address()?).push(7)?)?;
    let doctor = registry.command("doctor --thorough").output()?;
    ensure!(doctor.status.success(), "{}", text(&doctor));
    println!("{} manifests were pulled", manifests.len());
    Ok(())
}

/// Nobody else can read anything of it.
fn private(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        ensure!(metadata.mode() & 0o077 == 0, "{} has the mode {:o}", entry.path().display(), metadata.mode());
        if metadata.is_dir() {
            private(&entry.path())?;
        }
    }
    Ok(())
}

fn run(registry: &Registry, arguments: &str) -> Result<String> {
    let mut command = registry.command(arguments);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    // Most commands take nothing, and may have ended.
    let _not_taken = std::io::Write::write_all(&mut child.stdin.take().context("a pipe")?, b"landed-and-stored");
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{arguments}: {}", text(&output));
    Ok(text(&output))
}

fn wait(until: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !until() {
        ensure!(start.elapsed() < Duration::from_secs(120), "it does not come to that");
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

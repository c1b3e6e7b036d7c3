//! Blobs that are not where the rows say.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::sha256;
use entrepot_test_support::servers::VersityGw;

use super::ask;
use crate::registry::Registry;
use crate::shell::Shell;

const BYTES: &str = "the bytes of blobs are in the store";

fn path(registry: &Registry, content: &[u8]) -> Result<PathBuf> {
    let digest = sha256(content);
    let hex = digest.strip_prefix("sha256:").context("a digest")?;
    Ok(registry.path().join("data/blobs/sha256").join(&hex[..2]).join(hex))
}

#[test]
fn files_that_are_gone_or_cut() -> Result<()> {
    let mut registry = Registry::new()?;
    registry.start(None)?;
    let client = registry.client()?;
    for number in 0..150 {
        client.push(&format!("acme/{number}"), "v1", format!("layer {number}").as_bytes())?;
    }
    let said = ask(&registry, &[], &[])?;
    ensure!(said.expect_well()?.text.contains("from the oldest to the newest; --thorough looks for all"), "{said:?}");
    let said = ask(&registry, &[], &["--thorough"])?;
    ensure!(said.expect_well()?.text.contains("(151 were looked for, all of them)"), "{said:?}");

    // The newest is among those of which only some are looked for.
    fs::remove_file(path(&registry, b"layer 149")?)?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&[BYTES])?;
    said.expect(&[
        &sha256(b"layer 149"),
        "restore it from a back-up of the store",
        "look for all of them: entrepot doctor --thorough",
    ])?;
    fs::write(path(&registry, b"layer 149")?, "layer 149")?;
    for number in 0..140 {
        fs::write(path(&registry, format!("layer {number}").as_bytes())?, "cut")?;
    }
    let said = ask(&registry, &[], &["--thorough"])?;
    said.expect_wrong(&[BYTES])?.expect(&["has 3 bytes in the store and should have", "130 more of the 151 blobs"])?;
    fs::rename(registry.path().join("data/blobs"), registry.path().join("away"))?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&["the store can be read"])?;
    said.expect(&["the bytes of blobs are in the store: not looked at, because the store cannot be read"])?;
    Ok(())
}

#[test]
fn objects_that_are_gone_and_a_store_that_is_another() -> Result<()> {
    let Some(server) = VersityGw::start()?.filter(|_| Shell::is_here()) else { return Ok(()) };
    let settings = server.bucket().settings("doctor");
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut registry = Registry::new()?;
    registry.start_with(&settings)?;
    registry.client()?.push("acme/one", "v1", b"layer")?;
    ask(&registry, &settings, &["--thorough"])?.expect_well()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    let said = ask(&registry, &[], &[])?;
    said.expect(&["the database knows blobs whose bytes are elsewhere", "set store.backend as it was"])?;
    shell.rows("UPDATE objects SET key = key || '0' WHERE size = 5")?;
    ask(&registry, &settings, &[])?.expect_wrong(&[BYTES])?.expect(&["it cannot be read: stored data is damaged"])?;
    shell.rows("UPDATE objects SET key = substr(key, 1, 61) || '000000000000' WHERE size = 5")?;
    let said = ask(&registry, &settings, &[])?;
    said.expect_wrong(&[BYTES])?.expect(&[&sha256(b"layer"), "cannot find"])?;
    drop(server);
    let said = ask(&registry, &settings, &[])?;
    said.expect_wrong(&["the store can be read"])?.expect(&["`entrepot store check` then tries everything"])?;
    Ok(())
}

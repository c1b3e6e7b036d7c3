//! What is refused, and that nothing is changed then.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::Registry;

use crate::command::{binary, fail, shown, succeed};
use crate::ground::Ground;
use crate::load::Client;
use crate::restored::{expect, restore};

#[test]
fn nothing_is_written_where_something_else_is() -> Result<()> {
    let registry = Registry::of(&binary()?, &[], tempfile::tempdir()?)?;
    let pushed = Client(registry.address()?).push(1)?;
    let (data, base) = (registry.data(), tempfile::tempdir()?);
    let (data, base) = (shown(&data)?, shown(base.path())?);

    let said = fail(&[], &["backup", "--to", data, "--data-dir", data])?;
    ensure!(said.contains("holds the data of a registry"), "{said}");
    let elsewhere = tempfile::tempdir()?;
    let said = fail(&[], &["backup", "--to", base, "--data-dir", shown(elsewhere.path())?])?;
    ensure!(said.contains("there is no registry in"), "{said}");
    let said = fail(&[], &["backup", "list", shown(elsewhere.path())?])?;
    ensure!(said.contains("is no directory of backups"), "{said}");

    succeed(&[], &["backup", "--to", base, "--data-dir", data])?;
    let said = fail(&[], &["restore", "--from", base, "--data-dir", data])?;
    ensure!(said.contains("is not empty"), "{said}");
    let said =
        fail(&[], &["restore", "--from", base, "--snapshot", "yesterday", "--data-dir", shown(elsewhere.path())?])?;
    ensure!(said.contains("has not a complete snapshot yesterday"), "{said}");
    expect(&registry, &pushed)
}

#[test]
fn two_at_once_do_not_hurt_each_other() -> Result<()> {
    let registry = Registry::of(&binary()?, &[], tempfile::tempdir()?)?;
    let client = Client(registry.address()?);
    let pushed = (0..20).map(|number| client.push(number)).collect::<Result<Vec<_>>>()?;
    let base = tempfile::tempdir()?;
    let runs: Vec<_> = (0..4)
        .map(|_| registry.command("backup").arg("--to").arg(base.path()).stderr(std::process::Stdio::piped()).spawn())
        .collect::<Result<_, _>>()?;
    let mut taken = 0;
    for run in runs {
        let output = run.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() || said.contains("another process uses it"), "{said}");
        taken += usize::from(output.status.success());
    }
    ensure!(taken > 0, "nobody could");
    let snapshots = fs::read_dir(base.path().join("snapshots"))?.count();
    ensure!(snapshots == taken, "{taken} were taken, {snapshots} are there");
    succeed(&[], &["backup", "check", shown(base.path())?, "--read"])?;
    let restored = restore(&Ground::Directory, base.path(), None)?;
    pushed.iter().try_for_each(|pushed| expect(&restored, pushed))
}

#[test]
fn what_is_not_kept_goes_with_what_only_it_needed() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_UPLOADS_PURGE_INTERVAL", "1s"), ("ENTREPOT_GC_TRASH_FOR", "0s")])?;
    let client = Client(registry.address()?);
    let base = tempfile::tempdir()?;
    let (data, to) = (registry.data(), shown(base.path())?);
    let backup = |keep: &str| succeed(&[], &["backup", "--to", to, "--keep", keep, "--data-dir", shown(&data)?]);
    let gone = client.push(1)?;
    backup("2")?;
    client.delete(&gone, |_| true)?;
    let there = client.push(2)?;
    let said = backup("2")?;
    ensure!(said.contains("2 snapshots are kept; 0 were removed, and 0 blobs"), "{said}");
    let first = snapshots(base.path())?.first().context("a snapshot")?.clone();
    expect(&restore(&Ground::Directory, base.path(), Some(&first))?, &gone)?;

    let said = backup("1")?;
    // Its layers and its config; what is empty both have.
    ensure!(said.contains("1 snapshots are kept; 2 were removed, and 3 blobs"), "{said}");
    ensure!(snapshots(base.path())?.len() == 1);
    succeed(&[], &["backup", "check", to, "--read"])?;
    let restored = restore(&Ground::Directory, base.path(), None)?;
    expect(&restored, &there)?;
    ensure!(expect(&restored, &gone).is_err(), "what was deleted is there");
    Ok(())
}

fn snapshots(base: &std::path::Path) -> Result<Vec<String>> {
    let names =
        fs::read_dir(base.join("snapshots"))?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

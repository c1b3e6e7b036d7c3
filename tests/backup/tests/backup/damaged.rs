//! Damage, in the registry and in the backup: it is named, and the rest goes on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, get};

use crate::command::{fail, shown, succeed};
use crate::ground::Ground;
use crate::load::{Client, Pushed};
use crate::restored::{expect, restore, start};

/// The layer of image `number` that no other has.
fn own_layer(number: u64) -> String {
    sha256(noise(number, 3_000 + (number % 7) as usize * 20_000))
}

fn file(root: &Path, digest: &str) -> Result<PathBuf> {
    let hex = digest.strip_prefix("sha256:").context("another digest")?;
    Ok(root.join("blobs/sha256").join(&hex[..2]).join(hex))
}

fn flip(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    Ok(fs::write(path, bytes)?)
}

fn filled() -> Result<(Registry, Vec<Pushed>)> {
    let registry = Registry::start()?;
    let client = Client(registry.address()?);
    let pushed = (0..8).map(|number| client.push(number)).collect::<Result<Vec<_>>>()?;
    Ok((registry, pushed))
}

#[test]
fn a_drill_tells_a_sound_backup_from_another() -> Result<()> {
    let (registry, _) = filled()?;
    let (data, base, place) = (registry.data(), tempfile::tempdir()?, tempfile::tempdir()?);
    succeed(&[], &["backup", "--to", shown(base.path())?, "--data-dir", shown(&data)?])?;
    let to = place.path().join("drill");
    // Whatever is configured, nothing but the directory is used: there is no such server.
    let settings = [("ENTREPOT_DATABASE_URL".to_owned(), "postgres://acme@127.0.0.1:1/acme".to_owned())];
    let drill = ["restore", "--from", shown(base.path())?, "--drill", shown(&to)?];
    let said = succeed(&settings, &drill)?;
    ensure!(said.contains("nothing is wrong") && said.contains("the drill went well"), "{said}");
    ensure!(!to.exists(), "what was restored is left");
    let said = fail(&[], &["restore", "--from", shown(base.path())?, "--drill", shown(&data)?])?;
    ensure!(said.contains("is not empty") && data.join("entrepot.db").exists(), "{said}");
    flip(&file(base.path(), &own_layer(2))?)?;
    let said = fail(&settings, &drill)?;
    ensure!(said.contains(&own_layer(2)) && !said.contains("the drill went well"), "{said}");
    Ok(())
}

#[test]
fn a_blob_that_the_registry_lost_is_named_and_the_rest_is_copied() -> Result<()> {
    let (registry, pushed) = filled()?;
    let (data, base) = (registry.data(), tempfile::tempdir()?);
    let (flipped, cut, gone) = (own_layer(1), own_layer(2), own_layer(3));
    flip(&file(&data, &flipped)?)?;
    fs::File::options().write(true).open(file(&data, &cut)?)?.set_len(100)?;
    fs::remove_file(file(&data, &gone)?)?;
    let backup = ["backup", "--to", shown(base.path())?, "--keep", "1", "--data-dir", shown(&data)?];
    let said = fail(&[], &backup)?;
    for (digest, why) in [(&flipped, "its bytes have the digest"), (&cut, "it has 100 bytes"), (&gone, "No such file")]
    {
        let line =
            said.lines().find(|line| line.contains(digest.as_str())).with_context(|| format!("{digest}:\n{said}"))?;
        ensure!(line.contains(why), "{line}");
    }
    ensure!(said.contains("3 blobs could not be copied, all else is in the snapshot; nothing was removed"), "{said}");
    let checked = fail(&[], &["backup", "check", shown(base.path())?])?;
    ensure!(checked.contains("which was so in the registry") && checked.contains("3 things are wrong"), "{checked}");

    // Nothing is visible before somebody says that it may be incomplete.
    let target = tempfile::tempdir()?;
    let to = target.path().join("data");
    let arguments = ["restore", "--from", shown(base.path())?, "--data-dir", shown(&to)?];
    let said = fail(&[], &arguments)?;
    ensure!(said.contains("3 blobs are not in the backup") && said.contains(&gone), "{said}");
    ensure!(!to.join("entrepot.db").exists());
    succeed(&[], &[&arguments[..], &["--incomplete"]].concat())?;
    let restored = start(&[], target)?;
    let client = Client(restored.address()?);
    for (number, pushed) in (0..).zip(&pushed) {
        let layer = own_layer(number);
        let status = client.ask(&get(format!("/v2/{}/blobs/{layer}", pushed.repository)))?.status;
        let expected = if [&flipped, &cut, &gone].contains(&&layer) { 404 } else { 200 };
        ensure!(status == expected, "image {number}: {status}");
    }

    // Once they are pushed again, the next backup has them all.
    for number in 1..4 {
        fs::remove_file(file(&data, &own_layer(number))?).ok();
        Client(registry.address()?).push(number)?;
    }
    succeed(&[], &backup)?;
    succeed(&[], &["backup", "check", shown(base.path())?, "--read"])?;
    Ok(())
}

#[test]
fn damage_in_the_backup_is_found_and_never_restored() -> Result<()> {
    let (registry, pushed) = filled()?;
    let (data, base) = (registry.data(), tempfile::tempdir()?);
    let backup = ["backup", "--to", shown(base.path())?, "--data-dir", shown(&data)?];
    succeed(&[], &backup)?;
    let path = file(base.path(), &own_layer(1))?;
    flip(&path)?;
    // A look at sizes does not see it.
    succeed(&[], &["backup", "check", shown(base.path())?])?;
    let said = fail(&[], &["backup", "check", shown(base.path())?, "--read"])?;
    ensure!(said.contains(&own_layer(1)) && said.contains("needed by acme/app-1@sha256:"), "{said}");

    let target = tempfile::tempdir()?;
    let to = target.path().join("data");
    let arguments = ["restore", "--from", shown(base.path())?, "--data-dir", shown(&to)?];
    let said = fail(&[], &arguments)?;
    ensure!(said.contains("1 blobs are not in the backup, or damaged there"), "{said}");
    // Mended from the registry, the restore goes on.
    fs::remove_file(&path)?;
    let said = succeed(&[], &backup)?;
    ensure!(said.contains("of which 1 blobs"), "{said}");
    let first = first_snapshot(base.path())?;
    succeed(&[], &[&arguments[..], &["--snapshot", &first]].concat())?;
    let restored = start(&[], target)?;
    pushed.iter().try_for_each(|pushed| expect(&restored, pushed))?;

    // Rows that are not those which were written are not restored, and not taken for a backup.
    flip(&base.path().join("snapshots").join(&first).join("entrepot.db"))?;
    let said = fail(&[], &["backup", "check", shown(base.path())?])?;
    ensure!(said.contains("is damaged"), "{said}");
    let elsewhere = tempfile::tempdir()?;
    let to = elsewhere.path().join("data");
    let said = fail(&[], &["restore", "--from", shown(base.path())?, "--snapshot", &first, "--data-dir", shown(&to)?])?;
    ensure!(said.contains("is damaged") && !to.exists(), "{said}");
    pushed.iter().try_for_each(|pushed| expect(&restore(&Ground::Directory, base.path(), None)?, pushed))
}

fn first_snapshot(base: &Path) -> Result<String> {
    let names =
        fs::read_dir(base.join("snapshots"))?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<Result<Vec<String>>>()?.into_iter().min().context("no snapshot")
}

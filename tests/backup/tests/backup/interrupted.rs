//! Backups and restores that are killed again and again.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use entrepot_test_harness::Registry;

use crate::command::{binary, entrepot, fail, kill_after, shown, succeed, text};
use crate::ground::Ground;
use crate::load::Client;
use crate::restored::{expect, pull_all, start};

#[test]
fn what_was_killed_counts_for_nothing_and_the_next_goes_on() -> Result<()> {
    killed(&Ground::Directory)
}

#[test]
fn the_same_over_postgresql_and_s3() -> Result<()> {
    match Ground::servers()? {
        Some(ground) => killed(&ground),
        None => Ok(()),
    }
}

fn killed(ground: &Ground) -> Result<()> {
    let mut settings = ground.settings()?;
    let given: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let registry = Registry::of(&binary()?, &given, tempfile::tempdir()?)?;
    let client = Client(registry.address()?);
    let pushed = (0..30).map(|number| client.push(number)).collect::<Result<Vec<_>>>()?;
    let base = tempfile::tempdir()?;
    let data = registry.data();
    settings.push(("FAILPOINTS".to_owned(), "backup::after_blob=sleep(20)".to_owned()));
    let backup = ["backup", "--to", shown(base.path())?, "--data-dir", shown(&data)?];
    for round in 0..6 {
        if kill_after(&settings, &backup, Duration::from_millis(50 + round * 60))? {
            let list = text(&entrepot(&[], &["backup", "list", shown(base.path())?])?.output()?);
            // It may have been killed before it made the directory.
            let none = list.contains("is no directory of backups") || list.lines().count() == 1;
            ensure!(none, "a snapshot that was not completed counts: {list}");
        }
    }
    println!("{}", succeed(&settings, &backup)?.trim_end());
    let names: Vec<_> = fs::read_dir(base.path().join("snapshots"))?.collect::<Result<_, _>>()?;
    ensure!(names.len() == 1, "what was killed is still there: {names:?}");
    ensure!(fs::read_dir(base.path().join("uploads"))?.count() == 0, "what was killed is still there");
    succeed(&[], &["backup", "check", shown(base.path())?, "--read"])?;

    let (mut settings, directory) = (ground.settings()?, tempfile::tempdir()?);
    let plain = settings.clone();
    settings.push(("FAILPOINTS".to_owned(), "backup::after_blob=sleep(20)".to_owned()));
    let data = directory.path().join("data");
    let restore = ["restore", "--from", shown(base.path())?, "--data-dir", shown(&data)?];
    let mut killed = 0;
    for round in 0..6 {
        let after = Duration::from_millis(50 + round * 80);
        if data.join("entrepot.db").exists() || !kill_after(&settings, &restore, after)? {
            break;
        }
        killed += 1;
        if data.join("restore").exists() {
            // A registry over half of the data would take the rest for nobody's.
            let refused = fail(&plain, &["serve", "--listen", "127.0.0.1:0", "--data-dir", shown(&data)?])?;
            ensure!(refused.contains("is not finished"), "{refused}");
        }
    }
    println!("the restore was killed {killed} times");
    if data.join("restore").exists() || !data.exists() {
        println!("{}", succeed(&settings, &restore)?.trim_end());
    }
    let restored = start(&plain, directory)?;
    for pushed in &pushed {
        expect(&restored, pushed)?;
    }
    ensure!(pull_all(&restored)?.len() == 90, "three manifests for each image");
    Ok(())
}

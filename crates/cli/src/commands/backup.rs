//! `entrepot backup`: copies everything that the registry has, while it runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use entrepot_registry::{Archive, Backup, Base, Check, Far, Kept, Lost, Taken};

use crate::arguments::{BackupArguments, BackupCheck, BackupCommand, BackupList};
use crate::commands;
use crate::commands::progress::Progress;
use crate::config::Config;
use crate::data::{self, ROOMS};

/// Blobs that are named at most.
const NAMED: usize = 20;

/// Takes a backup, or looks at those that were taken.
pub(crate) fn run(arguments: &BackupArguments) -> ExitCode {
    const BROKEN_OFF: &str = "there is no new snapshot, and the next backup need not copy again what is there";
    match (&arguments.command, &arguments.to) {
        (Some(BackupCommand::List(list)), _) => commands::conclude(self::list(list)),
        (Some(BackupCommand::Check(check)), _) => {
            commands::conclude(commands::until_interrupted("the same command looks again", self::check(check)))
        }
        (None, Some(to)) => commands::configured(&arguments.flags, |config| {
            commands::conclude(commands::until_interrupted(BROKEN_OFF, take(&config, to, arguments.keep)))
        }),
        (None, None) => commands::conclude(Err(anyhow::anyhow!("say where to: --to DIRECTORY"))),
    }
}

async fn take(config: &Config, to: &Path, keep: Option<u32>) -> anyhow::Result<()> {
    if config.database.postgres().is_none() {
        let file = data::file(&config.data_dir);
        ensure!(file.is_file(), "there is no registry in {}: no file {}", config.data_dir.display(), file.display());
    }
    let source = data::look(config).await.context("cannot use the store")?;
    let database = data::open_database(config).await?;
    let base = Base::open(to).with_context(|| format!("cannot back up to {}", to.display()))?;
    let mut progress = Progress::start();
    let backup = Backup { database: &database, rooms: ROOMS, source: &source, base: &base };
    let taken = backup.take(|far| progress.show(far.blobs == far.of, || line("looked at", far))).await;
    progress.end();
    let taken = taken?;
    print_taken(&taken, to);
    if !taken.record.lost.is_empty() {
        tell_lost(&taken.record.lost);
        let removed = if keep.is_some() { "; nothing was removed" } else { "" };
        bail!("{} blobs could not be copied, all else is in the snapshot{removed}", taken.record.lost.len());
    }
    if let Some(keep) = keep {
        let kept = base.keep(usize::try_from(keep).unwrap_or(usize::MAX)).await?;
        print_kept(kept);
    }
    Ok(())
}

/// How far it is.
pub(crate) fn line(what: &str, far: Far) -> String {
    format!("{what} {} of {} blobs, {} bytes copied", far.blobs, far.of, far.bytes)
}

/// Names what is lost, as far as that fits.
pub(crate) fn tell_lost(lost: &[Lost]) {
    for Lost { digest, why } in lost.iter().take(NAMED) {
        eprintln!("  {digest}: {why}");
    }
    if lost.len() > NAMED {
        eprintln!("  and {} more", lost.len() - NAMED);
    }
}

fn print_taken(taken: &Taken, to: &Path) {
    let record = &taken.record;
    println!(
        "snapshot {} in {}: {} rows, {} blobs of {} bytes, of which {} blobs of {} bytes were copied now",
        taken.name,
        to.display(),
        record.rows.values().sum::<u64>(),
        record.blobs - record.lost.len() as u64,
        record.bytes,
        record.copied_blobs,
        record.copied_bytes
    );
}

fn print_kept(kept: Kept) {
    println!(
        "{} snapshots are kept; {} were removed, and {} blobs of {} bytes with them",
        kept.snapshots, kept.removed_snapshots, kept.removed_blobs, kept.removed_bytes
    );
}

fn list(arguments: &BackupList) -> anyhow::Result<()> {
    let archive = Archive::open(&arguments.directory)?;
    println!("{:<18}  {:>10}  {:>10}  {:>16}  {:>6}", "SNAPSHOT", "ROWS", "BLOBS", "BYTES", "LOST");
    for Taken { name, record, .. } in archive.snapshots()? {
        let rows = record.rows.values().sum::<u64>();
        println!("{name:<18}  {rows:>10}  {:>10}  {:>16}  {:>6}", record.blobs, record.bytes, record.lost.len());
    }
    Ok(())
}

async fn check(arguments: &BackupCheck) -> anyhow::Result<()> {
    let archive = Archive::open(&arguments.directory)?;
    let snapshots = match &arguments.snapshot {
        Some(name) => vec![archive.snapshot(Some(name))?],
        None => archive.snapshots()?,
    };
    ensure!(!snapshots.is_empty(), "{} has no complete snapshot", arguments.directory.display());
    let mut progress = Progress::start();
    let check = Check { archive: &archive, read: arguments.read };
    let found = check.run(&snapshots, |far| progress.show(far.blobs == far.of, || line_of_check(far))).await;
    progress.end();
    let found = found?;
    println!(
        "looked at {} snapshots, {} manifests and {} blobs, of which {} bytes were read",
        snapshots.len(),
        found.manifests,
        found.blobs,
        found.read_bytes
    );
    for wrong in found.wrong.iter().take(NAMED) {
        eprintln!("  {wrong}");
    }
    ensure!(
        found.wrong.is_empty(),
        "{} things are wrong. Remove the files of damaged blobs, and take a new backup: it copies them again if the registry has them",
        found.wrong.len()
    );
    Ok(())
}

fn line_of_check(far: Far) -> String {
    format!("looked at {} of {} blobs, {} bytes read", far.blobs, far.of, far.bytes)
}

//! `entrepot restore`: brings a registry back from a backup.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use entrepot_registry::{Archive, Recovered, Restore};

use crate::arguments::RestoreArguments;
use crate::commands::backup::{line, tell_lost};
use crate::commands::progress::Progress;
use crate::commands::{self, doctor};
use crate::config::Config;
use crate::data::restoring::Restoring;

/// Restores into data that is empty.
pub(crate) fn run(arguments: &RestoreArguments) -> ExitCode {
    commands::configured(&arguments.flags, |config| {
        let done = match arguments.drill.clone() {
            Some(directory) => {
                let config = config.within(directory);
                commands::until_interrupted("the same command goes on with it", drill(arguments, &config))
            }
            None => commands::until_interrupted("the same command goes on with it", restore(arguments, &config)),
        };
        commands::conclude(done)
    })
}

/// Restores for the sake of trying it.
async fn drill(arguments: &RestoreArguments, config: &Config) -> anyhow::Result<()> {
    let begin = Instant::now();
    let directory: &Path = &config.data_dir;
    restore(arguments, config).await?;
    let took = begin.elapsed();
    let wrong = doctor::tell(&doctor::examine(config, true).await);
    ensure!(
        wrong == 0,
        "the backup does not make a sound registry; what was restored is kept in {}",
        directory.display()
    );
    fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    println!(
        "the drill went well: restoring took {:.1} seconds, and what was restored is removed again",
        took.as_secs_f64()
    );
    Ok(())
}

async fn restore(arguments: &RestoreArguments, config: &Config) -> anyhow::Result<()> {
    let archive = Archive::open(&arguments.from)?;
    let taken = archive.snapshot(arguments.snapshot.as_deref())?;
    taken.verify().await?;
    let restoring = Restoring::begin(config, &taken).await?;
    if !restoring.is_being_carried().await? {
        restore_bytes(arguments, &archive, &restoring).await?;
    }
    let place = restoring.finish(config).await?;
    let rows = taken.record.rows.values().sum::<u64>();
    println!("restored snapshot {} to {place}: {rows} rows", taken.name);
    Ok(())
}

async fn restore_bytes(arguments: &RestoreArguments, archive: &Archive, restoring: &Restoring) -> anyhow::Result<()> {
    let mut progress = Progress::start();
    let restore = Restore { archive, database: restoring.database(), store: restoring.store() };
    let restored = restore.run(|far| progress.show(far.blobs == far.of, || line("looked at", far))).await;
    progress.end();
    let Recovered { blobs, bytes, lost } = restored?;
    println!("{blobs} blobs of {bytes} bytes are there, each compared with its digest");
    if lost.is_empty() {
        return Ok(());
    }
    tell_lost(&lost);
    ensure!(
        arguments.incomplete,
        "{} blobs are not in the backup, or damaged there. Nothing is visible yet: mend the backup and run the same command again, \
         or let it end without them with --incomplete",
        lost.len()
    );
    Ok(restore.do_without(&lost).await?)
}

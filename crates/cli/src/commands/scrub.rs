//! `entrepot scrub`: reads every blob again, in the process that looks after them.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use entrepot_database::Database;
use entrepot_registry::{Quarantined, ScrubOptions, ScrubState, Scrubbed};

use crate::arguments::ScrubArguments;
use crate::commands;
use crate::commands::progress::Progress;
use crate::config::Config;
use crate::data::{self, Data};

/// Blobs that are named at most.
const NAMED: i64 = 20;
/// How often it is asked how far the registry is.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Scrubs, or says how it stands.
pub(crate) fn run(arguments: &ScrubArguments) -> ExitCode {
    const GOES_ON: &str = "how far it is stands in the database, and a running registry goes on";
    commands::configured(&arguments.flags, |config| {
        commands::conclude(commands::until_interrupted(GOES_ON, scrub(arguments, &config)))
    })
}

async fn scrub(arguments: &ScrubArguments, config: &Config) -> anyhow::Result<()> {
    let repair_from = arguments.repair_from.as_deref().map(std::path::absolute).transpose()?;
    // Whoever has the directory looks after its blobs, and must be the one that takes them aside.
    let database = if arguments.status || data::is_in_use(config)? {
        let database = data::open_database(config).await?;
        if !arguments.status {
            ScrubState::request(&database, repair_from.as_deref()).await?;
            follow(&database).await?;
        }
        database
    } else {
        scrub_here(config, repair_from.as_deref()).await?
    };
    conclude(&database).await
}

async fn scrub_here(config: &Config, repair_from: Option<&Path>) -> anyhow::Result<Database> {
    let Data { registry, lock, .. } = data::open(config).await?;
    registry.database().release_jobs().await?;
    registry.join().await?;
    registry.read_quarantine().await?;
    let database = registry.database().clone();
    ScrubState::request(&database, repair_from).await?;
    let options = ScrubOptions { every: None, ..config.scrub_options() };
    let scrubbed = tokio::select! {
        scrubbed = scrub_to_the_end(&registry, &options) => scrubbed,
        () = registry.stay() => Ok(()),
        // How far it is, also if another process is at it.
        followed = follow(&database) => followed,
    };
    registry.leave().await?;
    drop(lock);
    scrubbed.map(|()| database)
}

async fn scrub_to_the_end(registry: &entrepot_registry::Registry, options: &ScrubOptions) -> anyhow::Result<()> {
    while registry.scrub_if_due(options).await?.is_none() {
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Shows how far it is until it has ended.
async fn follow(database: &Database) -> anyhow::Result<()> {
    let mut progress = Progress::start();
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        match ScrubState::read(database).await? {
            Some(state) if !state.ended => {
                progress
                    .show(false, || format!("read {} blobs of {} bytes", state.scrubbed.blobs, state.scrubbed.bytes));
            }
            _ => {
                progress.end();
                return Ok(());
            }
        }
    }
}

async fn conclude(database: &Database) -> anyhow::Result<()> {
    match ScrubState::read(database).await? {
        None => println!("no blob was ever looked at"),
        Some(ScrubState { ended, scrubbed, .. }) => {
            let Scrubbed { blobs, bytes, damaged, repaired } = scrubbed;
            let how = if ended { "read" } else { "under way: read" };
            println!("{how} {blobs} blobs of {bytes} bytes; {damaged} were damaged, {repaired} were repaired");
        }
    }
    let (listed, count) = ScrubState::quarantined(database, NAMED).await?;
    for Quarantined { digest, reason, .. } in &listed {
        eprintln!("  {digest}: {reason}");
    }
    if count > listed.len() as u64 {
        eprintln!("  and {} more", count - listed.len() as u64);
    }
    anyhow::ensure!(
        count == 0,
        "{count} blobs are in quarantine: push images that have them again, or copy them back with --repair-from"
    );
    Ok(())
}

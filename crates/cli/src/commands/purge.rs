//! `entrepot purge`: gives back at once what the running registry gives back from time to time.

use std::process::ExitCode;

use crate::commands;
use crate::config::{Config, Flags};
use crate::data::{self, Data};

/// Purges the data of a registry that is not running.
pub(crate) fn run(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| commands::conclude(commands::block_on(purge(&config))))
}

async fn purge(config: &Config) -> anyhow::Result<()> {
    let Data { registry, lock, .. } = data::open(config).await?;
    let purged = registry.purge().await?;
    drop(lock);
    println!(
        "purged {} expired uploads, {} unfinished files, {} unlinked blobs, {} unneeded objects: {} bytes",
        purged.uploads, purged.staged, purged.blobs, purged.objects, purged.bytes
    );
    Ok(())
}

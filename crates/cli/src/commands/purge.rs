//! `entrepot purge`: gives back at once what the running registry gives back from time to time.

use std::process::ExitCode;

use crate::commands;
use crate::config::{Config, Flags};
use crate::data::{self, Data};

/// Purges the data of a registry that is not running.
pub(crate) fn run(flags: &Flags) -> ExitCode {
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(mistakes) => return commands::config::refuse(&mistakes),
    };
    let purged =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Into::into).and_then(|runtime| {
            runtime.block_on(async {
                let Data { registry, lock, .. } = data::open(&config).await?;
                let purged = registry.purge().await?;
                drop(lock);
                anyhow::Ok(purged)
            })
        });
    commands::conclude(purged.map(|purged| {
        println!(
            "purged {} expired uploads, {} unfinished files, {} unlinked blobs, {} unneeded objects: {} bytes",
            purged.uploads, purged.staged, purged.blobs, purged.objects, purged.bytes
        );
    }))
}

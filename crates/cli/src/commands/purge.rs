//! `entrepot purge`: gives back at once what the running registry gives back from time to time.

use std::process::ExitCode;

use crate::config::Flags;
use crate::{commands, data};

/// Purges the data of a registry that is not running.
pub(crate) fn run(flags: &Flags) -> ExitCode {
    let config = match commands::config::load(flags) {
        Ok(config) => config,
        Err(mistakes) => return commands::config::refuse(&mistakes),
    };
    let purged = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(async { anyhow::Ok(data::open(&config).await?.purge().await?) }));
    commands::conclude(purged.map(|purged| {
        println!(
            "purged {} expired uploads, {} unfinished files, {} unlinked blobs: {} bytes",
            purged.uploads, purged.staged, purged.blobs, purged.bytes
        );
    }))
}

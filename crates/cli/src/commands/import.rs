//! `entrepot import`: takes over what another registry has.

mod options;
mod progress;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use entrepot_import::{Distribution, Import, Source, Summary};

use self::options::ImportOptions;
use self::progress::Progress;
use crate::commands;
use crate::commands::database::interrupted;
use crate::config::{Config, Flags};
use crate::data::{self, Data};

pub(crate) const EXAMPLES: &str = "\
Examples:
  See what would be taken over from registry:2, whose data is in a directory:
    entrepot import distribution --from /var/lib/registry --dry-run

  Take it over, while that registry goes on serving; then stop it, and run the same command once more:
    entrepot import distribution --from /var/lib/registry

Exit status: 0 if everything that the old registry shows is here, 1 if something was left out, which is then named.";

/// Where to import from.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// From registry:2 or distribution 3
    ///
    /// Files become blobs where they lie, by a second name for them, if they are on the file system of the data directory; otherwise
    /// they are copied. Each is read and compared with its digest. Nothing of the old registry is changed, and it may go on serving.
    /// What is here already is not read again, so an import that was interrupted, however it was, goes on with the same
    /// command, and one more run brings what was pushed to the old registry meanwhile.
    ///
    /// The registry here has to be stopped, unless it is over PostgreSQL and an object store.
    Distribution(DistributionArguments),
}

/// What to import from distribution, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct DistributionArguments {
    /// The old registry's data: the directory that it calls rootdirectory
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// How
    #[command(flatten)]
    options: ImportOptions,
    /// Settings
    #[command(flatten)]
    flags: Flags,
}

/// Imports.
pub(crate) fn run(command: &ImportCommand) -> ExitCode {
    match command {
        ImportCommand::Distribution(DistributionArguments { from, options, flags }) => {
            with_config(flags, async |config| import(Distribution::in_directory(from).await?, options, config).await)
        }
    }
}

/// Runs `work` until it is done or the process is asked to end.
fn with_config(flags: &Flags, work: impl AsyncFnOnce(&Config) -> anyhow::Result<Summary>) -> ExitCode {
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(mistakes) => return commands::config::refuse(&mistakes),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.context("cannot start").and_then(|runtime| {
        let done = runtime.block_on(async {
            tokio::select! {
                done = work(&config) => done,
                () = interrupted() => anyhow::bail!("interrupted; what was imported stays, and the same command goes on with it"),
            }
        });
        // A blob that is just being read is not waited for: it is there as a whole or not at all.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(summary) if summary.is_complete() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => commands::conclude(Err(error)),
    }
}

async fn import<S: Source>(source: S, options: &ImportOptions, config: &Config) -> anyhow::Result<Summary> {
    let Data { registry, access, lock } = data::open(config).await?;
    registry.join().await?;
    let stay = tokio::spawn({
        let registry = registry.clone();
        async move { registry.stay().await }
    });
    let import = Import::new(source, registry.clone(), access.clone(), options.meant(config));
    let mut progress = Progress::of(import.progress());
    let done = tokio::select! {
        done = import.run() => done,
        () = progress.show() => std::future::pending().await,
    };
    progress.end();
    stay.abort();
    access.finish().await;
    registry.leave().await?;
    drop(lock);
    let summary = done?;
    summary::print(&summary, options);
    Ok(summary)
}

//! Commands on people, organizations and rules: requests of the JSON API, to the registry that `--server` names, or without one to
//! the data here. Whoever can read and write the data may do everything with it, so they ask for no login; the database is opened
//! beside a registry that may be running, which takes notice within a second.

pub(crate) mod audit;
pub(crate) mod ci;
pub(super) mod elsewhere;
pub(crate) mod explain;
pub(crate) mod gc;
mod grant;
pub(crate) mod keys;
pub(crate) mod listing;
pub(crate) mod maintenance;
pub(crate) mod org;
pub(crate) mod password;
pub(crate) mod quota;
pub(crate) mod repo;
pub(crate) mod retention;
pub(crate) mod robot;
pub(crate) mod tag;
pub(crate) mod team;
pub(crate) mod token;
pub(crate) mod trash;
pub(crate) mod user;

use std::process::ExitCode;

use entrepot_access::Access;
use entrepot_client::Client;

use self::elsewhere::Elsewhere;
use crate::config::DataFlags;
use crate::{commands, data};

/// The commands of one noun, and which registry they are for.
#[derive(Debug, clap::Args)]
pub(crate) struct Noun<C: clap::Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: C,
    /// Which registry
    #[command(flatten)]
    pub(crate) place: Place,
}

impl<C: clap::Subcommand> Noun<C> {
    /// Runs the command.
    pub(crate) fn run(self, work: impl AsyncFnOnce(C, &Client) -> anyhow::Result<ExitCode>) -> ExitCode {
        let Self { command, place } = self;
        run(&place, async |client| work(command, client).await)
    }
}

/// Which registry a command is for: the one whose data is here, or one elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// Settings
    #[command(flatten)]
    data: DataFlags,
    /// Another registry
    #[command(flatten)]
    elsewhere: Elsewhere,
}

/// Whether a list is for a machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Form {
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

/// Asks the registry; a failure is exit code 1.
pub(crate) fn run(place: &Place, work: impl AsyncFnOnce(&Client) -> anyhow::Result<ExitCode>) -> ExitCode {
    run_or(ExitCode::FAILURE, place, work)
}

/// The same with another exit code for a failure.
fn run_or(failure: ExitCode, place: &Place, work: impl AsyncFnOnce(&Client) -> anyhow::Result<ExitCode>) -> ExitCode {
    match place.elsewhere.client() {
        Ok(Some(client)) => conclude(failure, async || work(&client).await),
        Ok(None) => on_data(failure, &place.data, async |access| work(&Client::here(access)).await),
        Err(error) => conclude(failure, async || Err(error)),
    }
}

/// Runs what can only be done beside the data.
fn run_here(place: &Place, work: impl AsyncFnOnce(Access) -> anyhow::Result<ExitCode>) -> ExitCode {
    if place.elsewhere.is_given() {
        return conclude(ExitCode::FAILURE, async || {
            anyhow::bail!("this works on the registry's own machine only, and not with --server or ENTREPOT_SERVER")
        });
    }
    on_data(ExitCode::FAILURE, &place.data, work)
}

fn on_data(
    failure: ExitCode,
    place: &DataFlags,
    work: impl AsyncFnOnce(Access) -> anyhow::Result<ExitCode>,
) -> ExitCode {
    commands::configured(place.flags(), |config| {
        conclude(failure, async || work(data::open_access(&config).await?).await)
    })
}

/// Ends a command: a failure is one sentence, with its causes behind colons.
pub(super) fn conclude(failure: ExitCode, work: impl AsyncFnOnce() -> anyhow::Result<ExitCode>) -> ExitCode {
    commands::block_on(work()).unwrap_or_else(|error| {
        eprintln!("entrepot: {error:#}");
        failure
    })
}

/// Says what was done.
pub(super) fn done(sentence: &str) -> anyhow::Result<ExitCode> {
    Ok(commands::print(&format!("{sentence}\n")))
}

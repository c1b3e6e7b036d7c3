//! Commands on people, organizations and rules. Whoever can read and write the data may do everything with it, so they ask for no
//! login. They open the database alone, beside a registry that may be running, which takes notice within a second.

pub(crate) mod audit;
pub(crate) mod ci;
pub(crate) mod explain;
mod grant;
pub(crate) mod keys;
mod listing;
pub(crate) mod org;
mod password;
pub(crate) mod quota;
pub(crate) mod repo;
pub(crate) mod robot;
pub(crate) mod team;
pub(crate) mod token;
pub(crate) mod user;

use std::process::ExitCode;

use entrepot_access::Access;

use crate::config::{Config, DataFlags};
use crate::{commands, data};

/// Entries of one page of a list.
const PAGE: usize = 500;

/// The commands of one noun, and where the data is.
#[derive(Debug, clap::Args)]
pub(crate) struct Local<C: clap::Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: C,
    /// Settings
    #[command(flatten)]
    pub(crate) place: DataFlags,
}

impl<C: clap::Subcommand> Local<C> {
    /// Runs the command.
    pub(crate) fn run(self, work: impl AsyncFnOnce(C, &Access) -> anyhow::Result<ExitCode>) -> ExitCode {
        let Self { command, place } = self;
        run(&place, async |access| work(command, access).await)
    }
}

/// Whether a list is for a machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Form {
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `work` on the accounts; a failure is exit code 1.
pub(crate) fn run(place: &DataFlags, work: impl AsyncFnOnce(&Access) -> anyhow::Result<ExitCode>) -> ExitCode {
    run_or(ExitCode::FAILURE, place, work)
}

/// The same with another exit code for a failure.
fn run_or(
    failure: ExitCode,
    place: &DataFlags,
    work: impl AsyncFnOnce(&Access) -> anyhow::Result<ExitCode>,
) -> ExitCode {
    let config = match Config::load(place.flags()) {
        Ok(config) => config,
        Err(mistakes) => return commands::config::refuse(&mistakes),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Into::into);
    let done = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let access = data::open_access(&config).await?;
            work(&access).await
        })
    });
    done.unwrap_or_else(|error: anyhow::Error| {
        eprintln!("entrepot: {error:#}");
        failure
    })
}

/// Says what was done.
fn done(sentence: &str) -> anyhow::Result<ExitCode> {
    Ok(commands::print(&format!("{sentence}\n")))
}

/// Everything of a list that comes in pages: `page` gives the entries after a name, and `key` is the name of one.
async fn all<T>(
    key: impl Fn(&T) -> String,
    page: impl AsyncFn(Option<String>) -> Result<Vec<T>, entrepot_access::Error>,
) -> anyhow::Result<Vec<T>> {
    let mut entries = Vec::new();
    loop {
        let more = page(entries.last().map(&key)).await?;
        let end = more.len() < PAGE;
        entries.extend(more);
        if end {
            return Ok(entries);
        }
    }
}

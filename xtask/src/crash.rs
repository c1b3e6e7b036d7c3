//! `cargo xtask crash`: kills the registry again and again while clients use it, and compares what it shows afterwards with
//! what they were told.
//!
//! Rounds share one data directory. In each, clients push, resume, mount, move and delete until the server dies: by `kill -9`
//! at a random moment, or by itself at a named step of the commit paths. Then it is started again and everything that was
//! acknowledged must be there, whatever was under way must have happened as a whole or not at all, and interrupted uploads
//! must go on. After every few rounds the server is stopped and purged, and the files must be those of the blobs that some
//! repository has.
//!
//! The death of the process is real; a power cut is not simulated. In its place the first round watches the system calls of
//! a push and holds them to the order on which surviving a power cut depends ([`order`]).
//!
//! All choices follow from the seed, but the threads of clients and server meet differently each time: a seed brings back the
//! plan of a run, not its every interleaving.

mod campaign;
mod client;
mod content;
mod deletes;
mod disk;
mod http;
mod images;
mod model;
mod order;
mod random;
mod register;
mod server;
mod steps;
mod trouble;
mod uploads;
mod verify;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

/// Kill the registry at random moments and at every named step, and check that nothing acknowledged is lost
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often the registry dies under load
    #[arg(long, default_value_t = 500)]
    rounds: usize,
    /// Where all choices come from [default: the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients work at the same time
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// How long a round puts load on the registry at most, in milliseconds
    #[arg(long, default_value_t = 400)]
    longest_load: u64,
}

/// Runs the campaign.
///
/// # Errors
/// If there was a finding, or the campaign itself could not go on.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    campaign::run(&campaign::Plan {
        rounds: arguments.rounds,
        seed: arguments.seed.unwrap_or_else(|| u64::from(clock())),
        clients: arguments.clients.max(1),
        longest_load: Duration::from_millis(arguments.longest_load),
    })
}

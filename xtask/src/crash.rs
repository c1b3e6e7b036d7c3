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
mod collect;
mod content;
mod deletes;
mod disk;
mod http;
mod images;
mod model;
mod order;
mod pulls;
mod register;
mod replicas;
mod server;
mod servers;
mod steps;
mod trouble;
mod uploads;
mod verify;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

/// Kill the registry at random moments and at every named step, and check that nothing acknowledged is lost
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often the registry dies under load; with --replicas, how often something fails under load
    #[arg(long, default_value_t = 500)]
    rounds: usize,
    /// Over so many replicas, PostgreSQL and an S3 server, instead of one process with its own disk
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    replicas: Option<u16>,
    /// Collect garbage, empty the trash and scrub without pause, and look that nothing goes that is needed
    #[arg(long)]
    collect: bool,
    /// Which S3 server the replicas keep their blobs in
    #[arg(long, value_enum, default_value = "seaweedfs", requires = "replicas")]
    store: replicas::StoreServer,
    /// Where all choices come from [default: the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients work at the same time
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// How long a round puts load on the registry at most, in milliseconds [default: 400; over replicas 1500]
    #[arg(long)]
    longest_load: Option<u64>,
}

/// Runs the campaign.
///
/// # Errors
/// If there was a finding, or the campaign itself could not go on.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    let seed = arguments.seed.unwrap_or_else(|| u64::from(clock()));
    let clients = arguments.clients.max(1);
    let longest_load = |default| Duration::from_millis(arguments.longest_load.unwrap_or(default));
    if arguments.collect {
        let replicas = arguments.replicas.map(|replicas| (usize::from(replicas), arguments.store));
        return collect::run(&collect::Plan { rounds: arguments.rounds, seed, clients, replicas });
    }
    match arguments.replicas {
        Some(replicas) => replicas::run(&replicas::Plan {
            rounds: arguments.rounds,
            seed,
            clients,
            replicas: usize::from(replicas),
            longest_load: longest_load(1500),
            store: arguments.store,
        }),
        None => {
            campaign::run(&campaign::Plan { rounds: arguments.rounds, seed, clients, longest_load: longest_load(400) })
        }
    }
}

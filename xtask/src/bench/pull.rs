//! Pulls of a large blob that is in the page cache.
//!
//! All candidates run at once and are asked in turn, a round each: how much of the work on loopback the kernel does in
//! threads of its own changes from minute to minute, and so meets every candidate alike.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use super::candidate::Candidate;
use super::connection::Connection;
use super::load::{GIBIBYTE, Gauge, Load, Unit};
use super::payload::Payload;
use super::plan::Plan;
use super::push;
use super::repeat::all_latencies;
use super::request::Requests;
use super::server::Server;
use super::session::{Figure, Outcome};
use super::site::Site;
use super::upload::LARGE_REPOSITORY;
use super::work::Work;

/// Rounds among which the time of a measurement is shared out.
const ROUNDS: u32 = 4;

/// A candidate with the blob in place. The server ends before its site goes.
struct Source {
    candidate: Candidate,
    server: Server,
    _site: Site,
    /// `GET` of the blob.
    request: Vec<u8>,
}

/// Puts one large blob in place everywhere, checks it, and pulls it over one and over four connections.
pub(super) async fn run(
    under: &Path,
    plan: &Plan,
    programs: &[(Candidate, PathBuf)],
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    if !plan.wants(&[Work::PullLarge1, Work::PullLarge4]) {
        return Ok(());
    }
    eprintln!("pulls of a large blob, in turn");
    let payload = Payload::new(plan.large_mebibytes, plan.framing);
    let mut sources = Vec::new();
    for (candidate, program) in programs {
        let source = prepare(under, *candidate, program, plan, &payload);
        sources.push(source.await.with_context(|| candidate.name())?);
    }
    for (work, connections) in [(Work::PullLarge1, 1), (Work::PullLarge4, 4)] {
        if !plan.wants(&[work]) {
            continue;
        }
        let mut loads: Vec<Option<Load>> = sources.iter().map(|_| None).collect();
        for _ in 0..ROUNDS {
            for (source, load) in sources.iter().zip(&mut loads) {
                let part = source.round(connections, payload.size(), plan.duration / ROUNDS).await?;
                match load {
                    Some(load) => load.add(part),
                    None => *load = Some(part),
                }
            }
        }
        for (source, load) in sources.iter().zip(loads) {
            let figure = Figure::Load(load.context("there is at least one round")?);
            let outcome = Outcome { work, candidate: source.candidate, figure, note: String::new() };
            eprintln!("  {:<15} {}", source.candidate.name(), super::table::line(&outcome));
            outcomes.push(outcome);
        }
    }
    Ok(())
}

/// Starts `candidate` and gives it the blob: a registry by a push, nginx as a file.
async fn prepare(under: &Path, candidate: Candidate, program: &Path, plan: &Plan, payload: &Payload) -> Result<Source> {
    let hash = payload.hash(0);
    let digest = format!("sha256:{hash}");
    let site = Site::prepare(candidate, under, plan.needed_bytes())?;
    let (server, _) = Server::start(candidate, program, &site).await?;
    let requests = Requests::to(server.address());
    let mut connection = Connection::open(requests.host()).await?;
    if candidate == Candidate::Nginx {
        let blobs = site.path().join("data/v2").join(LARGE_REPOSITORY).join("blobs");
        std::fs::create_dir_all(&blobs)?;
        payload.write_to(&mut File::create(blobs.join(&digest))?, 0)?;
    } else {
        push::push_payload(&mut connection, requests, LARGE_REPOSITORY, payload, 0, &digest).await?;
    }
    let request = requests.blob("GET", LARGE_REPOSITORY, &digest);
    let got = connection.download_hash(&request).await?;
    ensure!(got == hash, "{digest} came back as sha256:{got}");
    Ok(Source { candidate, server, _site: site, request })
}

impl Source {
    /// Downloads over each of `connections`, one whole blob after another, until `duration` has passed.
    async fn round(&self, connections: usize, size: u64, duration: Duration) -> Result<Load> {
        let connections = Connection::open_many(self.server.address(), connections).await?;
        let gauge = Gauge::start(&self.server).await?;
        let deadline = Instant::now() + duration;
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let request = self.request.clone();
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < deadline {
                    let started = Instant::now();
                    let length = connection.download(&request).await?;
                    ensure!(length == size, "the blob has {length} bytes instead of {size}");
                    latencies.push(started.elapsed());
                }
                Ok(latencies)
            });
        }
        let latencies = all_latencies(tasks).await?;
        let amount = size as f64 * latencies.len() as f64 / GIBIBYTE;
        gauge.finish(Unit::Gibibyte, amount, latencies)
    }
}

//! Pulls of a large blob that is in the page cache.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::candidate::Candidate;
use super::connection::Connection;
use super::load::{GIBIBYTE, Gauge, Unit};
use super::payload::Payload;
use super::push;
use super::session::{Figure, Session};
use super::upload::LARGE_REPOSITORY;
use super::work::Work;

/// Puts one large blob in place, checks it, and pulls it over one and over four connections.
pub(super) async fn run(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::PullLarge1, Work::PullLarge4]) {
        return Ok(());
    }
    let payload = Payload::new(session.plan.large_mebibytes, session.plan.framing);
    let hash = payload.hash(0);
    let digest = format!("sha256:{hash}");
    let requests = session.requests;
    let mut connection = Connection::open(requests.host()).await?;
    if session.candidate == Candidate::Nginx {
        let blobs = session.directory.join("data/v2").join(LARGE_REPOSITORY).join("blobs");
        std::fs::create_dir_all(&blobs)?;
        payload.write_to(&mut File::create(blobs.join(&digest))?, 0)?;
    } else {
        push::push_payload(&mut connection, requests, LARGE_REPOSITORY, &payload, 0, &digest).await?;
    }
    let request = requests.blob("GET", LARGE_REPOSITORY, &digest);
    let got = connection.download_hash(&request).await?;
    ensure!(got == hash, "{digest} came back as sha256:{got}");

    for (work, connections) in [(Work::PullLarge1, 1), (Work::PullLarge4, 4)] {
        if !session.plan.wants(&[work]) {
            continue;
        }
        let connections = Connection::open_many(requests.host(), connections).await?;
        let gauge = Gauge::start(session.server)?;
        let latencies = repeat(connections, &request, payload.size(), session.plan.duration).await?;
        let amount = payload.size() as f64 * latencies.len() as f64 / GIBIBYTE;
        let load = gauge.finish(Unit::Gibibyte, amount, latencies)?;
        session.record(work, Figure::Load(load), "");
    }
    Ok(())
}

/// Downloads over each connection, one whole blob after another, until `duration` has passed.
async fn repeat(connections: Vec<Connection>, request: &[u8], size: u64, duration: Duration) -> Result<Vec<Duration>> {
    let deadline = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let request = request.to_vec();
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
    let mut all = Vec::new();
    while let Some(latencies) = tasks.join_next().await {
        all.extend(latencies??);
    }
    Ok(all)
}

//! One blob that is larger than what an object store takes in one piece.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::connection::Connection;
use super::load::{GIBIBYTE, Gauge, Unit};
use super::payload::Payload;
use super::push;
use super::session::{Figure, Session};
use super::work::Work;

const REPOSITORY: &str = "acme/huge";
/// Its number among the payloads: no other work pushes the same bytes.
const UNIQUE: u64 = 9_000_000;

/// Pushes it and pulls it, comparing the hash.
pub(super) async fn run(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::PushHuge, Work::PullHuge]) {
        return Ok(());
    }
    let payload = Payload::new(session.plan.huge_mebibytes, session.plan.framing);
    let hash = payload.hash(UNIQUE);
    let digest = format!("sha256:{hash}");
    let amount = payload.size() as f64 / GIBIBYTE;
    let requests = session.requests;
    let mut connection = Connection::open(requests.host()).await?;
    let gauge = Gauge::start(session.server).await?;
    let started = Instant::now();
    push::push_payload(&mut connection, requests, REPOSITORY, &payload, UNIQUE, &digest).await?;
    let load = gauge.finish(Unit::Gibibyte, amount, vec![started.elapsed()])?;
    let note = format!("{} MiB", session.plan.huge_mebibytes);
    session.record(Work::PushHuge, Figure::Load(load), note.clone());
    let gauge = Gauge::start(session.server).await?;
    let started = Instant::now();
    let got = connection.download_hash(&requests.blob("GET", REPOSITORY, &digest)).await?;
    let load = gauge.finish(Unit::Gibibyte, amount, vec![started.elapsed()])?;
    ensure!(got == hash, "{digest} came back as sha256:{got}");
    session.record(Work::PullHuge, Figure::Load(load), format!("{note}; the client hashes"));
    Ok(())
}

//! Pushes: many small images, and blobs of the size of large layers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::image::Images;
use super::load::{GIBIBYTE, Gauge, Unit};
use super::payload::Payload;
use super::push;
use super::repeat::all_latencies;
use super::request::Requests;
use super::session::{Figure, Session};
use super::work::Work;

/// Small images pushed at once.
const SMALL_AT_ONCE: u64 = 8;
/// Where the large blobs go.
pub(super) const LARGE_REPOSITORY: &str = "acme/large";

/// Pushes small images for the plan's duration and looks at one of them afterwards.
pub(super) async fn small(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::PushSmall]) {
        return Ok(());
    }
    // Numbers that no other work uses, so that no blob is known to the server beforehand.
    let numbers = Arc::new(AtomicU64::new(1_000_000));
    measure_small(session, &numbers, place).await
}

/// Pushes small images of new `numbers` to where `place` says, and looks at the last one.
pub(super) async fn measure_small(
    session: &mut Session<'_>,
    numbers: &Arc<AtomicU64>,
    place: fn(u64) -> (String, String),
) -> Result<()> {
    push_small(session.requests, SMALL_AT_ONCE, numbers, place, Duration::from_millis(500)).await?;
    let gauge = Gauge::start(session.server).await?;
    let latencies = push_small(session.requests, SMALL_AT_ONCE, numbers, place, session.plan.duration).await?;
    let load = gauge.finish(Unit::Operation, latencies.len() as f64, latencies)?;
    session.record(Work::PushSmall, Figure::Load(load), "");
    verify_small(session, numbers.load(Ordering::Relaxed) - 1, place).await
}

/// Pushes small images of new `numbers` over so many connections to where `place` says; how long each took.
pub(super) async fn push_small(
    requests: Requests,
    at_once: u64,
    numbers: &Arc<AtomicU64>,
    place: fn(u64) -> (String, String),
    duration: Duration,
) -> Result<Vec<Duration>> {
    let deadline = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let numbers = Arc::clone(numbers);
        tasks.spawn(async move {
            let images = Images::new();
            let mut connection = Connection::open(requests.host()).await?;
            let mut latencies = Vec::new();
            while Instant::now() < deadline {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let image = images.image(number, 3);
                let (repository, tag) = place(number);
                let started = Instant::now();
                push::push_image(&mut connection, requests, &repository, &tag, &image).await?;
                latencies.push(started.elapsed());
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    all_latencies(tasks).await
}

/// The repository and the tag of the small image number `number`: eight repositories take turns.
fn place(number: u64) -> (String, String) {
    (format!("acme/small-{}", number % SMALL_AT_ONCE), format!("v{number}"))
}

/// Reads the image number `number` back and compares all its bytes.
async fn verify_small(session: &Session<'_>, number: u64, place: fn(u64) -> (String, String)) -> Result<()> {
    let requests = session.requests;
    let mut connection = Connection::open(requests.host()).await?;
    let image = Images::new().image(number, 3);
    let (repository, tag) = place(number);
    let response = connection.exchange(&requests.get_manifest(&repository, &tag)).await?;
    response.expect(200, "GET of the manifest that was pushed")?;
    ensure!(response.body == image.manifest.bytes, "the manifest is not what was pushed");
    for blob in &image.blobs {
        let response = connection.exchange(&requests.blob("GET", &repository, &blob.digest)).await?;
        response.expect(200, "GET of a blob that was pushed")?;
        ensure!(response.body == blob.bytes, "a blob is not what was pushed");
    }
    Ok(())
}

/// Pushes large blobs one after another, 4 and 8 at once.
pub(super) async fn large(session: &mut Session<'_>) -> Result<()> {
    let mut unique = 1;
    for (work, at_once, rounds) in [(Work::PushLarge1, 1, 3), (Work::PushLarge4, 4, 1), (Work::PushLarge8, 8, 1)] {
        if !session.plan.wants(&[work]) {
            continue;
        }
        let payload = Arc::new(Payload::new(session.plan.large_mebibytes, session.plan.framing));
        let digests: Vec<(u64, String)> =
            (unique..unique + at_once * rounds).map(|one| (one, format!("sha256:{}", payload.hash(one)))).collect();
        unique += at_once * rounds;
        let bytes = payload.size() as f64 * digests.len() as f64;
        let gauge = Gauge::start(session.server).await?;
        let latencies = push_large(session, &payload, &digests, at_once).await?;
        let load = gauge.finish(Unit::Gibibyte, bytes / GIBIBYTE, latencies)?;
        session.record(work, Figure::Load(load), "");
        let (_, digest) = &digests[digests.len() - 1];
        verify_large(session, digest).await?;
    }
    Ok(())
}

async fn push_large(
    session: &Session<'_>,
    payload: &Arc<Payload>,
    digests: &[(u64, String)],
    at_once: u64,
) -> Result<Vec<Duration>> {
    let requests = session.requests;
    let mut tasks = JoinSet::new();
    for share in digests.chunks(digests.len() / usize::try_from(at_once)?) {
        let (payload, share) = (Arc::clone(payload), share.to_vec());
        tasks.spawn(async move {
            let mut connection = Connection::open(requests.host()).await?;
            let mut latencies = Vec::new();
            for (unique, digest) in share {
                let started = Instant::now();
                push::push_payload(&mut connection, requests, LARGE_REPOSITORY, &payload, unique, &digest).await?;
                latencies.push(started.elapsed());
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    all_latencies(tasks).await
}

/// Reads a large blob back and compares its hash.
async fn verify_large(session: &Session<'_>, digest: &str) -> Result<()> {
    let mut connection = Connection::open(session.requests.host()).await?;
    let got = connection.download_hash(&session.requests.blob("GET", LARGE_REPOSITORY, digest)).await?;
    ensure!(digest.strip_prefix("sha256:") == Some(got.as_str()), "{digest} came back as {got}");
    Ok(())
}

//! Small reads: manifests by tag, whether a blob is there, blobs of 4 KiB.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use entrepot_test_people::{PASSWORD, People};

use super::candidate::Candidate;
use super::connection::Connection;
use super::image::{Image, Images};
use super::load::{Gauge, Unit};
use super::push;
use super::repeat::{Exchange, repeat};
use super::session::{Figure, Session};
use super::work::Work;

/// Where the images are.
const REPOSITORY: &str = "acme/reads";
/// How many images are asked for in turn.
const IMAGES: u64 = 64;
/// Connections at once.
const CONNECTIONS: usize = 32;
/// Time before the measurement begins, for caches and connections.
const WARM_UP: Duration = Duration::from_millis(500);

/// Pushes the images and measures the three reads.
pub(super) async fn run(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::ManifestGet, Work::ManifestGetToken, Work::BlobHead, Work::BlobGet]) {
        return Ok(());
    }
    let images = images();
    let requests = session.requests;
    let mut connection = Connection::open(requests.host()).await?;
    for (number, image) in images.iter().enumerate() {
        push::push_image(&mut connection, requests, REPOSITORY, &format!("v{number}"), image).await?;
    }
    let manifests = images.iter().enumerate().map(|(number, image)| Exchange {
        request: requests.get_manifest(REPOSITORY, &format!("v{number}")),
        status: 200,
        body: image.manifest.bytes.clone(),
    });
    measure(session, Work::ManifestGet, manifests.collect()).await?;
    measure(session, Work::BlobHead, blob_exchanges(session, &images, "HEAD")).await?;
    measure(session, Work::BlobGet, blob_exchanges(session, &images, "GET")).await?;
    with_token(session, &images).await
}

/// Makes an account, and measures what it costs to know it again.
async fn with_token(session: &mut Session<'_>, images: &[Image]) -> Result<()> {
    if session.candidate != Candidate::Entrepot || !session.plan.wants(&[Work::ManifestGetToken]) {
        return Ok(());
    }
    let data = session.site.path().join("data");
    // It has a runtime of its own.
    std::thread::spawn(move || People::of(&data)?.person("ann")).join().map_err(|_| anyhow!("no account"))??;
    let form = format!(
        "grant_type=password&service=entrepot&client_id=bench&username=ann&password={}&scope=repository:{REPOSITORY}:pull",
        PASSWORD.replace(' ', "+")
    );
    let requests = session.requests;
    let mut connection = Connection::open(requests.host()).await?;
    let answer = connection.exchange(&requests.token(&form)).await?;
    answer.expect(200, "a registry token")?;
    let granted: serde_json::Value = serde_json::from_slice(answer.body)?;
    let token = granted["access_token"].as_str().context("no access_token")?;
    let manifests = images.iter().enumerate().map(|(number, image)| Exchange {
        request: requests.get_manifest_with(REPOSITORY, &format!("v{number}"), token),
        status: 200,
        body: image.manifest.bytes.clone(),
    });
    measure(session, Work::ManifestGetToken, manifests.collect()).await
}

/// Lays the same blobs out as files, under the same paths, and measures their `GET`.
pub(super) async fn serve_files(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::BlobGet]) {
        return Ok(());
    }
    let images = images();
    let blobs = session.site.path().join("data/v2").join(REPOSITORY).join("blobs");
    std::fs::create_dir_all(&blobs)?;
    for image in &images {
        std::fs::write(blobs.join(&image.blobs[0].digest), &image.blobs[0].bytes)?;
    }
    measure(session, Work::BlobGet, blob_exchanges(session, &images, "GET")).await
}

fn images() -> Vec<Image> {
    let maker = Images::new();
    (0..IMAGES).map(|number| maker.image(number, 3)).collect()
}

/// One request for the first layer of each image.
fn blob_exchanges(session: &Session<'_>, images: &[Image], method: &str) -> Arc<[Exchange]> {
    let exchange = |image: &Image| Exchange {
        request: session.requests.blob(method, REPOSITORY, &image.blobs[0].digest),
        status: 200,
        body: if method == "HEAD" { Vec::new() } else { image.blobs[0].bytes.clone() },
    };
    images.iter().map(exchange).collect()
}

/// Compares every answer once, warms up, and measures.
pub(super) async fn measure(session: &mut Session<'_>, work: Work, exchanges: Arc<[Exchange]>) -> Result<()> {
    if !session.plan.wants(&[work]) {
        return Ok(());
    }
    // On a connection of its own: the others would wait for so long that a server cuts them.
    let mut checking = Connection::open(session.requests.host()).await?;
    for exchange in exchanges.iter() {
        exchange.verify(&mut checking).await?;
    }
    let connections = Connection::open_many(session.requests.host(), CONNECTIONS).await?;
    let (connections, _) = repeat(connections, &exchanges, WARM_UP).await?;
    let gauge = Gauge::start(session.server).await?;
    let (_, latencies) = repeat(connections, &exchanges, session.plan.duration).await?;
    let load = gauge.finish(Unit::Operation, latencies.len() as f64, latencies)?;
    session.record(work, Figure::Load(load), "");
    Ok(())
}

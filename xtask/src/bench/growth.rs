//! What more tags and manifests cost: pull, push and list at each size, on both databases.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};

use super::candidate::Candidate;
use super::connection::Connection;
use super::fill::fill;
use super::group::BACKENDS_PAGE;
use super::image::{Blob, Image, Images};
use super::listing::Page;
use super::plan::Plan;
use super::repeat::Exchange;
use super::report::Place;
use super::request::Requests;
use super::server::Server;
use super::session::{Outcome, Session};
use super::site::Site;
use super::work::Work;
use super::{push, reads, table, upload};
use crate::random::Random;

/// Where the tables are.
pub(super) const PLACE: Place = Place { page: BACKENDS_PAGE, name: "growth" };
/// The repository that has all of them: nothing divides the work.
const REPOSITORY: &str = "acme/growth";
/// How many tags are pulled in turn at most: more than a cache of manifests holds at the larger sizes.
const PULLED: usize = 50_000;
/// Longest time for filling from one size to the next.
const FILL: Duration = Duration::from_hours(2);

/// What was measured at one size.
#[derive(Debug)]
struct Row {
    candidate: Candidate,
    size: usize,
    /// What the database takes on the disk, in bytes.
    database_bytes: u64,
    outcomes: Vec<Outcome>,
}

/// Lets one repository grow, on SQLite and on PostgreSQL, and returns the table.
pub(super) async fn run(under: &Path, plan: &Plan, program: &Path) -> Result<String> {
    let mut rows = Vec::new();
    for candidate in [Candidate::Entrepot, Candidate::EntrepotPostgres] {
        eprintln!("{}", candidate.name());
        let site = Site::prepare(candidate, under, plan.needed_bytes())?;
        grow(candidate, &site, plan, program, &mut rows).await.with_context(|| candidate.name())?;
    }
    Ok(markdown(&rows))
}

async fn grow(candidate: Candidate, site: &Site, plan: &Plan, program: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let (server, _) = Server::start(candidate, program, site).await?;
    let requests = Requests::to(server.address());
    let image = Images::new().image(900_000, 1);
    let mut connection = Connection::open(requests.host()).await?;
    for blob in &image.blobs {
        push::push_blob(&mut connection, requests, REPOSITORY, blob).await?;
    }
    // Numbers of pushed images, which no size uses again.
    let numbers = Arc::new(AtomicU64::new(1_000_000));
    let mut filled = 0;
    for &size in &plan.sizes {
        filled = fill(requests.host(), filled, size, FILL, async |connection, number| {
            let manifest = manifest(&image, number)?;
            push::put_manifest(connection, requests, REPOSITORY, &tag(number), &manifest).await
        })
        .await?;
        let mut row = Row { candidate, size: filled, database_bytes: 0, outcomes: Vec::new() };
        let outcomes = &mut row.outcomes;
        let mut session = Session { candidate, plan, requests, server: &server, site, outcomes };
        reads::measure(&mut session, Work::ManifestGet, pulls(requests, &image, filled)?).await?;
        let page = Page { path: format!("/v2/{REPOSITORY}/tags/list"), list: "tags", name: tag, count: filled };
        page.measure(&mut session, Work::TagsMany, "tags").await?;
        upload::measure_small(&mut session, &numbers, place).await?;
        row.database_bytes = database_bytes(site)?;
        rows.push(row);
    }
    Ok(())
}

/// The tag number `number`: their order as text is their order as numbers.
fn tag(number: usize) -> String {
    format!("v{number:07}")
}

/// Where the pushed images go: the tags come behind the others, so that a page in the middle stays as it is.
fn place(number: u64) -> (String, String) {
    (REPOSITORY.to_owned(), format!("w{number}"))
}

/// The manifest number `number`: of the same blobs as all, but another one.
fn manifest(image: &Image, number: usize) -> Result<Blob> {
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest.bytes)?;
    manifest["annotations"] = serde_json::json!({ "com.acme.number": format!("{number:07}") });
    Ok(Blob::of(manifest.to_string().into_bytes()))
}

/// Pulls of tags that are chosen among all.
fn pulls(requests: Requests, image: &Image, count: usize) -> Result<Arc<[Exchange]>> {
    let mut random = Random::new(&[count as u64]);
    let exchange = |number| {
        let request = requests.get_manifest(REPOSITORY, &tag(number));
        Ok(Exchange { request, status: 200, body: manifest(image, number)?.bytes })
    };
    (0..count.min(PULLED)).map(|_| exchange(random.below(count))).collect()
}

fn database_bytes(site: &Site) -> Result<u64> {
    if site.database_url().is_some() {
        return site.sql("SELECT pg_database_size(current_database())")?.parse().context("the size of a database");
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(site.path().join("data"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("entrepot.db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | candidate | tags | rate | p50 | p99 | server CPU | database's CPU | database |\n\
         | --- | --- | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    for (work, name) in [(Work::ManifestGet, "pull"), (Work::PushSmall, "push"), (Work::TagsMany, "list")] {
        for Row { candidate, size, database_bytes, outcomes } in rows {
            for outcome in outcomes.iter().filter(|outcome| outcome.work == work) {
                let cells = table::Cells::of(outcome);
                text.push_str(&format!(
                    "| {name} | {} | {size} | {} | {} | {} | {} | {} | {:.0} MiB |\n",
                    candidate.name(),
                    cells.rate,
                    cells.p50,
                    cells.p99,
                    cells.cpu,
                    cells.backends_cpu,
                    *database_bytes as f64 / 1_048_576.0
                ));
            }
        }
    }
    text
}

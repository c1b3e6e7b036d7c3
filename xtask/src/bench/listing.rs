//! Pages of tags and of the catalog: from the middle, in small and in large collections.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use super::connection::Connection;
use super::fill::fill;
use super::image::{Image, Images};
use super::load::{Gauge, Unit};
use super::push;
use super::repeat::{Exchange, repeat};
use super::session::{Figure, Session};
use super::work::Work;

/// Entries on a page.
const PAGE: usize = 100;
/// Where the image is whose manifest gets all the tags and whose blobs go into all the repositories.
const SOURCE: &str = "acme/source";
/// Longest time for filling a small collection, and for Entrepot any: enough to get all of it.
const FILL_ALL: Duration = Duration::from_mins(10);

/// Measures a page of tags in a small and in a large repository. Returns how many tags the large one got.
pub(super) async fn tags(session: &mut Session<'_>) -> Result<usize> {
    if !session.plan.wants(&[Work::TagsFew, Work::TagsMany, Work::Start]) {
        return Ok(0);
    }
    let image = source(session).await?;
    let most = longest_fill(session);
    let mut largest = 0;
    for (work, repository, count, limit) in [
        (Work::TagsFew, "acme/tags-few", session.plan.few, FILL_ALL),
        (Work::TagsMany, "acme/tags-many", session.plan.tags, most),
    ] {
        // A start is measured with the tags of the large repository there.
        let for_start = work == Work::TagsMany && session.plan.wants(&[Work::Start]);
        if !(for_start || session.plan.wants(&[work])) {
            continue;
        }
        put_blobs(session, repository, &image).await?;
        let requests = session.requests;
        let manifest = Arc::new(image.manifest.clone());
        let reached = fill(requests.host(), 0, count, limit, async move |connection, number| {
            push::put_manifest(connection, requests, repository, &tag(number), &manifest).await
        })
        .await?;
        largest = largest.max(reached);
        if session.plan.wants(&[work]) {
            let path = format!("/v2/{repository}/tags/list");
            let page = Page { path, list: "tags", name: tag, count: reached };
            page.measure(session, work, "tags").await?;
        }
    }
    Ok(largest)
}

/// Measures a page of a small and of a large catalog.
pub(super) async fn catalog(session: &mut Session<'_>) -> Result<()> {
    if !session.plan.wants(&[Work::CatalogFew, Work::CatalogMany]) {
        return Ok(());
    }
    let image = Arc::new(source(session).await?);
    let requests = session.requests;
    let most = longest_fill(session);
    let mut reached = 0;
    for (work, count, limit) in
        [(Work::CatalogFew, session.plan.few, FILL_ALL), (Work::CatalogMany, session.plan.repositories, most)]
    {
        if !session.plan.wants(&[work]) {
            continue;
        }
        let image = Arc::clone(&image);
        reached = fill(requests.host(), reached, count, limit, async move |connection, number| {
            let repository = repository(number);
            for blob in &image.blobs {
                push::mount_blob(connection, requests, &repository, blob, SOURCE).await?;
            }
            push::put_manifest(connection, requests, &repository, "latest", &image.manifest).await
        })
        .await?;
        let page = Page { path: "/v2/_catalog".to_owned(), list: "repositories", name: repository, count: reached };
        page.measure(session, work, "repositories").await?;
    }
    Ok(())
}

/// How long the filling of a large collection may take. The aims are about Entrepot's full sizes.
fn longest_fill(session: &Session<'_>) -> Duration {
    if session.candidate.is_entrepot() { FILL_ALL } else { session.plan.fill }
}

/// The tag number `number`: their order as text is their order as numbers.
fn tag(number: usize) -> String {
    format!("v{number:06}")
}

/// The repository number `number`, behind all that other work makes.
fn repository(number: usize) -> String {
    format!("catalog/r{number:06}")
}

/// An image with one layer, with its blobs and its manifest in [`SOURCE`].
async fn source(session: &Session<'_>) -> Result<Image> {
    let image = Images::new().image(900_000, 1);
    put_blobs(session, SOURCE, &image).await?;
    let mut connection = Connection::open(session.requests.host()).await?;
    push::put_manifest(&mut connection, session.requests, SOURCE, "latest", &image.manifest).await?;
    Ok(image)
}

async fn put_blobs(session: &Session<'_>, repository: &str, image: &Image) -> Result<()> {
    let mut connection = Connection::open(session.requests.host()).await?;
    for blob in &image.blobs {
        push::push_blob(&mut connection, session.requests, repository, blob).await?;
    }
    Ok(())
}

/// A collection whose page is asked for.
pub(super) struct Page {
    /// Where it is listed.
    pub(super) path: String,
    /// The key of the list in the answer.
    pub(super) list: &'static str,
    /// The name of each entry; their order is that of their numbers.
    pub(super) name: fn(usize) -> String,
    /// How many there are.
    pub(super) count: usize,
}

impl Page {
    /// Asks once and looks at what came, then measures the same request.
    pub(super) async fn measure(&self, session: &mut Session<'_>, work: Work, things: &str) -> Result<()> {
        let middle = self.count / 2;
        let request = session.requests.plain("GET", &format!("{}?n={PAGE}&last={}", self.path, (self.name)(middle)));
        let mut connection = Connection::open(session.requests.host()).await?;
        let response = connection.exchange(&request).await?;
        response.expect(200, "GET of a page")?;
        let body = response.body.to_vec();
        let mut note = format!("{} {things}", self.count);
        if let Some(difference) = self.difference(&body, middle)? {
            note = format!("{note}; {difference}");
        }
        let exchanges: Arc<[Exchange]> = Arc::new([Exchange { request, status: 200, body }]);
        let (connections, _) = repeat(vec![connection], &exchanges, Duration::from_millis(300)).await?;
        let gauge = Gauge::start(session.server).await?;
        let (_, latencies) = repeat(connections, &exchanges, session.plan.duration).await?;
        let load = gauge.finish(Unit::Operation, latencies.len() as f64, latencies)?;
        session.record(work, Figure::Load(load), note);
        Ok(())
    }

    /// How the answer differs from the page that was asked for, if it does.
    fn difference(&self, body: &[u8], middle: usize) -> Result<Option<String>> {
        let answer: serde_json::Value = serde_json::from_slice(body).context("a page is not JSON")?;
        let names = answer[self.list].as_array().with_context(|| format!("a page has no list {:?}", self.list))?;
        let wanted = (middle + 1..self.count).take(PAGE).map(self.name);
        if names.iter().filter_map(|name| name.as_str()).eq(wanted) {
            return Ok(None);
        }
        let text = |name: Option<&serde_json::Value>| name.and_then(|name| name.as_str()).unwrap_or("-").to_owned();
        Ok(Some(format!("another answer: {} names, {} to {}", names.len(), text(names.first()), text(names.last()))))
    }
}

//! Whether the right bytes went: every blob of the deleted images, and nothing else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::content::{Content, repository, tag};
use crate::bench::connection::Connection;
use crate::bench::fill::fill;
use crate::bench::repeat::Exchange;
use crate::bench::request::Requests;
use crate::random::Random;

/// How many images that are kept are pulled whole afterwards.
const PULLED: usize = 200;
/// Longest time for deleting, and for the collection.
const LIMIT: Duration = Duration::from_hours(1);
/// How often is looked whether a file is still there.
const LOOK: Duration = Duration::from_millis(5);

/// Where a candidate keeps the bytes of a blob, below its directory.
pub(super) type BlobFile = fn(&Path, &str) -> PathBuf;

/// Deletes the images that are to become garbage, each manifest by its digest.
pub(super) async fn delete(requests: Requests, content: &Content) -> Result<()> {
    let garbage: Vec<usize> = content.garbage().collect();
    let reached = fill(requests.host(), 0, garbage.len(), LIMIT, async |connection, at| {
        let path = manifest(content, garbage[at])?;
        let response = connection.exchange(&requests.plain("DELETE", &path)).await?;
        response.expect(202, "DELETE of a manifest")
    });
    ensure!(reached.await? == garbage.len(), "deleting took too long");
    Ok(())
}

fn manifest(content: &Content, number: usize) -> Result<String> {
    Ok(format!("/v2/{}/manifests/{}", repository(number), content.image(number)?.manifest.digest))
}

/// The files of the deleted images' own layers and configurations.
pub(super) fn garbage(content: &Content, data: &Path, file: BlobFile) -> Result<Vec<PathBuf>> {
    files_of(content, content.garbage(), data, file)
}

fn files_of(
    content: &Content,
    numbers: impl Iterator<Item = usize>,
    data: &Path,
    file: BlobFile,
) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for number in numbers {
        files.extend(content.image(number)?.blobs.iter().map(|blob| file(data, &blob.digest)));
    }
    Ok(files)
}

/// How many bytes are in `files`, all of which must be there.
pub(super) fn bytes(files: &[PathBuf]) -> Result<u64> {
    files.iter().map(|file| Ok(file.metadata().with_context(|| file.display().to_string())?.len())).sum()
}

/// Waits until all `files` are gone.
pub(super) async fn gone(mut files: Vec<PathBuf>) -> Result<()> {
    let started = Instant::now();
    while let Some(file) = files.last() {
        if file.exists() {
            ensure!(started.elapsed() < LIMIT, "{} is still there", file.display());
            tokio::time::sleep(LOOK).await;
        } else {
            files.pop();
        }
    }
    Ok(())
}

/// Looks whether the deleted images are gone, the blobs of all others are there, and some of these can be pulled.
pub(super) async fn verify(requests: Requests, content: &Content, data: &Path, file: BlobFile) -> Result<()> {
    ensure!(garbage(content, data, file)?.iter().all(|one| !one.exists()), "something that was deleted is still there");
    let kept = files_of(content, content.kept(), data, file)?;
    bytes(&kept).context("something that was kept is gone")?;
    let mut connection = Connection::open(requests.host()).await?;
    for number in content.garbage() {
        let request = requests.plain("GET", &manifest(content, number)?);
        connection.exchange(&request).await?.expect(404, "GET of a manifest that was deleted")?;
    }
    let kept: Vec<usize> = content.kept().collect();
    let mut random = Random::new(&[content.count() as u64]);
    for _ in 0..PULLED.min(kept.len()) {
        pull(&mut connection, requests, content, kept[random.below(kept.len())]).await?;
    }
    Ok(())
}

async fn pull(connection: &mut Connection, requests: Requests, content: &Content, number: usize) -> Result<()> {
    let repository = repository(number);
    let image = content.image(number)?;
    let request = requests.get_manifest(&repository, &tag(number));
    Exchange { request, status: 200, body: image.manifest.bytes }.verify(connection).await?;
    for blob in image.blobs.iter().chain([content.shared()]) {
        let request = requests.blob("GET", &repository, &blob.digest);
        Exchange { request, status: 200, body: blob.bytes.clone() }.verify(connection).await?;
    }
    Ok(())
}

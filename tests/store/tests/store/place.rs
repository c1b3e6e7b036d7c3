//! An object store to try things on.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Backend, Checkpoint, Finish, NewParts, ObjectsConfig, Part, Store, Upload};
use futures_util::TryStreamExt;
use uuid::Uuid;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

/// One kind of object store, and what sets it apart.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) backend: Backend,
    /// Bytes that it takes in one request.
    pub(crate) piece: usize,
    /// Whether a body of many pieces becomes one object.
    pub(crate) grows: bool,
    /// Whether it keeps what is unfinished, and lists it.
    pub(crate) keeps_unfinished: bool,
    /// Whether it can sign addresses.
    pub(crate) signs: bool,
}

impl Place {
    /// A configuration with a prefix of its own, so that what one leaves behind is not taken for another's.
    pub(crate) fn config(&self, name: &str) -> Result<ObjectsConfig> {
        let mut config = ObjectsConfig::new(self.backend.clone());
        config.prefix = format!("tests/{name}-{}", Uuid::now_v7()).parse()?;
        // The least that works: so nothing here relies on plenty of it.
        config.upload_memory = 32 * MIB;
        Ok(config)
    }
}

/// A store as a process sees it: with a writer's id of its own.
pub(crate) async fn open(config: &ObjectsConfig) -> Result<(Store, Uuid)> {
    let writer = Uuid::now_v7();
    Ok((Store::objects(config.clone(), writer).await?, writer))
}

pub(crate) fn start() -> Checkpoint {
    Checkpoint::start(Algorithm::Sha256)
}

pub(crate) fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

pub(crate) async fn give(upload: &mut Upload, content: &Bytes, chunk: usize) -> Result<()> {
    for at in (0..content.len()).step_by(chunk) {
        upload.write(content.slice(at..content.len().min(at + chunk))).await?;
    }
    Ok(())
}

/// Pushes a blob as one body.
pub(crate) async fn push(store: &Store, content: &Bytes, chunk: usize) -> Result<NewParts> {
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    give(&mut upload, content, chunk).await?;
    ensure!(upload.offset() == content.len() as u64, "the offset is {}", upload.offset());
    match upload.publish(&sha256(content)).await? {
        Finish::Published { parts } => Ok(parts),
        Finish::Mismatch { found } => anyhow::bail!("the hash is {found}"),
    }
}

/// Reads `range` of the blob that `parts` are.
pub(crate) async fn read(store: &Store, parts: &[Part], range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let size = parts.iter().map(|part| part.size).sum();
    let stream = store.get(&sha256(b""), parts, size)?.stream(range).await?;
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat())
}

pub(crate) async fn expect(store: &Store, parts: &[Part], content: &Bytes) -> Result<()> {
    let found = read(store, parts, 0..u64::MAX).await?;
    ensure!(found == *content, "{} bytes came back as {} others", content.len(), found.len());
    Ok(())
}

pub(crate) async fn remove(store: &Store, parts: &[Part]) -> Result<()> {
    Ok(store.remove(&sha256(b""), parts).await?)
}

/// That there is nothing of anybody under the prefix: no object, and nothing unfinished.
pub(crate) async fn nothing_is_left(config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    for writer in store.writers().await? {
        let keys: Vec<_> = store.written_by(writer).await?.try_collect().await?;
        ensure!(keys.is_empty(), "objects of {writer} are left: {keys:?}");
        let unfinished = store.abort_unfinished(writer).await?;
        ensure!(unfinished == 0, "{unfinished} unfinished objects of {writer} are left");
    }
    Ok(())
}

/// Waits until what goes on by itself has come to its end.
pub(crate) async fn soon_nothing_is_left(config: &ObjectsConfig) -> Result<()> {
    let mut result = Ok(());
    for _ in 0..100 {
        result = nothing_is_left(config).await;
        if result.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    result.context("after ten seconds")
}

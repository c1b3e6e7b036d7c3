//! distribution's files, as it leaves them itself when the same images are pushed: pushing 100 000 to it takes long.
//! Nothing is synced here; whoever measures syncs before.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

use anyhow::{Result, anyhow};

use super::content::{Content, repository, tag};
use crate::bench::image::Blob;

/// Where everything is below the directory that distribution is given.
const BASE: &str = "docker/registry/v2";

/// Writes all of `content` into `root`.
pub(super) fn write(content: &Content, root: &Path) -> Result<()> {
    let base = root.join(BASE);
    write_blob(&base, content.shared())?;
    let repositories: Vec<_> = content.repositories().collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(numbers) = repositories.get(next.fetch_add(1, Ordering::Relaxed)) {
            let own = base.join("repositories").join(repository(numbers.start));
            link(&own.join("_layers"), &content.shared().digest)?;
            numbers.clone().try_for_each(|number| write_image(content, number, &base, &own))?;
        }
        Ok(())
    };
    scope(|scope| {
        let threads = available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread that writes has ended"))?)
    })
}

/// Where the bytes of a blob are.
pub(super) fn blob_file(root: &Path, digest: &str) -> PathBuf {
    data(&root.join(BASE), digest)
}

fn data(base: &Path, digest: &str) -> PathBuf {
    let hex = hex(digest);
    base.join("blobs/sha256").join(&hex[..2]).join(hex).join("data")
}

fn write_image(content: &Content, number: usize, base: &Path, own: &Path) -> Result<()> {
    let image = content.image(number)?;
    for blob in &image.blobs {
        write_blob(base, blob)?;
        link(&own.join("_layers"), &blob.digest)?;
    }
    write_blob(base, &image.manifest)?;
    let digest = &image.manifest.digest;
    link(&own.join("_manifests/revisions"), digest)?;
    let tag = own.join("_manifests/tags").join(tag(number));
    link(&tag.join("index"), digest)?;
    write_file(&tag.join("current/link"), digest.as_bytes())
}

fn write_blob(base: &Path, blob: &Blob) -> Result<()> {
    write_file(&data(base, &blob.digest), &blob.bytes)
}

/// The file that says that `digest` is in `list`.
fn link(list: &Path, digest: &str) -> Result<()> {
    write_file(&list.join("sha256").join(hex(digest)).join("link"), digest.as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    Ok(fs::write(path, bytes)?)
}

/// All digests here are `sha256:` and the hash.
fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

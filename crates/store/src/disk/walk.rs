//! What lies in the store: for the purge of abandoned uploads and unreferenced blobs, and for verification.

use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use entrepot_oci::{Algorithm, Digest};
use uuid::Uuid;

use super::layout::{self, Layout, PROBE};
use crate::error::{Context, Error};
use crate::part::parse_id;

/// A staged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The upload it belongs to.
    pub id: Uuid,
    /// Bytes in the file, which may be more than the last checkpoint says.
    pub size: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// A published blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub digest: Digest,
    /// Bytes in the blob.
    pub size: u64,
    /// When it was last published.
    pub modified: SystemTime,
}

pub(crate) fn staged(layout: &Layout) -> Result<Vec<Staged>, Error> {
    let mut found = Vec::new();
    for id in names(layout.uploads(), parse_id)? {
        if let Some((size, modified)) = look_at(&layout.staged(id))? {
            found.push(Staged { id, size, modified });
        }
    }
    Ok(found)
}

/// Up to `limit` blobs behind `after`, in the order of digests.
pub(crate) fn blobs(layout: &Layout, after: Option<Digest>, limit: usize) -> Result<Vec<Stored>, Error> {
    let mut found = Vec::new();
    for algorithm in Layout::ALGORITHMS {
        let first = match after {
            Some(after) if after.algorithm() == algorithm => layout::prefix(&after),
            Some(after) if after.algorithm() == Algorithm::Sha512 => continue,
            _ => 0,
        };
        for prefix in first..=u8::MAX {
            if found.len() >= limit {
                return Ok(found);
            }
            let mut digests = names(&layout.fan(algorithm, prefix), |name| blob_digest(algorithm, prefix, name))?;
            digests.retain(|digest| after.is_none_or(|after| *digest > after));
            digests.sort_unstable();
            for digest in digests {
                if found.len() >= limit {
                    return Ok(found);
                }
                if let Some((size, modified)) = look_at(&layout.blob(&digest))? {
                    found.push(Stored { digest, size, modified });
                }
            }
        }
    }
    Ok(found)
}

fn blob_digest(algorithm: Algorithm, prefix: u8, name: &str) -> Option<Digest> {
    let digest: Digest = format!("{algorithm}:{name}").parse().ok()?;
    (layout::prefix(&digest) == prefix).then_some(digest)
}

/// Reads the names in `directory`. Those that are none of ours are reported and left alone.
fn names<T>(directory: &Path, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    let entries = match directory.read_dir() {
        // Directories of blobs are made when the first blob comes.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        result => result.context("list", directory)?,
    };
    for entry in entries {
        let name = entry.context("list", directory)?.file_name();
        match name.to_str().and_then(&parse) {
            Some(ours) => found.push(ours),
            None if name == PROBE => {}
            None => {
                tracing::warn!(path = %directory.join(name).display(), "a file that is not the store's, left alone")
            }
        }
    }
    Ok(found)
}

/// Size and time of a file; `None` if it went away since it was listed.
fn look_at(path: &Path) -> Result<Option<(u64, SystemTime)>, Error> {
    let metadata = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        result => result.context("look at", path)?,
    };
    Ok(Some((metadata.len(), metadata.modified().context("look at", path)?)))
}

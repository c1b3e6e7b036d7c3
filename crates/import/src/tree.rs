//! The files of an old registry, wherever they lie. Paths have slashes and begin at the root of the tree.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use entrepot_registry::BodyError;
use entrepot_store::{Bucket, Error as StoreError, Listed};
use futures_util::TryStreamExt;

use crate::Error;
use crate::source::Place;

/// A tree of files, read and never written to.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
}

/// Something in a directory. Symbolic links are not followed: they are no directories.
pub(crate) type Entry = Listed;

impl Tree {
    pub(crate) fn directory(root: &Path) -> Self {
        Self::Directory(root.to_owned())
    }

    /// What a person calls a path.
    pub(crate) fn shown(&self, path: &str) -> String {
        match self {
            Self::Directory(root) => root.join(path).display().to_string(),
            Self::Bucket(bucket) => bucket.place(path),
        }
    }

    /// What is directly in a directory, in order; nothing, if there is no such directory. What has no name of characters is left
    /// out: nothing here has one.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        match self {
            Self::Directory(root) => self.read_file(root, path, entries).await,
            Self::Bucket(bucket) => bucket.list(path).await.map_err(unreadable),
        }
    }

    /// A small file of at most `limit` bytes; `None` if it is not there.
    pub(crate) async fn read(&self, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Directory(root) => self.read_file(root, path, move |path| content(path, limit)).await,
            Self::Bucket(bucket) => bucket.read(path, limit).await.map_err(unreadable),
        }
    }

    /// Where the bytes of a large file are; `None` if it is not there.
    pub(crate) async fn place(&self, path: &str) -> Result<Option<Place>, Error> {
        match self {
            Self::Directory(root) => self.read_file(root, path, file).await,
            Self::Bucket(bucket) => {
                let size = bucket.size(path).await.map_err(unreadable)?;
                Ok(size.map(|size| {
                    let body = bucket.stream(path, size).map_err(|error| BodyError(error.to_string()));
                    Place::Stream { size, body: Box::pin(body) }
                }))
            }
        }
    }

    /// Reads on the blocking pool.
    async fn read_file<T: Send + 'static>(
        &self,
        root: &Path,
        path: &str,
        read: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let place = root.join(path);
        let done = tokio::task::spawn_blocking(move || read(&place)).await;
        done.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(|error| Error::unreadable(self.shown(path), error))
    }
}

fn entries(path: &Path) -> io::Result<Vec<Entry>> {
    let found = match fs::read_dir(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        found => found?,
    };
    let mut entries = Vec::new();
    for entry in found {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        entries.push(Entry { name, is_directory: entry.file_type()?.is_dir() });
    }
    entries.sort();
    Ok(entries)
}

fn content(path: &Path, limit: u64) -> io::Result<Option<Bytes>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(Some(content.into()))
}

fn file(path: &Path) -> io::Result<Option<Place>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a regular file")),
        metadata => Ok(Some(Place::File { path: path.to_owned(), size: metadata?.len() })),
    }
}

/// What is wrong with one object is of that object; that the store is away is of all.
fn unreadable(error: StoreError) -> Error {
    match error {
        StoreError::Missing(_) | StoreError::Io(_) => {
            let failure = error.failure();
            Error::unreadable(&failure.place, &failure.cause)
        }
        error => Error::NoSource(error.to_string()),
    }
}

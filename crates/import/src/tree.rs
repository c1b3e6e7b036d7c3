//! The files of an old registry, wherever they lie. Paths have slashes and begin at the root of the tree.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::Error;
use crate::source::Place;

/// A directory, read and never written to.
#[derive(Clone, Debug)]
pub(crate) struct Tree(PathBuf);

/// Something in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Symbolic links are not followed: they are neither.
    pub(crate) is_directory: bool,
}

impl Tree {
    pub(crate) fn directory(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// What a person calls a path.
    pub(crate) fn shown(&self, path: &str) -> String {
        self.0.join(path).display().to_string()
    }

    /// What is directly in a directory, in order; nothing, if there is no such directory. What has no name of characters is left
    /// out: nothing here has one.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        self.with(path, |path| {
            let found = match fs::read_dir(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
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
        })
        .await
    }

    /// A small file of at most `limit` bytes; `None` if it is not there.
    pub(crate) async fn read(&self, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        self.with(path, move |path| {
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
        })
        .await
    }

    /// Where the bytes of a large file are; `None` if it is not there.
    pub(crate) async fn place(&self, path: &str) -> Result<Option<Place>, Error> {
        self.with(path, |path| match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a regular file")),
            metadata => Ok(Some(Place::File { path: path.to_owned(), size: metadata?.len() })),
        })
        .await
    }

    /// Reads on the blocking pool.
    async fn with<T: Send + 'static>(
        &self,
        path: &str,
        read: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.0.join(path);
        let done = tokio::task::spawn_blocking(move || read(&place)).await;
        done.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(|error| Error::unreadable(self.shown(path), error))
    }
}

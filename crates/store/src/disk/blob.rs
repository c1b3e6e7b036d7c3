//! Reading what was published as a file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use entrepot_oci::Digest;

use super::store::Root;
use super::{pool, reread};
use crate::blob::Pieces;
use crate::error::{Context, Error};

/// An open blob. It stays readable after it was removed from the store.
#[derive(Clone, Debug)]
pub(crate) struct FileBlob {
    size: u64,
    file: Arc<File>,
    root: Root,
    digest: Digest,
}

impl FileBlob {
    pub(crate) fn open(root: Root, digest: &Digest) -> Result<Self, Error> {
        let path = root.layout.blob(digest);
        let file = File::open(&path).context("open", &path)?;
        let size = file.metadata().context("look at", &path)?.len();
        Ok(Self { size, file: Arc::new(file), root, digest: *digest })
    }

    /// Bytes in the blob.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The file itself, for a transport that can send or map it. Its position is shared: read with offsets.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Reads up to `length` bytes from `offset`, fewer only at the end of the blob, on the blocking pool.
    ///
    /// # Errors
    /// [`Error::Io`] if the file is shorter than it was when it was opened, and as the operating system reports.
    pub(crate) async fn read(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        let blob = self.clone();
        match pool::start(move || blob.read_inline(offset, length)).await {
            Ok(result) => result,
            Err(stopped) => Err(self.error(io::Error::other(stopped))),
        }
    }

    /// The same on the calling thread, for small blobs (up to 64 KiB), where a change of threads costs more.
    ///
    /// # Errors
    /// As [`FileBlob::read`].
    pub(crate) fn read_inline(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        let rest = self.size.saturating_sub(offset);
        let length = usize::try_from(rest).map_or(length, |rest| rest.min(length));
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, offset).map_err(|cause| {
            self.error(match cause.kind() {
                ErrorKind::UnexpectedEof => io::Error::new(cause.kind(), "the blob has become shorter"),
                _ => cause,
            })
        })?;
        Ok(Bytes::from(buffer))
    }

    /// All bytes, as the disk has them now, past the page cache. The file is opened again.
    pub(crate) fn reread(&self) -> Pieces {
        reread::stream(self.path(), self.size)
    }

    fn path(&self) -> PathBuf {
        self.root.layout.blob(&self.digest)
    }

    fn error(&self, cause: io::Error) -> Error {
        Error::new("read", &self.path(), cause)
    }
}

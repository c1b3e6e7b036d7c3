//! Reading a whole file from the disk itself, for those who want to know whether it still is what it was.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::libc::{EINVAL, O_DIRECT};

use super::direct::Pages;
use super::pool;
use crate::blob::Pieces;
use crate::error::{Context, Error};

/// A file that is read past the page cache: what is in there says nothing of the disk, and what others pull stays in it. Where the
/// file system cannot do that, the cache is told to forget what was read.
struct Reread {
    path: PathBuf,
    file: File,
    direct: bool,
    pages: Pages,
    at: u64,
    size: u64,
}

/// All bytes of the file at `path`, which has `size` of them, in pieces of 1 MiB.
pub(crate) fn stream(path: PathBuf, size: u64) -> Pieces {
    Box::pin(stream::try_unfold(None, move |reading: Option<Reread>| {
        let path = path.clone();
        async move {
            let shown = path.clone();
            let next = pool::run("read", &shown, move || {
                let mut reading = match reading {
                    Some(reading) => reading,
                    None => Reread::open(path, size)?,
                };
                Ok(reading.next()?.map(|bytes| (bytes, Some(reading))))
            });
            next.await
        }
    }))
}

impl Reread {
    fn open(path: PathBuf, size: u64) -> Result<Self, Error> {
        let direct = OpenOptions::new().read(true).custom_flags(O_DIRECT).open(&path);
        let (file, direct) = match direct {
            Err(error) if error.raw_os_error() == Some(EINVAL) => (open(&path)?, false),
            other => (other.context("open", &path)?, true),
        };
        Ok(Self { path, file, direct, pages: Pages::new(), at: 0, size })
    }

    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.at >= self.size {
            return Ok(None);
        }
        let read = match self.file.read_at(&mut self.pages, self.at) {
            Err(error) if self.direct && error.raw_os_error() == Some(EINVAL) => {
                (self.file, self.direct) = (open(&self.path)?, false);
                return self.next();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return self.next(),
            read => read.context("read", &self.path)?,
        };
        let read = read.min(usize::try_from(self.size - self.at).unwrap_or(usize::MAX));
        if read == 0 {
            let shorter = io::Error::new(ErrorKind::UnexpectedEof, "the blob has become shorter");
            return Err(Error::new("read", &self.path, shorter));
        }
        let bytes = Bytes::copy_from_slice(&self.pages[..read]);
        if !self.direct {
            self.forget(read);
        }
        self.at += read as u64;
        Ok(Some(bytes))
    }

    /// What cannot be forgotten costs others a read, and nothing else.
    fn forget(&self, length: usize) {
        if let (Ok(at), Ok(length)) = (i64::try_from(self.at), i64::try_from(length)) {
            let _kept = posix_fadvise(&self.file, at, length, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).context("open", path)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for length in [0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (3 << 20) + 12_345] {
            let content: Vec<u8> = (0..length).map(|at| (at / 7 + at / 4096) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            let pieces: Vec<Bytes> = stream(path.clone(), length as u64).try_collect().await.unwrap();
            assert!(pieces.concat() == content, "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, vec![7; 5000]).unwrap();
        let read: Result<Vec<Bytes>, Error> = stream(path, 5001).try_collect().await;
        assert!(read.unwrap_err().to_string().contains("the blob has become shorter"));
    }
}

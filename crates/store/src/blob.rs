//! Reading what was published.

use std::fs::File;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use crate::disk::FileBlob;
use crate::error::Error;
use crate::objects::ObjectBlob;

/// Bytes that are read from a file at once for a [`BlobStream`].
const FILE_STEP: usize = 256 * 1024;

/// An open blob.
///
/// On disk it stays readable after it was removed from the store. In an object store it does not: a reader gets an error
/// then, never other bytes.
#[derive(Clone, Debug)]
pub struct Blob(Kind);

#[derive(Clone, Debug)]
enum Kind {
    File(FileBlob),
    Objects(ObjectBlob),
}

impl From<FileBlob> for Blob {
    fn from(blob: FileBlob) -> Self {
        Self(Kind::File(blob))
    }
}

impl From<ObjectBlob> for Blob {
    fn from(blob: ObjectBlob) -> Self {
        Self(Kind::Objects(blob))
    }
}

impl Blob {
    /// Bytes in the blob.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Kind::File(blob) => blob.size(),
            Kind::Objects(blob) => blob.size(),
        }
    }

    /// The file, if it is one, for a transport that can send or map it. Its position is shared: read with offsets.
    pub fn file(&self) -> Option<&Arc<File>> {
        match &self.0 {
            Kind::File(blob) => Some(blob.file()),
            Kind::Objects(_) => None,
        }
    }

    /// The bytes of `range`, as far as they are within the blob, in order and in pieces of any size. Of an object store the
    /// first are waited for, so that one that cannot give them shows before anybody was promised anything.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn stream(&self, range: Range<u64>) -> Result<BlobStream, Error> {
        let range = range.start.min(self.size())..range.end.min(self.size());
        let remaining = range.end.saturating_sub(range.start);
        let inner = match &self.0 {
            Kind::File(blob) => file_stream(blob.clone(), range),
            Kind::Objects(blob) => blob.stream(range).await?,
        };
        Ok(BlobStream { remaining, inner })
    }

    /// All bytes, as the disk or the object store has them now: of a file past the page cache, in pieces of 1 MiB. For those who want to
    /// know whether the blob is still what it was, or who read so much that the cache would have room for nothing else.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn reread(&self) -> Result<BlobStream, Error> {
        let inner = match &self.0 {
            Kind::File(blob) => blob.reread(),
            Kind::Objects(blob) => blob.stream(0..blob.size()).await?,
        };
        Ok(BlobStream { remaining: self.size(), inner })
    }

    /// All bytes of a small blob (up to 64 KiB), in memory. A file is read on the calling thread, as a change of threads
    /// would cost more.
    ///
    /// # Errors
    /// As [`BlobStream`].
    pub async fn read_all(&self) -> Result<Bytes, Error> {
        match &self.0 {
            Kind::File(blob) => blob.read_inline(0, usize::MAX),
            Kind::Objects(blob) => blob.read_all().await,
        }
    }

    /// A URL at which anybody can read the blob for so long, without going through this process. `None` if the store cannot
    /// sign one, or if the blob has not exactly one part.
    ///
    /// # Errors
    /// If the credentials for it cannot be had.
    pub async fn signed_url(&self, valid_for: Duration) -> Result<Option<String>, Error> {
        match &self.0 {
            Kind::File(_) => Ok(None),
            Kind::Objects(blob) => blob.signed_url(valid_for).await,
        }
    }
}

/// The bytes of a blob, as [`Blob::stream`] gives them.
///
/// An error ends it: [`Error::Io`] if there are fewer bytes than there must be, and what the operating system or the object
/// store reported. Dropping it gives up what was not read.
pub struct BlobStream {
    remaining: u64,
    inner: Pieces,
}

pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

impl BlobStream {
    /// Bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.inner.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            self.remaining -= bytes.len() as u64;
        }
        next
    }
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStream").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

fn file_stream(blob: FileBlob, range: Range<u64>) -> Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>> {
    Box::pin(stream::try_unfold((blob, range), async |(blob, range)| {
        if range.is_empty() {
            return Ok(None);
        }
        let length = usize::try_from(range.end - range.start).map_or(FILE_STEP, |rest| rest.min(FILE_STEP));
        let bytes = blob.read(range.start, length).await?;
        let rest = range.start + bytes.len() as u64..range.end;
        Ok(Some((bytes, (blob, rest))))
    }))
}

//! The bytes of one upload on their way into a file.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::claim::Holder;
use super::pool;
use super::writer::{MAX_PIECES, Writer};
use crate::error::Error;
use crate::upload::{Checkpoint, Finish};

/// Bytes that are gathered before they are hashed and written together.
const BATCH_BYTES: usize = 1024 * 1024;

/// Appends to a staged file and hashes the bytes as they arrive; never reads them back.
///
/// Chunks are gathered, not copied, until there is about 1 MiB of them. A batch is then hashed and written on the
/// blocking pool while the next one gathers. So an upload holds at most two batches of 1 MiB (or of 1024 chunks, if
/// they are small) and the chunk that completes each. What comes behind the first 16 MiB is copied into one of two
/// buffers of 1 MiB and written past the page cache, where the file system can do that; an upload then holds 4 MiB.
///
/// An error is final for this value: every later call gives it again, so that no checkpoint can claim bytes which did
/// not reach the disk. The file stays as it was at the last checkpoint;
/// [`Disk::resume`](super::Disk::resume) goes on from there.
///
/// Dropping it forgets the chunks after the last [`StagedUpload::checkpoint`].
#[derive(Debug)]
pub(crate) struct StagedUpload {
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    /// Bytes given so far.
    offset: u64,
    algorithm: Algorithm,
    /// Locked by the batch in flight, and between batches by this value, so never waited for.
    writer: Arc<Mutex<Writer>>,
    batch: Option<JoinHandle<Result<(), Error>>>,
    failed: Option<Error>,
    holder: Arc<Holder>,
}

impl StagedUpload {
    pub(crate) fn new(writer: Writer, holder: Arc<Holder>, offset: u64, algorithm: Algorithm) -> Self {
        holder.occupy();
        Self {
            gathered: Vec::new(),
            gathered_bytes: 0,
            offset,
            algorithm,
            writer: Arc::new(Mutex::new(writer)),
            batch: None,
            failed: None,
            holder,
        }
    }

    /// The algorithm that the upload hashes with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Bytes given so far, with those before the checkpoint that it was resumed from.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends `chunk`.
    ///
    /// # Errors
    /// Of this chunk or of an earlier one: chunks are written later than they are given.
    /// # Cancel safety
    /// The chunk counts as given, and [`StagedUpload::offset`] includes it, as soon as the future has been polled.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.usable()?;
        if chunk.is_empty() {
            return Ok(());
        }
        self.offset += chunk.len() as u64;
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes >= BATCH_BYTES || self.gathered.len() >= MAX_PIECES {
            self.settle().await?;
            self.start(Writer::append);
        }
        Ok(())
    }

    /// Makes everything given so far durable: the bytes, and for a new file its name.
    ///
    /// Costs nothing if nothing was given since the last checkpoint. The first checkpoint of an upload makes the file,
    /// also if it is empty.
    ///
    /// # Errors
    /// If any byte given so far could not be written or synced.
    /// # Cancel safety
    /// The work goes on; calling again waits for it.
    pub(crate) async fn checkpoint(&mut self) -> Result<Checkpoint, Error> {
        self.usable()?;
        self.settle().await?;
        if !self.gathered.is_empty() || !self.writer.lock().is_durable() {
            self.start(|writer, batch| {
                writer.append(batch)?;
                writer.sync()
            });
            self.settle().await?;
        }
        Ok(self.writer.lock().checkpoint())
    }

    /// Ends the upload: makes everything given so far durable and, if its hash is `digest`, publishes it, in one trip
    /// to the disk. Cheaper than a checkpoint and [`Disk::publish`](super::Disk::publish), and as durable.
    ///
    /// The algorithm of `digest` must be the one that the upload hashes with, or it is a mismatch.
    ///
    /// # Errors
    /// If any byte given so far could not be written or synced, or the blob not be published.
    /// # Cancel safety
    /// The work goes on: the blob may have been published.
    pub(crate) async fn publish(mut self, digest: &Digest) -> Result<Finish, Error> {
        self.usable()?;
        self.settle().await?;
        let (batch, writer, digest) = (std::mem::take(&mut self.gathered), Arc::clone(&self.writer), *digest);
        let path = self.writer.lock().path().to_owned();
        pool::run("publish", &path, move || {
            let mut writer = writer.lock();
            writer.append(&batch)?;
            writer.publish(&digest)
        })
        .await
    }

    fn usable(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Hands the gathered chunks to the blocking pool. The batch before must have been settled.
    fn start(&mut self, work: fn(&mut Writer, &[Bytes]) -> Result<(), Error>) {
        let batch = std::mem::take(&mut self.gathered);
        self.gathered.reserve(batch.len());
        self.gathered_bytes = 0;
        let writer = Arc::clone(&self.writer);
        self.batch = Some(pool::start(move || work(&mut writer.lock(), &batch)));
    }

    /// Waits for the batch in flight.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(batch) = &mut self.batch else { return Ok(()) };
        let result = match batch.await {
            Ok(result) => result,
            Err(stopped) => Err(Error::new("write to", self.writer.lock().path(), io::Error::other(stopped))),
        };
        self.batch = None;
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.gathered = Vec::new();
        }
        result
    }
}

impl Drop for StagedUpload {
    fn drop(&mut self) {
        self.holder.abandon();
    }
}

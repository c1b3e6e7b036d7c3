//! The bytes of one upload on their way in.

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest, Hasher};

use crate::disk::StagedUpload;
use crate::error::Error;
use crate::objects::ObjectUpload;
use crate::part::NewParts;

/// A point of an upload at which everything before it is durable.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Bytes before this point.
    pub offset: u64,
    /// The hash of these bytes so far.
    pub hasher: Hasher,
}

impl Checkpoint {
    /// The point before the first byte.
    pub fn start(algorithm: Algorithm) -> Self {
        Self { offset: 0, hasher: Hasher::new(algorithm) }
    }
}

/// What [`Upload::checkpoint`] made durable.
#[derive(Debug)]
pub struct Saved {
    /// The point from which the upload can go on.
    pub at: Checkpoint,
    /// The parts that came to the upload since the last checkpoint.
    pub parts: NewParts,
}

/// How [`Upload::publish`] ended.
#[derive(Debug)]
pub enum Finish {
    /// The bytes have the digest and are there, durably. On disk they have their name, and the staged file is gone.
    Published {
        /// The parts that came to the upload since the last checkpoint.
        parts: NewParts,
    },
    /// The bytes are others than the digest says. On disk they stay staged, not durable: discard them. Of an object store,
    /// what came since the last checkpoint is gone.
    Mismatch {
        /// The digest of the bytes.
        found: Digest,
    },
}

/// Takes the bytes of an upload and hashes them as they arrive; never reads them back.
///
/// An error is final for this value: every later call gives it again, so that no checkpoint can claim bytes which did
/// not arrive. The upload stays as it was at the last checkpoint; [`Store::resume`](crate::Store::resume) goes on from
/// there.
///
/// Dropping it forgets the chunks after the last [`Upload::checkpoint`].
#[derive(Debug)]
pub struct Upload(Kind);

#[derive(Debug)]
enum Kind {
    Disk(StagedUpload),
    Objects(Box<ObjectUpload>),
}

impl From<StagedUpload> for Upload {
    fn from(upload: StagedUpload) -> Self {
        Self(Kind::Disk(upload))
    }
}

impl From<ObjectUpload> for Upload {
    fn from(upload: ObjectUpload) -> Self {
        Self(Kind::Objects(Box::new(upload)))
    }
}

impl Upload {
    /// The algorithm that the upload hashes with.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Kind::Disk(upload) => upload.algorithm(),
            Kind::Objects(upload) => upload.algorithm(),
        }
    }

    /// Bytes given so far, with those before the checkpoint that it was resumed from.
    pub fn offset(&self) -> u64 {
        match &self.0 {
            Kind::Disk(upload) => upload.offset(),
            Kind::Objects(upload) => upload.offset(),
        }
    }

    /// Appends `chunk`. Waits where the store is slower than the client.
    ///
    /// # Errors
    /// Of this chunk or of an earlier one: chunks are written later than they are given.
    /// # Cancel safety
    /// The chunk counts as given, and [`Upload::offset`] includes it, as soon as the future has been polled.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Disk(upload) => upload.write(chunk).await,
            Kind::Objects(upload) => upload.write(chunk).await,
        }
    }

    /// Makes everything given so far durable: on disk the bytes, and for a new file its name; in an object store one or
    /// more objects, after which new bytes go to another one.
    ///
    /// Costs nothing if nothing was given since the last checkpoint, except that the first checkpoint of an upload on disk
    /// makes the file, also if it is empty.
    ///
    /// # Errors
    /// If any byte given so far could not be written or synced.
    /// # Cancel safety
    /// The work goes on; calling again waits for it.
    pub async fn checkpoint(&mut self) -> Result<Saved, Error> {
        match &mut self.0 {
            Kind::Disk(upload) => Ok(Saved { at: upload.checkpoint().await?, parts: NewParts::default() }),
            Kind::Objects(upload) => upload.checkpoint().await,
        }
    }

    /// Ends the upload: makes everything given so far durable if its hash is `digest`. On disk it is published in the same
    /// trip, which is cheaper than a checkpoint and [`Store::publish`](crate::Store::publish), and as durable.
    ///
    /// The algorithm of `digest` must be the one that the upload hashes with, or it is a mismatch.
    ///
    /// # Errors
    /// If any byte given so far could not be written or synced, or the blob not be published.
    /// # Cancel safety
    /// On disk the work goes on: the blob may have been published. In an object store nothing is kept.
    pub async fn publish(self, digest: &Digest) -> Result<Finish, Error> {
        match self.0 {
            Kind::Disk(upload) => upload.publish(digest).await,
            Kind::Objects(upload) => upload.publish(digest).await,
        }
    }

    /// Gives up what came after the last checkpoint, and waits until it is gone. On disk there is nothing to wait for: what
    /// lies behind a checkpoint is cut off when the upload goes on, and [`Store::discard`](crate::Store::discard) removes
    /// the file.
    pub async fn abandon(self) {
        match self.0 {
            Kind::Disk(upload) => drop(upload),
            Kind::Objects(upload) => upload.abandon().await,
        }
    }
}

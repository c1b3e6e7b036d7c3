//! Uploads: a session begins with POST, grows by PATCH, and ends with PUT or DELETE (distribution-spec, "Pushing blobs").
//!
//! ```text
//!            append            finish: bytes synced ─► digest compared ─► renamed, directory synced ─► row committed
//! begin ──► ┌──────┐ ──────────────────────────────────────────────────────────────────────────────────────────► blob
//!           │ open │ ──────────► cancelled or expired: row removed, then bytes
//!           └──────┘
//! ```
//!
//! The row of a session holds what is synced: its size and the state of the hash over it. Whatever lies in the store beyond
//! that after a crash is cut off when the session goes on; in an object store, where nothing is renamed either, it is an
//! object without a row, and the purge finds it.

mod receive;
mod session;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use entrepot_database::{Durability, Timestamp};
use entrepot_oci::{Algorithm, ByteRange, Digest, Hasher};
use entrepot_store::Checkpoint;
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use self::receive::{Received, check_length, check_order};
use crate::gate::{Grant, Push};
use crate::publish::Staged;
use crate::slots::Held;
use crate::usage::{Room, Thing};
use crate::{Error, Registry, tables};

pub use self::receive::BodyError;
pub(crate) use self::session::Session;

/// How long a request waits for another that writes to the same upload to notice that it is no longer wanted.
const TAKE_OVER: Duration = Duration::from_secs(20);

/// Names an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadId(Uuid);

impl std::fmt::Display for UploadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for UploadId {
    type Err = uuid::Error;

    /// Takes the lower-case form with hyphens, which is the one that is given out.
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl Registry {
    /// Begins an upload. The client may say which algorithm its digest will have (`digest-algorithm`, end-4c).
    ///
    /// # Errors
    /// [`Error::QuotaReached`] if there is no room for a byte; what the database said.
    pub async fn begin_upload(&self, grant: &Grant<Push>, algorithm: Option<Algorithm>) -> Result<UploadId, Error> {
        Room::new(grant, Thing::Unnamed).holds(self, 1).await?;
        let id = Uuid::now_v7();
        let text = id.to_string();
        let repository = grant.repository().clone();
        let state = Hasher::new(algorithm.unwrap_or(Algorithm::Sha256)).to_bytes();
        self.0
            .database
            .write_loosely(Durability::Process, move |connection| {
                let now = Timestamp::now();
                let parameters = [(&text).into(), repository.as_str().into(), state.as_slice().into(), now.into()];
                connection.execute(&tables::ADD_UPLOAD, &parameters)?;
                Ok::<_, Error>(())
            })
            .await?;
        self.0.metrics.uploads_started.inc();
        Ok(UploadId(id))
    }

    /// The number of bytes that the upload has (end-13). Waits for what came before a body was cut to be written down: a
    /// client that comes back at once shall not hear an offset that the next chunk is then refused for.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`].
    pub async fn upload_size(&self, grant: &Grant<Push>, id: UploadId) -> Result<u64, Error> {
        drop(self.0.recording.hold(id.0).await);
        Ok(self.session(grant.repository(), id.0).await?.size)
    }

    /// Gives an upload up (end-14). A request that writes to it meanwhile is stopped.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`].
    pub async fn cancel_upload(&self, grant: &Grant<Push>, id: UploadId) -> Result<(), Error> {
        let _held = self.take_over(id.0).await?;
        self.session(grant.repository(), id.0).await?;
        self.remove_session(id.0).await?;
        self.0.metrics.uploads_cancelled.inc();
        Ok(())
    }

    /// Appends `body` and returns the new size of the upload in bytes (end-5). `range` is what the client says of the chunk.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if the range does not begin at the upload's end; [`Error::LengthMismatch`] if it has another
    /// length than the body, which is then not kept; [`Error::Interrupted`] if the body was cut, of which what came is kept;
    /// [`Error::QuotaReached`], and nothing of the body is kept.
    ///
    /// # Cancel safety
    /// None: run it to its end in a task of its own. A client that goes away shows as the end of `body`.
    pub async fn append(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        range: Option<ByteRange>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
    ) -> Result<u64, Error> {
        let held = self.take_over(id.0).await?;
        let _active = self.0.metrics.active_upload();
        let mut session = self.session(grant.repository(), id.0).await?;
        check_order(range, session.size)?;
        let room = Room::new(grant, Thing::Unnamed);
        let mut upload = self.take_body(&held, &mut session, range, body, room).await?;
        self.record(&mut session, &mut upload).await
    }

    /// Appends `body`, the last chunk or nothing, and makes the upload a blob of the repository (end-6).
    ///
    /// When this returns, the bytes, their name and the rows that show them are synced.
    ///
    /// # Errors
    /// As [`Registry::append`], and [`Error::DigestMismatch`], after which the upload is gone, as it is after
    /// [`Error::QuotaReached`] for all of it.
    ///
    /// # Cancel safety
    /// None, as for [`Registry::append`].
    pub async fn finish_upload(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        range: Option<ByteRange>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        digest: &Digest,
    ) -> Result<(), Error> {
        let held = self.take_over(id.0).await?;
        let _active = self.0.metrics.active_upload();
        let mut session = self.session(grant.repository(), id.0).await?;
        check_order(range, session.size)?;
        if session.size == 0 {
            // Nothing is hashed yet, so the algorithm can still be the one of the digest.
            session.hasher = Some(Hasher::new(digest.algorithm()));
        }
        let mut body = pin!(body.peekable());
        let staged = if body.as_mut().peek().await.is_none() && session.size > 0 {
            check_length(range, 0)?;
            Staged::Recorded(self.recorded(&session).await?)
        } else {
            let room = Room::new(grant, Thing::Blob(*digest));
            Staged::Open(self.take_body(&held, &mut session, range, body, room).await?)
        };
        self.publish(grant, id.0, staged, digest, Some(session)).await
    }

    /// Makes `body`, which has `length` bytes if that is known, a blob of the repository in one request (end-4b).
    ///
    /// # Errors
    /// [`Error::DigestMismatch`], [`Error::Interrupted`], [`Error::QuotaReached`]; nothing is kept.
    ///
    /// # Cancel safety
    /// None, as for [`Registry::append`].
    pub async fn push_blob(
        &self,
        grant: &Grant<Push>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        length: Option<u64>,
        digest: &Digest,
    ) -> Result<(), Error> {
        let mut room = Room::new(grant, Thing::Blob(*digest));
        room.holds(self, length.unwrap_or_default()).await?;
        let id = Uuid::now_v7();
        // Held so that the purge leaves a file alone that has no row.
        let held = self.take_over(id).await?;
        let _active = self.0.metrics.active_upload();
        self.0.metrics.uploads_started.inc();
        let mut upload = self.0.store.resume(id, Checkpoint::start(digest.algorithm())).await?;
        let stored = match self.receive(&held, &mut upload, None, body, room).await {
            Ok(Received::Whole) => self.publish(grant, id, Staged::Open(upload), digest, None).await,
            Ok(Received::Cut(error)) | Err(error) => {
                // The store lets only one act on staged bytes at a time.
                upload.abandon().await;
                Err(error)
            }
        };
        if stored.is_err() {
            self.0.store.discard(id).await?;
        }
        stored
    }

    async fn take_over(&self, id: Uuid) -> Result<Held<'_, Uuid>, Error> {
        tokio::time::timeout(TAKE_OVER, self.0.writing.hold(id)).await.map_err(|_| Error::UploadTaken)
    }
}

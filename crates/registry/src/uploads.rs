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
//! that after a crash is cut off when the session goes on.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_database::{Durability, Timestamp};
use entrepot_oci::{Algorithm, ByteRange, Digest, Hasher, RepositoryName};
use entrepot_store::{Checkpoint, Upload};
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use crate::gate::{Grant, Push};
use crate::publish::Staged;
use crate::slots::Held;
use crate::{Error, Registry, tables};

/// A long body is recorded each time so many bytes came in, so that a crash costs no more than that.
const RECORD_EVERY: u64 = 256 * 1024 * 1024;
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

/// A body that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// What a session's row holds.
struct Session {
    size: u64,
    /// State of the hash over the first `size` bytes; `None` if another version of the library wrote it.
    hasher: Option<Hasher>,
}

/// How a body ended.
enum Received {
    Whole,
    /// The client went away, or another request wants the upload.
    Cut(Error),
}

impl Registry {
    /// Begins an upload. The client may say which algorithm its digest will have (`digest-algorithm`, end-4c).
    ///
    /// # Errors
    /// What the database said.
    pub async fn begin_upload(&self, grant: &Grant<Push>, algorithm: Option<Algorithm>) -> Result<UploadId, Error> {
        let id = Uuid::now_v7();
        let text = id.to_string();
        let repository = grant.repository().clone();
        let state = Hasher::new(algorithm.unwrap_or(Algorithm::Sha256)).to_bytes();
        self.0
            .database
            .write(Durability::Process, move |connection| {
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
        self.remove_session(id.0, Durability::Process).await?;
        self.0.store.discard(id.0).await?;
        self.0.metrics.uploads_cancelled.inc();
        Ok(())
    }

    /// Appends `body` and returns the new size of the upload in bytes (end-5). `range` is what the client says of the chunk.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if the range does not begin at the upload's end; [`Error::LengthMismatch`] if it has another
    /// length than the body, which is then not kept; [`Error::Interrupted`] if the body was cut, of which what came is kept.
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
        let session = self.session(grant.repository(), id.0).await?;
        check_order(range, session.size)?;
        let mut upload = self.resume(id.0, session).await?;
        let before = upload.offset();
        // A chunk with a range counts as a whole or not at all, unless it is cut.
        let session = range.is_none().then_some(id.0);
        let received = self.receive(&held, &mut upload, before, body, session).await?;
        if matches!(received, Received::Whole) {
            check_length(range, upload.offset() - before)?;
        }
        let size = self.record(id.0, &mut upload).await?;
        match received {
            Received::Whole => Ok(size),
            Received::Cut(Error::Interrupted { .. }) => Err(Error::Interrupted { size }),
            Received::Cut(error) => Err(error),
        }
    }

    /// Appends `body`, the last chunk or nothing, and makes the upload a blob of the repository (end-6).
    ///
    /// When this returns, the bytes, their name and the rows that show them are synced.
    ///
    /// # Errors
    /// As [`Registry::append`], and [`Error::DigestMismatch`], after which the upload is gone.
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
        let before = session.size;
        let mut body = pin!(body.peekable());
        let staged = if body.as_mut().peek().await.is_none() && before > 0 {
            check_length(range, 0)?;
            Staged::Recorded(self.recorded(id.0, session).await?)
        } else {
            let mut upload = self.resume(id.0, session).await?;
            let session = range.is_none().then_some(id.0);
            match self.receive(&held, &mut upload, before, body, session).await? {
                Received::Whole => check_length(range, upload.offset() - before)?,
                Received::Cut(error) => {
                    let size = self.record(id.0, &mut upload).await?;
                    return Err(if matches!(error, Error::Interrupted { .. }) {
                        Error::Interrupted { size }
                    } else {
                        error
                    });
                }
            }
            Staged::Open(upload)
        };
        self.publish(grant.repository(), id.0, staged, digest, true).await
    }

    /// Makes `body` a blob of the repository in one request (end-4b).
    ///
    /// # Errors
    /// [`Error::DigestMismatch`], [`Error::Interrupted`]; nothing is kept.
    ///
    /// # Cancel safety
    /// None, as for [`Registry::append`].
    pub async fn push_blob(
        &self,
        grant: &Grant<Push>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        digest: &Digest,
    ) -> Result<(), Error> {
        let id = Uuid::now_v7();
        // Held so that the purge leaves a file alone that has no row.
        let held = self.take_over(id).await?;
        let _active = self.0.metrics.active_upload();
        self.0.metrics.uploads_started.inc();
        let start = Checkpoint { offset: 0, hasher: Hasher::new(digest.algorithm()) };
        let mut upload = self.0.store.resume(id, start).await?;
        let stored = match self.receive(&held, &mut upload, 0, body, None).await {
            Ok(Received::Whole) => self.publish(grant.repository(), id, Staged::Open(upload), digest, false).await,
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

    async fn session(&self, repository: &RepositoryName, id: Uuid) -> Result<Session, Error> {
        let (repository, id) = (repository.clone(), id.to_string());
        let session = self.0.database.read(move |connection| {
            connection.first(&tables::UPLOAD, &[(&id).into(), repository.as_str().into()], |row| {
                Ok::<_, Error>(Session { size: row.size(0)?, hasher: Hasher::from_bytes(row.blob(1)?).ok() })
            })
        });
        session.await?.ok_or(Error::UploadUnknown)
    }

    /// The checkpoint that a session's row stands for; hashes the bytes again if its state is not readable.
    async fn recorded(&self, id: Uuid, session: Session) -> Result<Checkpoint, Error> {
        match session.hasher {
            Some(hasher) => Ok(Checkpoint { offset: session.size, hasher }),
            None => self.lost_if_missing(id, self.0.store.rehash(id, Algorithm::Sha256, session.size, &[]).await).await,
        }
    }

    async fn resume(&self, id: Uuid, session: Session) -> Result<Upload, Error> {
        let at = self.recorded(id, session).await?;
        self.lost_if_missing(id, self.0.store.resume(id, at).await).await
    }

    /// An upload whose bytes are gone cannot go on, and the client must hear so instead of trying for ever.
    pub(crate) async fn lost_if_missing<T>(
        &self,
        id: Uuid,
        result: Result<T, entrepot_store::Error>,
    ) -> Result<T, Error> {
        match result {
            Err(entrepot_store::Error::Missing(_)) => {
                tracing::warn!(upload = %id, "the bytes of an upload are gone; the client has to start again");
                self.remove_session(id, Durability::Process).await?;
                Err(Error::UploadUnknown)
            }
            other => Ok(other?),
        }
    }

    /// Writes the body to the upload, and a long one's progress to the row of its session. Bytes that came before it was cut
    /// are kept in the upload.
    async fn receive(
        &self,
        held: &Held<'_, Uuid>,
        upload: &mut Upload,
        mut recorded: u64,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        session: Option<Uuid>,
    ) -> Result<Received, Error> {
        let limit = self.0.options.max_blob_bytes.unwrap_or(u64::MAX);
        let mut body = pin!(body);
        loop {
            let next = tokio::select! {
                biased;
                next = body.next() => next,
                () = held.somebody_waits() => return Ok(Received::Cut(Error::UploadTaken)),
            };
            match next {
                None => return Ok(Received::Whole),
                Some(Ok(chunk)) => {
                    if upload.offset() + chunk.len() as u64 > limit {
                        return Err(Error::BlobTooLarge { limit });
                    }
                    self.0.metrics.bytes_received.inc_by(chunk.len() as u64);
                    upload.write(chunk).await?;
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a body was cut");
                    return Ok(Received::Cut(Error::Interrupted { size: upload.offset() }));
                }
            }
            if let Some(id) = session
                && upload.offset() - recorded >= RECORD_EVERY
            {
                recorded = self.record(id, upload).await?;
            }
        }
    }

    /// Syncs what the upload has and writes it down. Returns its size.
    async fn record(&self, id: Uuid, upload: &mut Upload) -> Result<u64, Error> {
        let _recording = self.0.recording.hold(id).await;
        let start = Instant::now();
        let checkpoint = upload.checkpoint().await?.at;
        self.0.metrics.store_sync_seconds.observe(start.elapsed().as_secs_f64());
        fail::fail_point!("registry::after_checkpoint");
        let (text, state) = (id.to_string(), checkpoint.hasher.to_bytes());
        let size = i64::try_from(checkpoint.offset).map_err(|_| Error::Damaged("an upload of 8 EiB".to_owned()))?;
        let rows = self.0.database.write(Durability::Process, move |connection| {
            let parameters = [size.into(), state.as_slice().into(), Timestamp::now().into(), (&text).into()];
            Ok::<_, Error>(connection.execute(&tables::ADVANCE_UPLOAD, &parameters)?)
        });
        if rows.await? == 0 {
            return Err(Error::UploadUnknown);
        }
        Ok(checkpoint.offset)
    }

    pub(crate) async fn remove_session(&self, id: Uuid, durability: Durability) -> Result<(), Error> {
        let text = id.to_string();
        let removed = self.0.database.write(durability, move |connection| {
            Ok::<_, Error>(connection.execute(&tables::REMOVE_UPLOAD, &[(&text).into()])?)
        });
        removed.await.map(|_| ())
    }
}

fn check_order(range: Option<ByteRange>, size: u64) -> Result<(), Error> {
    match range {
        Some(range) if range.first() != size => Err(Error::OutOfOrder { first: range.first(), size }),
        _ => Ok(()),
    }
}

fn check_length(range: Option<ByteRange>, actual: u64) -> Result<(), Error> {
    match range.map(|range| range.length().unwrap_or(u64::MAX)) {
        Some(stated) if stated != actual => Err(Error::LengthMismatch { stated, actual }),
        _ => Ok(()),
    }
}

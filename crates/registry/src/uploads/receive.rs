//! Taking a body into an upload.

use std::pin::pin;

use bytes::Bytes;
use entrepot_oci::ByteRange;
use entrepot_store::Upload;
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use super::session::Session;
use crate::slots::Held;
use crate::usage::Room;
use crate::{Error, Registry};

/// A long body is recorded each time so many bytes came in, so that a crash costs no more than that.
const RECORD_EVERY: u64 = 256 * 1024 * 1024;

/// A body that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// How a body ended.
pub(super) enum Received {
    Whole,
    /// The client went away, or another request wants the upload.
    Cut(Error),
}

impl Registry {
    /// Goes on with a session and takes the whole body, which is then in the returned upload and not yet recorded.
    ///
    /// # Errors
    /// [`Error::Interrupted`] and [`Error::UploadTaken`] if the body was cut: what came before is recorded.
    /// [`Error::LengthMismatch`] if it is not as long as `range` says, [`Error::BlobTooLarge`], [`Error::QuotaReached`]: nothing
    /// of it is kept.
    pub(super) async fn take_body(
        &self,
        held: &Held<'_, Uuid>,
        session: &mut Session,
        range: Option<ByteRange>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        mut room: Room<'_>,
    ) -> Result<Upload, Error> {
        let stated = range.and_then(ByteRange::length).unwrap_or_default();
        room.holds(self, session.size.saturating_add(stated)).await?;
        let mut upload = self.resume(session).await?;
        let before = upload.offset();
        // A chunk with a range counts as a whole or not at all, unless it is cut.
        let progress = if range.is_none() { Some(&mut *session) } else { None };
        let refused = match self.receive(held, &mut upload, progress, body, room).await {
            Ok(Received::Whole) => match check_length(range, upload.offset() - before) {
                Ok(()) => return Ok(upload),
                Err(error) => error,
            },
            Ok(Received::Cut(error)) => {
                let size = self.record(session, &mut upload).await?;
                return Err(if matches!(error, Error::Interrupted { .. }) {
                    Error::Interrupted { size }
                } else {
                    error
                });
            }
            Err(error) => error,
        };
        upload.abandon().await;
        Err(refused)
    }

    /// Writes the body to the upload, and a long one's progress to the row of `session`, where the store can. Bytes that came
    /// before it was cut are kept in the upload.
    pub(super) async fn receive(
        &self,
        held: &Held<'_, Uuid>,
        upload: &mut Upload,
        session: Option<&mut Session>,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        mut room: Room<'_>,
    ) -> Result<Received, Error> {
        let limit = self.0.options.max_blob_bytes.unwrap_or(u64::MAX);
        let mut session = session.filter(|_| self.0.store.records_midway());
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
                    room.holds(self, upload.offset() + chunk.len() as u64).await?;
                    self.0.metrics.bytes_received.inc_by(chunk.len() as u64);
                    upload.write(chunk).await?;
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a body was cut");
                    return Ok(Received::Cut(Error::Interrupted { size: upload.offset() }));
                }
            }
            if let Some(session) = &mut session
                && upload.offset() - session.size >= RECORD_EVERY
            {
                self.record(session, upload).await?;
            }
        }
    }
}

/// Whether the chunk begins where the upload ends.
pub(super) fn check_order(range: Option<ByteRange>, size: u64) -> Result<(), Error> {
    match range {
        Some(range) if range.first() != size => Err(Error::OutOfOrder { first: range.first(), size }),
        _ => Ok(()),
    }
}

/// Whether the chunk is as long as its range says.
pub(super) fn check_length(range: Option<ByteRange>, actual: u64) -> Result<(), Error> {
    match range.map(|range| range.length().unwrap_or(u64::MAX)) {
        Some(stated) if stated != actual => Err(Error::LengthMismatch { stated, actual }),
        _ => Ok(()),
    }
}

//! Copying a blob from one place of bytes to another. What arrives under its name has its digest.

use entrepot_oci::Digest;
use entrepot_store::{Blob, Checkpoint, Error, Finish, NewParts, Store};
use futures_util::StreamExt;
use uuid::Uuid;

use crate::reread;

/// How a copy ended.
pub(crate) enum Transfer {
    /// The bytes are there, durably, in these parts if it is an object store.
    Done(NewParts),
    /// They could not be read, or are not what they should be, for this reason. Nothing is left of them.
    Bad(String),
}

/// Copies `blob` to `to`, if its bytes have the digest.
///
/// # Errors
/// What `to` said; and what `from` said, if that may pass by itself.
pub(crate) async fn transfer(
    blob: Result<Blob, Error>,
    size: u64,
    digest: &Digest,
    to: &Store,
) -> Result<Transfer, Error> {
    let blob = match reread::sized(blob, size)? {
        Ok(blob) => blob,
        Err(why) => return Ok(Transfer::Bad(why)),
    };
    let mut bytes = match blob.reread().await {
        Ok(bytes) => bytes,
        Err(error) => return reread::lasting(error).map(Transfer::Bad),
    };
    let id = Uuid::now_v7();
    let mut upload = to.resume(id, Checkpoint::start(digest.algorithm())).await?;
    while let Some(piece) = bytes.next().await {
        match piece {
            Ok(piece) => upload.write(piece).await?,
            Err(error) => {
                upload.abandon().await;
                to.discard(id).await?;
                return reread::lasting(error).map(Transfer::Bad);
            }
        }
    }
    match upload.publish(digest).await? {
        Finish::Published { parts } => Ok(Transfer::Done(parts)),
        Finish::Mismatch { found } => {
            to.discard(id).await?;
            Ok(Transfer::Bad(reread::of_another_digest(&found)))
        }
    }
}

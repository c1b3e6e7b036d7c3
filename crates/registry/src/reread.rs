//! Reading stored bytes again, to see whether they still are what they were. What is wrong with them is told in words; a failure that
//! may pass by itself says nothing of them, and is an error.

use entrepot_oci::{Digest, Hasher};
use entrepot_store::{Blob, Error};
use futures_util::StreamExt;

use crate::scrub::Pace;

/// A blob that was opened, if it has the bytes that it should have; otherwise what is wrong.
///
/// # Errors
/// What may pass by itself.
pub(crate) fn sized(opened: Result<Blob, Error>, size: u64) -> Result<Result<Blob, String>, Error> {
    match opened {
        Ok(blob) if blob.size() == size => Ok(Ok(blob)),
        Ok(blob) => Ok(Err(of_another_size(blob.size(), size))),
        Err(error) => lasting(error).map(Err),
    }
}

/// What is wrong with the bytes of a blob, as the disk or the object store has them now, read as fast as `pace` lets it; `None`: they
/// have the digest.
///
/// # Errors
/// What may pass by itself.
pub(crate) async fn differs(blob: &Blob, digest: &Digest, pace: &mut Pace) -> Result<Option<String>, Error> {
    match hash(blob, digest, pace).await {
        Ok(found) if found == *digest => Ok(None),
        Ok(found) => Ok(Some(of_another_digest(&found))),
        Err(error) => lasting(error).map(Some),
    }
}

/// What an error says of a blob, if it will not pass by itself.
///
/// # Errors
/// It may.
pub(crate) fn lasting(error: Error) -> Result<String, Error> {
    if error.is_temporary() { Err(error) } else { Ok(error.to_string()) }
}

/// What is wrong with bytes that have this digest.
pub(crate) fn of_another_digest(found: &Digest) -> String {
    format!("its bytes have the digest {found}")
}

fn of_another_size(found: u64, expected: u64) -> String {
    format!("it has {found} bytes and should have {expected}")
}

async fn hash(blob: &Blob, digest: &Digest, pace: &mut Pace) -> Result<Digest, Error> {
    let mut bytes = blob.reread().await?;
    let mut hasher = Hasher::new(digest.algorithm());
    while let Some(piece) = bytes.next().await.transpose()? {
        pace.take(piece.len() as u64).await;
        // A piece may have a MiB, which is milliseconds of hashing.
        let hashed = tokio::task::spawn_blocking(move || {
            hasher.update(&piece);
            hasher
        });
        hasher = match hashed.await {
            Ok(hasher) => hasher,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        };
    }
    Ok(hasher.finish())
}

/// Why a blob could not be read, if that will not pass by itself: object stores do not say it of an object that has become shorter.
/// `size` asks for the bytes that there are.
pub(crate) async fn shrunk(size: impl Future<Output = Result<u64, Error>>, expected: u64) -> Option<String> {
    match size.await {
        Ok(found) if found != expected => Some(of_another_size(found, expected)),
        Err(error @ Error::Missing(_)) => Some(error.to_string()),
        Ok(_) | Err(_) => None,
    }
}

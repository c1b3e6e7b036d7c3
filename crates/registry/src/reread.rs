//! Reading stored bytes again, to see whether they still are what they were.

use entrepot_oci::{Algorithm, Digest, Hasher};
use entrepot_store::{Blob, Error};
use futures_util::StreamExt;

use crate::scrub::Pace;

/// The digest of a blob's bytes, as the disk or the object store has them now, read as fast as `pace` lets it.
///
/// # Errors
/// What the disk or the object store said.
pub(crate) async fn digest(blob: &Blob, algorithm: Algorithm, pace: &mut Pace) -> Result<Digest, Error> {
    let mut bytes = blob.reread().await?;
    let mut hasher = Hasher::new(algorithm);
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
        Ok(found) if found != expected => Some(format!("it has {found} bytes and should have {expected}")),
        Err(error @ Error::Missing(_)) => Some(error.to_string()),
        Ok(_) | Err(_) => None,
    }
}

//! The step from staged bytes to a blob that a repository shows: bytes synced, name given, directory synced, row committed,
//! in this order.

use std::time::Instant;

use entrepot_database::Durability;
use entrepot_oci::{Digest, RepositoryName};
use entrepot_store::{Checkpoint, Finish, Upload};
use uuid::Uuid;

use crate::{Error, Registry, blobs, tables};

/// Bytes of which a blob is to be made.
pub(crate) enum Staged {
    /// Synced by earlier requests.
    Recorded(Checkpoint),
    /// Just received, and not synced yet.
    Open(Upload),
}

impl Registry {
    /// Turns staged bytes into a blob that the repository shows.
    pub(crate) async fn publish(
        &self,
        repository: &RepositoryName,
        id: Uuid,
        staged: Staged,
        digest: &Digest,
        session: bool,
    ) -> Result<(), Error> {
        // Until the row is there, the purge must leave the bytes alone.
        let _publishing = self.0.publishing.hold(*digest).await;
        let start = Instant::now();
        let (size, found) = self.publish_bytes(id, staged, digest).await?;
        if let Some(actual) = found {
            if session {
                self.remove_session(id, Durability::Process).await?;
                self.0.store.discard(id).await?;
            }
            return Err(Error::mismatch(*digest, actual));
        }
        self.0.metrics.store_publish_seconds.observe(start.elapsed().as_secs_f64());
        fail::fail_point!("registry::after_publish");
        let (name, digest, id) = (repository.clone(), *digest, id.to_string());
        let linked = self.0.database.write(Durability::Power, move |connection| {
            blobs::link_published(connection, &name, &digest, size)?;
            if session {
                connection.execute(&tables::REMOVE_UPLOAD, &[(&id).into()])?;
            }
            Ok::<_, Error>(())
        });
        linked.await?;
        fail::fail_point!("registry::after_link");
        self.0.metrics.uploads_finished.inc();
        Ok(())
    }

    /// Gives the bytes the name `digest`, synced. Returns their number, and their real digest if it is another.
    async fn publish_bytes(&self, id: Uuid, staged: Staged, digest: &Digest) -> Result<(u64, Option<Digest>), Error> {
        let checkpoint = match staged {
            Staged::Open(upload) if upload.algorithm() == digest.algorithm() => {
                let size = upload.offset();
                return Ok(match upload.publish(digest).await? {
                    Finish::Published { .. } => (size, None),
                    Finish::Mismatch { found, .. } => (size, Some(found)),
                });
            }
            Staged::Open(mut upload) => upload.checkpoint().await?.at,
            Staged::Recorded(checkpoint) => checkpoint,
        };
        let size = checkpoint.offset;
        let hasher = if checkpoint.hasher.algorithm() == digest.algorithm() {
            checkpoint.hasher
        } else {
            // The client named its algorithm only now (it may: "SHOULD", end-4c): the one case in which bytes are read back.
            let rehashed = self.0.store.rehash(id, digest.algorithm(), size, &[]).await;
            self.lost_if_missing(id, rehashed).await?.hasher
        };
        let actual = hasher.finish();
        if actual != *digest {
            return Ok((size, Some(actual)));
        }
        self.lost_if_missing(id, self.0.store.publish(id, digest, size).await).await?;
        Ok((size, None))
    }
}

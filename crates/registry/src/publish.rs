//! The step from staged bytes to a blob that a repository shows: bytes synced, name given, directory synced, row committed,
//! in this order. In an object store the bytes have their place already, and the row says which objects they are.

use std::time::{Duration, Instant};

use entrepot_database::{Connection, Durability};
use entrepot_oci::{Digest, RepositoryName};
use entrepot_store::{Checkpoint, Finish, NewParts, Part, Saved, Upload};
use uuid::Uuid;

use crate::gate::{Grant, Push};
use crate::parts::{self, Owner};
use crate::uploads::Session;
use crate::usage::Thing;
use crate::{Error, Registry, blobs, replica, tables};

/// Bytes of which a blob is to be made.
pub(crate) enum Staged {
    /// Synced by earlier requests.
    Recorded(Checkpoint),
    /// Just received, and not synced yet.
    Open(Upload),
}

impl Staged {
    fn size(&self) -> u64 {
        match self {
            Self::Recorded(at) => at.offset,
            Self::Open(upload) => upload.offset(),
        }
    }

    /// Puts down what is not recorded.
    async fn abandon(self) {
        match self {
            Self::Recorded(_) => {}
            Self::Open(upload) => upload.abandon().await,
        }
    }
}

/// Bytes that are synced, and on disk have their name if they are what was asked for.
struct Synced {
    size: u64,
    /// Those that are in no row yet.
    parts: NewParts,
    actual: Digest,
}

/// What one transaction makes of a blob's bytes.
struct Publication {
    repository: RepositoryName,
    digest: Digest,
    size: u64,
    grace: Duration,
    /// The upload that it was, if it had a session, and so recorded parts.
    session: Option<Session>,
    /// The parts behind those of the session.
    new: Vec<Part>,
}

impl Registry {
    /// Turns staged bytes into a blob that the repository shows, and ends their session.
    pub(crate) async fn publish(
        &self,
        grant: &Grant<Push>,
        id: Uuid,
        staged: Staged,
        digest: &Digest,
        session: Option<Session>,
    ) -> Result<(), Error> {
        if let Err(error) = self.require_room(grant, Thing::Blob(*digest), staged.size()).await {
            staged.abandon().await;
            if session.is_some() && matches!(error, Error::QuotaReached(_)) {
                self.remove_session(id).await?;
            }
            return Err(error);
        }
        // Until the row is there, the purge must leave the bytes alone.
        let _publishing = self.0.publishing.hold(*digest).await;
        let start = Instant::now();
        let Synced { size, parts, actual } = self.sync_as(id, staged, digest).await?;
        if actual != *digest {
            self.try_remove_garbage(&parts).await;
            if session.is_some() {
                self.remove_session(id).await?;
            }
            return Err(Error::mismatch(*digest, actual));
        }
        self.0.metrics.store_publish_seconds.observe(start.elapsed().as_secs_f64());
        fail::fail_point!("registry::after_publish");
        let publication = Publication {
            repository: grant.repository().clone(),
            digest: *digest,
            size,
            grace: self.0.options.grace,
            session,
            new: parts.to_vec(),
        };
        match self.0.database.write(Durability::Power, move |connection| publication.commit(connection)).await {
            Ok(unneeded) => self.try_remove_garbage(&unneeded).await,
            Err(error) => {
                self.drop_refused(&error, &parts).await;
                return Err(error);
            }
        }
        // It may have been there, and condemned.
        self.0.cache.forget_blob(grant.repository(), digest);
        self.released(digest);
        fail::fail_point!("registry::after_link");
        self.0.metrics.uploads_finished.inc();
        Ok(())
    }

    /// Syncs the bytes and, if they are what `digest` says, gives them that name.
    async fn sync_as(&self, id: Uuid, staged: Staged, digest: &Digest) -> Result<Synced, Error> {
        let Saved { at, parts } = match staged {
            Staged::Open(upload) if upload.algorithm() == digest.algorithm() => {
                let size = upload.offset();
                return Ok(match upload.publish(digest).await? {
                    Finish::Published { parts } => Synced { size, parts, actual: *digest },
                    Finish::Mismatch { found } => Synced { size, parts: NewParts::default(), actual: found },
                });
            }
            Staged::Open(mut upload) => upload.checkpoint().await?,
            Staged::Recorded(at) => Saved { at, parts: NewParts::default() },
        };
        let size = at.offset;
        let hasher = if at.hasher.algorithm() == digest.algorithm() {
            at.hasher
        } else {
            // The client named its algorithm only now (it may: "SHOULD", end-4c): the one case in which bytes are read back.
            self.hash_again(id, digest.algorithm(), size, &parts).await?.hasher
        };
        let actual = hasher.finish();
        if actual == *digest {
            self.lost_if_missing(id, self.0.store.publish(id, digest, size).await).await?;
        }
        Ok(Synced { size, parts, actual })
    }
}

impl Publication {
    /// Records and links the blob, and returns the parts that it does not need because its bytes were there already.
    fn commit(&self, connection: &Connection<'_>) -> Result<Vec<Part>, Error> {
        replica::require_writers(connection, &self.new)?;
        let blob = blobs::link_published(connection, &self.repository, &self.digest, self.size, self.grace)?;
        let mut unneeded = Vec::new();
        match &self.session {
            Some(session) if blob.needs_parts => {
                let upload = session.id.to_string();
                let parameters = [blob.id.into(), (&upload).into()];
                connection.execute(&tables::GIVE_PARTS_TO_BLOB, &parameters)?;
            }
            Some(session) => unneeded = parts::of_upload(connection, session.id)?,
            None => {}
        }
        if blob.needs_parts {
            let position = self.session.as_ref().map_or(0, |session| session.size);
            parts::add(connection, Owner::Blob(blob.id), position, &self.new)?;
        } else {
            unneeded.extend_from_slice(&self.new);
        }
        if let Some(session) = &self.session {
            session.end(connection)?;
        }
        Ok(unneeded)
    }
}

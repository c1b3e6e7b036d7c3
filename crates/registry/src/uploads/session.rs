//! The row of an upload: how far it is, and the state of the hash over that.
//!
//! Over PostgreSQL the chunks of one upload may arrive at different processes, and two may be sent at once. Whoever changes a
//! row therefore names the state of the hash that it went on from: that stands for every byte before, so of two changes
//! that begin at the same place only the first is made.

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{Algorithm, Hasher, RepositoryName};
use entrepot_store::{Checkpoint, Part, Saved, Upload};
use uuid::Uuid;

use crate::parts::{self, Owner};
use crate::{Error, Registry, replica, tables};

/// What a session's row holds.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    /// Bytes that are synced.
    pub(crate) size: u64,
    /// State of the hash over them; `None` if another version of the library wrote it.
    pub(crate) hasher: Option<Hasher>,
    /// That state as the row has it.
    state: Vec<u8>,
}

impl Session {
    /// Removes the row, inside a transaction; its parts then belong to nothing.
    ///
    /// # Errors
    /// What is there instead, if the upload is no longer as it was read.
    pub(crate) fn end(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let id = self.id.to_string();
        let parameters = [(&id).into(), self.state.as_slice().into()];
        match connection.execute(&tables::END_UPLOAD, &parameters)? {
            0 => Err(self.overtaken(connection)?),
            _ => Ok(()),
        }
    }

    /// Moves the row on to `at`, inside a transaction, with the parts that came since.
    fn advance(&self, connection: &Connection<'_>, at: &Checkpoint, parts: &[Part]) -> Result<(), Error> {
        replica::require_writers(connection, parts)?;
        let (id, state) = (self.id.to_string(), at.hasher.to_bytes());
        let parameters = [
            parts::column(at.offset)?.into(),
            state.as_slice().into(),
            Timestamp::now().into(),
            (&id).into(),
            self.state.as_slice().into(),
        ];
        match connection.execute(&tables::ADVANCE_UPLOAD, &parameters)? {
            0 => Err(self.overtaken(connection)?),
            _ => parts::add(connection, Owner::Upload(self.id), self.size, parts),
        }
    }

    /// Why the row is not as it was read.
    fn overtaken(&self, connection: &Connection<'_>) -> Result<Error, Error> {
        let now = connection
            .first(&tables::UPLOAD_SIZE, &[(&self.id.to_string()).into()], |row| Ok::<_, Error>(row.size(0)?))?;
        Ok(match now {
            None => Error::UploadUnknown,
            Some(size) if size == self.size => Error::UploadTaken,
            Some(size) => Error::OutOfOrder { first: self.size, size },
        })
    }
}

impl Registry {
    pub(crate) async fn session(&self, repository: &RepositoryName, id: Uuid) -> Result<Session, Error> {
        let (repository, text) = (repository.clone(), id.to_string());
        let session = self.0.database.read(move |connection| {
            connection.first(&tables::UPLOAD, &[(&text).into(), repository.as_str().into()], |row| {
                let state = row.blob(1)?.to_owned();
                Ok::<_, Error>(Session { id, size: row.size(0)?, hasher: Hasher::from_bytes(&state).ok(), state })
            })
        });
        session.await?.ok_or(Error::UploadUnknown)
    }

    /// The checkpoint that a session's row stands for; hashes the bytes again if its state is not readable.
    pub(crate) async fn recorded(&self, session: &Session) -> Result<Checkpoint, Error> {
        match &session.hasher {
            Some(hasher) => Ok(Checkpoint { offset: session.size, hasher: hasher.clone() }),
            None => self.hash_again(session.id, Algorithm::Sha256, session.size, &[]).await,
        }
    }

    /// Hashes the first `size` bytes of an upload, which are those of its recorded parts and of `new`, the ones behind them.
    pub(crate) async fn hash_again(
        &self,
        id: Uuid,
        algorithm: Algorithm,
        size: u64,
        new: &[Part],
    ) -> Result<Checkpoint, Error> {
        let mut parts = self.0.database.read(move |connection| parts::of_upload(connection, id)).await?;
        parts.extend_from_slice(new);
        self.lost_if_missing(id, self.0.store.rehash(id, algorithm, size, &parts).await).await
    }

    pub(crate) async fn resume(&self, session: &Session) -> Result<Upload, Error> {
        let at = self.recorded(session).await?;
        self.lost_if_missing(session.id, self.0.store.resume(session.id, at).await).await
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
                self.remove_session(id).await?;
                Err(Error::UploadUnknown)
            }
            other => Ok(other?),
        }
    }

    /// Syncs what the upload has and writes it down, in the row and in `session`. Returns its size.
    pub(crate) async fn record(&self, session: &mut Session, upload: &mut Upload) -> Result<u64, Error> {
        let _recording = self.0.recording.hold(session.id).await;
        let start = std::time::Instant::now();
        let Saved { at, parts } = upload.checkpoint().await?;
        self.0.metrics.store_sync_seconds.observe(start.elapsed().as_secs_f64());
        fail::fail_point!("registry::after_checkpoint");
        let next =
            Session { id: session.id, size: at.offset, state: at.hasher.to_bytes(), hasher: Some(at.hasher.clone()) };
        let (before, new) = (session.clone(), parts.to_vec());
        let advanced =
            self.0.database.write(Durability::Process, move |connection| before.advance(connection, &at, &new));
        match advanced.await {
            Ok(()) => {
                *session = next;
                Ok(session.size)
            }
            Err(error) => {
                self.drop_refused(&error, &parts).await;
                Err(error)
            }
        }
    }

    /// Removes new parts that a transaction refused. If it failed in another way it may have been committed all the same, and
    /// only the purge can tell.
    pub(crate) async fn drop_refused(&self, error: &Error, parts: &[Part]) {
        let overtaken = matches!(error, Error::UploadUnknown | Error::UploadTaken | Error::OutOfOrder { .. });
        if overtaken || error.is_read_only() {
            self.try_remove_garbage(parts).await;
        }
    }

    /// Removes the row of an upload, durably, and then its bytes.
    pub(crate) async fn remove_session(&self, id: Uuid) -> Result<(), Error> {
        let removed = self.0.database.write(Durability::Power, move |connection| {
            let parts = parts::of_upload(connection, id)?;
            connection.execute(&tables::REMOVE_UPLOAD, &[(&id.to_string()).into()])?;
            Ok::<_, Error>(parts)
        });
        let parts = removed.await?;
        self.0.store.discard(id).await?;
        self.try_remove_garbage(&parts).await;
        Ok(())
    }
}

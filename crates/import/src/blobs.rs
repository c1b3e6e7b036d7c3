//! The blobs that manifests name.

use std::path::Path;
use std::sync::Arc;

use entrepot_oci::Digest;
use entrepot_registry::gate::{Grant, Pull, Push};
use entrepot_registry::{Error as Core, MountSource};
use entrepot_store::Adopted;
use tokio::sync::OnceCell;

use crate::repository::At;
use crate::source::{Body, Place, Source};
use crate::{Error, Import, file};

/// Why a repository cannot have a blob.
pub(crate) enum Trouble {
    /// Its bytes are not there, or are others.
    Damaged(String),
    /// Anything else.
    Refused(String),
}

impl<S: Source> Import<S> {
    /// Sees to it that the repository has the blob.
    pub(crate) async fn blob(&self, at: &At<'_>, digest: &Digest) -> Result<Result<(), Trouble>, Error> {
        match self.have(at, digest).await {
            Ok(had) => Ok(had),
            Err(error) => Ok(Err(Trouble::Refused(error.left_out()?))),
        }
    }

    async fn have(&self, at: &At<'_>, digest: &Digest) -> Result<Result<(), Trouble>, Error> {
        if self.is_in(&at.pull, digest).await? {
            return Ok(Ok(()));
        }
        let place = match self.source.blob(at.old, digest).await {
            Ok(Some(place)) => place,
            Ok(None) => return Ok(Err(Trouble::Damaged("it is not there".to_owned()))),
            Err(error) => return Ok(Err(Trouble::Damaged(error.left_out()?))),
        };
        let once = Arc::clone(self.blobs.lock().entry(*digest).or_default());
        let taken = once.get_or_try_init(async || self.take(at, digest, place).await).await?.clone();
        if let Err(why) = taken {
            return Ok(Err(Trouble::Damaged(why)));
        }
        let Some(push) = &at.push else { return Ok(Ok(())) };
        // It has a row now, which says as much.
        self.blobs.lock().remove(digest);
        if self.is_in(&at.pull, digest).await? || self.share(push, digest).await? {
            return Ok(Ok(()));
        }
        Ok(Err(Trouble::Refused(format!("blob {digest} was deleted here meanwhile"))))
    }

    /// Makes it a blob of this repository, unless another has it, and says what is wrong with it, if something is.
    async fn take(&self, at: &At<'_>, digest: &Digest, place: Place) -> Result<Result<(), String>, Error> {
        if !self.registry.holders_of(digest).await?.is_empty() {
            return Ok(Ok(()));
        }
        // It never closes.
        let _permit = self.readers.acquire().await;
        let size = place.size();
        let adopted = match (&at.push, place) {
            (None, Place::File { .. }) => Ok(Adopted::Linked { owner: self.own }),
            (None, Place::Stream { .. }) => Ok(Adopted::Copied),
            (Some(push), Place::File { path, size }) => self.adopt(push, &path, size, digest).await,
            (Some(push), Place::Stream { size, body }) => self.receive(push, body, size, digest).await,
        };
        match adopted {
            Ok(adopted) => {
                self.progress.blob(size);
                self.summary.lock().came(size, adopted, self.own);
                Ok(Ok(()))
            }
            Err(error @ (Core::DigestMismatch(_) | Core::Store(_) | Core::Interrupted { .. })) => {
                Error::from(error).left_out().map(Err)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn adopt(&self, push: &Grant<Push>, path: &Path, size: u64, digest: &Digest) -> Result<Adopted, Core> {
        match self.registry.adopt_blob(push, path, size, digest, self.options.sharing).await? {
            Some(adopted) => Ok(adopted),
            None => self.receive(push, file::stream(path), size, digest).await,
        }
    }

    async fn receive(&self, push: &Grant<Push>, body: Body, size: u64, digest: &Digest) -> Result<Adopted, Core> {
        self.registry.push_blob(push, body, Some(size), digest).await?;
        Ok(Adopted::Copied)
    }

    /// Lets the repository have a blob that another has.
    async fn share(&self, push: &Grant<Push>, digest: &Digest) -> Result<bool, Error> {
        for holder in self.registry.holders_of(digest).await? {
            let source = MountSource::new(self.gate.authorize(&self.caller, holder).await?);
            if self.registry.mount_blob(push, &source, digest).await? {
                self.summary.lock().shared_blobs += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_in(&self, pull: &Grant<Pull>, digest: &Digest) -> Result<bool, Error> {
        match self.registry.stat_blob(pull, digest).await {
            Ok(_) => Ok(true),
            Err(Core::BlobUnknown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// One blob that is being taken, or is damaged.
pub(crate) type Once = Arc<OnceCell<Result<(), String>>>;

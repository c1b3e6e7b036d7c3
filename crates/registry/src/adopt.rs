//! Blobs of files that another registry wrote: they become blobs here where they lie.

use std::path::Path;

use entrepot_database::Durability;
use entrepot_oci::Digest;
use entrepot_store::{Adopted, Adoption, Sharing};
use uuid::Uuid;

use crate::gate::{Grant, Push};
use crate::usage::Thing;
use crate::{Error, Registry, blobs};

impl Registry {
    /// Makes the bytes of `file`, which has `size` of them, a blob of the repository, and says how. `None` if the store has no
    /// files: the bytes have to be pushed. As after a push, bytes, name and row are synced.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`], [`Error::BlobTooLarge`], [`Error::QuotaReached`]; what the store said, of the file too.
    pub async fn adopt_blob(
        &self,
        grant: &Grant<Push>,
        file: &Path,
        size: u64,
        digest: &Digest,
        sharing: Sharing,
    ) -> Result<Option<Adopted>, Error> {
        if let Some(limit) = self.0.options.max_blob_bytes.filter(|limit| size > *limit) {
            return Err(Error::BlobTooLarge { limit });
        }
        self.require_room(grant, Thing::Blob(*digest), size).await?;
        let id = Uuid::now_v7();
        // Held so that the purge leaves a file alone that has no row, and then the blob.
        let _writing = self.0.writing.hold(id).await;
        let _publishing = self.0.publishing.hold(*digest).await;
        let (size, adopted) = match self.0.store.adopt(id, file, digest, sharing).await? {
            Adoption::Taken { size, adopted } => (size, adopted),
            Adoption::Mismatch { found } => return Err(Error::mismatch(*digest, found)),
            Adoption::NoFiles => return Ok(None),
        };
        fail::fail_point!("registry::after_publish");
        let (repository, digest, grace) = (grant.repository().clone(), *digest, self.0.options.grace);
        let linked = self.0.database.write(Durability::Power, move |connection| {
            blobs::link_published(connection, &repository, &digest, size, grace).map(drop)
        });
        linked.await?;
        fail::fail_point!("registry::after_link");
        Ok(Some(adopted))
    }
}

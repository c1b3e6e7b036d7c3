//! Blobs of a repository: read, link from another repository, delete.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{Digest, RepositoryName};
use entrepot_store::Blob;

use crate::cache::{CachedBlob, SMALL_BLOB};
use crate::gate::{Delete, Grant, Pull, Push};
use crate::usage::{self, Thing};
use crate::{Error, Registry, collect, ensure_repository, existing_repository, parts, quarantine, stored_name, tables};

/// How many repositories are tried as the source of a mount that names none.
const MOUNT_CANDIDATES: i64 = 32;

/// The bytes of a blob.
#[derive(Debug)]
pub enum BlobContent {
    /// A few bytes, in memory.
    Small(Bytes),
    /// An open blob of the store.
    Stored(Blob),
}

impl BlobContent {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Small(bytes) => bytes.len() as u64,
            Self::Stored(blob) => blob.size(),
        }
    }
}

/// Where a blob is mounted from.
#[derive(Debug)]
pub struct MountSource(Grant<Pull>);

impl MountSource {
    /// A repository that the caller may pull from.
    pub fn new(grant: Grant<Pull>) -> Self {
        Self(grant)
    }
}

impl Registry {
    /// The size in bytes of a blob of the repository.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`], [`Error::BlobQuarantined`].
    pub async fn stat_blob(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<u64, Error> {
        let blob = self.find_blob(grant.repository(), digest).await?;
        self.refuse_quarantined(digest).await?;
        if blob.condemned {
            // Whoever hears that it is there will not push it, but a manifest that names it.
            self.revive_blob(grant.repository(), digest).await?;
        }
        Ok(blob.size)
    }

    async fn revive_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), Error> {
        let (name, digest, grace) = (repository.clone(), *digest, self.0.options.grace);
        let revived = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            let Some((blob, _)) = linked_blob(connection, &digest.to_string(), repository)? else {
                return Err(Error::BlobUnknown(digest));
            };
            want(connection, repository, blob, grace)
        });
        revived.await?;
        self.0.cache.forget_blob(repository, &digest);
        self.0.metrics.revived.inc();
        Ok(())
    }

    /// A blob of the repository. Small ones come from memory from the second time on.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`], [`Error::BlobQuarantined`], and [`Error::Store`] if its bytes cannot be read.
    pub async fn get_blob(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<BlobContent, Error> {
        let repository = grant.repository();
        let cached = self.find_blob(repository, digest).await?;
        self.refuse_quarantined(digest).await?;
        if let Some(bytes) = cached.bytes {
            return Ok(BlobContent::Small(bytes));
        }
        let start = Instant::now();
        let blob = self.0.store.get(digest, &cached.parts, cached.size)?;
        if blob.size() != cached.size {
            return Err(Error::Damaged(format!("blob {digest} has {} bytes instead of {}", blob.size(), cached.size)));
        }
        let content = if cached.size <= SMALL_BLOB {
            let bytes = match blob.read_all().await {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.unreadable(grant, digest, error).await),
            };
            // Once for each time that they come into memory: what is wrong there would outlive a repair of the disk.
            if Digest::of(digest.algorithm(), &bytes) != *digest {
                return Err(Error::Damaged(format!("blob {digest} has other bytes")));
            }
            self.0.cache.keep_bytes(repository, digest, bytes.clone(), cached.condemned);
            BlobContent::Small(bytes)
        } else {
            BlobContent::Stored(blob)
        };
        self.0.metrics.store_open_seconds.observe(start.elapsed().as_secs_f64());
        Ok(content)
    }

    /// What to say of a blob whose bytes cannot be had: in an object store they go away at once when the blob is deleted, so
    /// this may be all there is to it.
    pub async fn unreadable(&self, grant: &Grant<Pull>, digest: &Digest, error: entrepot_store::Error) -> Error {
        if matches!(error, entrepot_store::Error::Missing(_))
            && let Err(now) = self.load_blob(grant.repository().clone(), *digest).await
        {
            return now;
        }
        error.into()
    }

    async fn find_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<CachedBlob, Error> {
        self.0.cache.blob(repository, digest, || self.load_blob(repository.clone(), *digest)).await
    }

    async fn load_blob(&self, repository: RepositoryName, digest: Digest) -> Result<CachedBlob, Error> {
        let found = self.0.database.read(move |connection| {
            let mut found = None;
            let mut parts = Vec::new();
            digest.with_text(|text| {
                let parameters = [text.into(), repository.as_str().into()];
                connection.all(&tables::BLOB_BY_NAMES, &parameters, |row| {
                    found = Some((row.size(0)?, row.optional_integer(3)?.is_some()));
                    if row.optional_text(1)?.is_some() {
                        parts.push(parts::part(row, 1)?);
                    }
                    Ok::<_, Error>(())
                })
            })?;
            Ok::<_, Error>(found.map(|found| (found, parts)))
        });
        let ((size, condemned), parts) = found.await?.ok_or(Error::BlobUnknown(digest))?;
        let parts = if parts.is_empty() { Arc::default() } else { parts.into() };
        Ok(CachedBlob { size, parts, bytes: None, condemned })
    }

    /// Repositories that have the blob, to be asked for one after the other when a mount names no source
    /// (distribution-spec, end-11: `from` is optional).
    ///
    /// # Errors
    /// What the database said.
    pub async fn holders_of(&self, digest: &Digest) -> Result<Vec<RepositoryName>, Error> {
        let text = digest.to_string();
        self.0
            .database
            .scan(move |connection| {
                let parameters = [(&text).into(), MOUNT_CANDIDATES.into()];
                connection.all(&tables::HOLDERS_OF_BLOB, &parameters, |row| stored_name(row.text(0)?))
            })
            .await
    }

    /// Links a blob of `source` into the repository. Returns whether the source has it.
    ///
    /// # Errors
    /// [`Error::QuotaReached`]; what the database said.
    pub async fn mount_blob(&self, grant: &Grant<Push>, source: &MountSource, digest: &Digest) -> Result<bool, Error> {
        if grant.terms().max_bytes().is_some() {
            match self.stat_blob(&source.0, digest).await {
                Ok(size) => self.require_room(grant, Thing::Blob(*digest), size).await?,
                Err(Error::BlobUnknown(_) | Error::BlobQuarantined(_)) => return Ok(false),
                Err(error) => return Err(error),
            };
        }
        let (name, from) = (grant.repository().clone(), source.0.repository().clone());
        let (text, grace) = (digest.to_string(), self.0.options.grace);
        let mounted = self
            .0
            .database
            .write(Durability::Power, move |connection| {
                let Some(from) = crate::find_repository(connection, &from)? else {
                    return Ok::<_, Error>(false);
                };
                let Some((blob, size)) = linked_blob(connection, &text, from)? else {
                    return Ok(false);
                };
                let repository = ensure_repository(connection, &name)?;
                link(connection, repository, &name, blob, size, grace)?;
                Ok(true)
            })
            .await?;
        // It may have been there, and condemned.
        self.0.cache.forget_blob(grant.repository(), digest);
        Ok(mounted)
    }

    /// Takes a blob out of the repository. Its bytes stay as long as another repository has it.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`]; [`Error::InUse`] while a manifest of the repository names it; [`Error::DeleteDisabled`].
    pub async fn delete_blob(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        let (name, digest) = (grant.repository().clone(), *digest);
        self.0
            .database
            .write(Durability::Power, move |connection| {
                let repository = existing_repository(connection, &name)?;
                let Some((blob, size)) = quarantine::linked(connection, &digest.to_string(), repository)? else {
                    return Err(Error::BlobUnknown(digest));
                };
                let user = connection.first(&tables::USER_OF_BLOB, &[blob.into(), repository.into()], |row| {
                    crate::stored_digest(row.text(0)?)
                })?;
                if let Some(user) = user {
                    return Err(Error::in_use(digest, user));
                }
                connection.execute(&tables::UNLINK_BLOB, &[repository.into(), blob.into()])?;
                collect::drop_blob(connection, &digest.to_string())?;
                usage::shrinks(connection, &name, size)
            })
            .await?;
        fail::fail_point!("registry::after_delete");
        self.0.cache.forget_blob(grant.repository(), &digest);
        Ok(())
    }
}

/// Row and size in bytes of a blob that the repository has.
pub(crate) fn linked_blob(
    connection: &Connection<'_>,
    digest: &str,
    repository: i64,
) -> Result<Option<(i64, u64)>, Error> {
    connection.first(&tables::BLOB_IN_REPOSITORY, &[digest.into(), repository.into()], |row| {
        Ok((row.integer(0)?, row.size(1)?))
    })
}

/// The row of a blob that was just published.
pub(crate) struct PublishedBlob {
    pub(crate) id: i64,
    /// Whether it has no bytes in an object store, because it is new.
    pub(crate) needs_parts: bool,
}

/// Records that the store has a blob and that the repository may serve it. A manifest that names it has at least `grace`
/// to come.
pub(crate) fn link_published(
    connection: &Connection<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    size: u64,
    grace: Duration,
) -> Result<PublishedBlob, Error> {
    let text = digest.to_string();
    let now = Timestamp::now();
    let id = ensure_repository(connection, repository)?;
    let parameters = [(&text).into(), parts::column(size)?.into(), now.into()];
    let added = connection.first(&tables::ADD_BLOB, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    let blob = match added {
        Some(id) => PublishedBlob { id, needs_parts: true },
        None => known_blob(connection, digest, &text, size)?,
    };
    quarantine::release(connection, &text)?;
    link(connection, id, repository, blob.id, size, grace)?;
    Ok(blob)
}

/// Lets the repository `id`, called `name`, have a blob, if it does not yet.
pub(crate) fn link(
    connection: &Connection<'_>,
    id: i64,
    name: &RepositoryName,
    blob: i64,
    size: u64,
    grace: Duration,
) -> Result<(), Error> {
    let due = Timestamp::now().plus(grace);
    match connection.execute(&tables::LINK_BLOB, &[id.into(), blob.into(), due.into()])? {
        0 => want(connection, id, blob, grace),
        _ => usage::grows(connection, name, size),
    }
}

/// Says that somebody is about to need a blob that the repository has.
fn want(connection: &Connection<'_>, repository: i64, blob: i64, grace: Duration) -> Result<(), Error> {
    let due = Timestamp::now().plus(grace);
    connection.execute(&tables::WANT_BLOB, &[due.into(), repository.into(), blob.into()])?;
    Ok(())
}

/// The row of a blob that was there before.
fn known_blob(connection: &Connection<'_>, digest: &Digest, text: &str, size: u64) -> Result<PublishedBlob, Error> {
    let known =
        connection.first(&tables::BLOB, &[text.into()], |row| Ok::<_, Error>((row.integer(0)?, row.size(1)?)))?;
    match known {
        Some((id, known)) if known == size => {
            let needs_parts = !connection.exists(&tables::BLOB_HAS_PART, &[id.into()])?;
            Ok(PublishedBlob { id, needs_parts })
        }
        Some((_, known)) => {
            Err(Error::Damaged(format!("blob {digest} was recorded with {known} bytes but has {size}")))
        }
        None => Err(Error::Damaged(format!("no row for blob {digest}"))),
    }
}

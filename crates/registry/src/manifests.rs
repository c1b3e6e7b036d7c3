//! Manifests of a repository and the tags that name them.

mod write;

use std::sync::Arc;

use bytes::Bytes;
use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_oci::{Algorithm, Digest, Manifest, Reference, RepositoryName, Tag};

use self::write::Writing;
use crate::gate::{Delete, Grant, Pull, Push};
use crate::tags::{self, Target};
use crate::trash::Deletion;
use crate::usage::{self, Thing};
use crate::{Error, Registry, ensure_repository, existing_repository, stored_digest, tables};

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    /// Its digest, of the algorithm under which it was pushed.
    pub digest: Digest,
    /// What to send as `Content-Type`.
    pub media_type: String,
    /// The bytes, exactly.
    pub content: Bytes,
    /// What it refers to.
    pub subject: Option<Digest>,
}

/// Under which names a manifest is pushed.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A tag; the digest is then SHA-256 (end-7a).
    Tag(Tag),
    /// A digest, and any number of tags that shall name it (end-7b).
    Digest(Digest, Vec<Tag>),
}

/// What must hold for a push to go through (RFC 9110, section 13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match`: the name shows one of these digests now.
    Match(Vec<Digest>),
    /// `If-Match: *`: the name exists.
    Exists,
    /// `If-None-Match: *`: the name does not exist.
    Absent,
}

/// A manifest on its way in.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// The body.
    pub content: Bytes,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// Where it goes.
    pub destination: Destination,
    /// When it may.
    pub precondition: Precondition,
}

/// What became of a push.
#[derive(Clone, Debug)]
pub struct PushedManifest {
    /// The digest under which it is stored.
    pub digest: Digest,
    /// Its `subject`.
    pub subject: Option<Digest>,
    /// The tags that now name it.
    pub tags: Vec<Tag>,
    /// Sentences that the person who pushed may want to read.
    pub warnings: Vec<String>,
}

impl Registry {
    /// A manifest by tag or digest. Those that are asked for often come from memory.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], or [`Error::RepositoryUnknown`] if the repository has nothing at all.
    pub async fn get_manifest(&self, grant: &Grant<Pull>, reference: &Reference) -> Result<Arc<StoredManifest>, Error> {
        let repository = grant.repository();
        match reference {
            Reference::Tag(tag) => {
                let load = || self.load_manifest(repository.clone(), reference.clone());
                self.0.cache.tagged(repository, tag.as_str(), load).await
            }
            Reference::Digest(digest) => {
                let load = || self.load_manifest(repository.clone(), reference.clone());
                self.0.cache.addressed(repository, digest, load).await
            }
        }
    }

    async fn load_manifest(&self, repository: RepositoryName, reference: Reference) -> Result<StoredManifest, Error> {
        let (manifest, condemned) = self.read_manifest(repository.clone(), reference).await?;
        if condemned && let Err(error) = self.revive_manifest(&repository, &manifest.digest).await {
            // Whoever pulls gets it all the same.
            tracing::debug!(error = &error as &dyn std::error::Error, "a condemned manifest was not revived");
        }
        Ok(manifest)
    }

    /// A manifest, and whether it is condemned. One that a tag names is not.
    async fn read_manifest(
        &self,
        repository: RepositoryName,
        reference: Reference,
    ) -> Result<(StoredManifest, bool), Error> {
        let found = self.0.database.read(move |connection| {
            let name = repository.as_str().into();
            let found = match &reference {
                Reference::Tag(tag) => {
                    let parameters = [tag.as_str().into(), name];
                    connection.first(&tables::MANIFEST_BY_TAG, &parameters, |row| {
                        Ok::<_, Error>((read_manifest(row)?, false))
                    })?
                }
                Reference::Digest(digest) => digest.with_text(|text| {
                    connection.first(&tables::MANIFEST_BY_DIGEST, &[text.into(), name], |row| {
                        Ok::<_, Error>((read_manifest(row)?, row.optional_integer(4)?.is_some()))
                    })
                })?,
            };
            match found {
                Some(found) => Ok(found),
                None => {
                    existing_repository(connection, &repository)?;
                    Err(Error::ManifestUnknown(reference.clone()))
                }
            }
        });
        found.await
    }

    /// Stores a manifest and points tags at it, in one transaction.
    ///
    /// When this returns, it is synced.
    ///
    /// # Errors
    /// [`Error::ManifestInvalid`]; [`Error::DigestMismatch`]; [`Error::ManifestTargets`] naming everything that is missing;
    /// [`Error::PreconditionFailed`]; [`Error::TagImmutable`]; [`Error::QuotaReached`].
    ///
    /// # Cancel safety
    /// Either all of it happens or nothing.
    pub async fn put_manifest(&self, grant: &Grant<Push>, push: ManifestPush) -> Result<PushedManifest, Error> {
        let manifest = Manifest::parse(push.content_type.as_deref(), &push.content)?;
        let (digest, tags) = address(&push)?;
        self.require_room(grant, Thing::Manifest(digest), push.content.len() as u64).await?;
        let mut warnings = Vec::new();
        let subject = manifest.subject;
        let written = {
            let (name, tags) = (grant.repository().clone(), tags.clone());
            let (sparse, terms) = (self.0.options.sparse, grant.terms().clone());
            self.0.database.write(Durability::Power, move |connection| {
                let repository = ensure_repository(connection, &name)?;
                tags::check_frozen(connection, repository, &terms, &digest, &tags)?;
                let (push, manifest, digest, tags) = (&push, &manifest, &digest, &tags[..]);
                let written =
                    Writing { push, manifest, digest, tags, sparse, by: terms.by() }.write(connection, repository)?;
                if written.is_new {
                    usage::grows(connection, &name, push.content.len() as u64)?;
                }
                Ok::<_, Error>(written)
            })
        }
        .await?;
        fail::fail_point!("registry::after_manifest");
        let repository = grant.repository();
        self.0.cache.forget_manifest(repository, &digest);
        for tag in tags.iter().map(Tag::as_str).chain(written.stale_tags.iter().map(String::as_str)) {
            self.0.cache.forget_tag(repository, tag);
        }
        if !written.missing.is_empty() {
            let names: Vec<_> = written.missing.iter().take(5).map(Digest::to_string).collect();
            warnings.push(format!(
                "{} of the blobs or manifests that this manifest names are not in the repository: {}",
                written.missing.len(),
                names.join(", ")
            ));
        }
        self.0.metrics.manifests_pushed.inc();
        Ok(PushedManifest { digest, subject, tags, warnings })
    }

    /// Deletes a tag; the manifest stays. (end-9)
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], [`Error::RepositoryUnknown`], [`Error::TagImmutable`], [`Error::DeleteDisabled`].
    pub async fn delete_tag(&self, grant: &Grant<Delete>, tag: &Tag) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        if grant.terms().freezes(tag) {
            return Err(Error::TagImmutable(tag.clone()));
        }
        let (name, terms, way) = (grant.repository().clone(), grant.terms().clone(), self.way_out());
        let doomed = tag.clone();
        let deleted = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            let deletion = Deletion { repository, name: &name, by: terms.by(), now: Timestamp::now(), way };
            if deletion.tag(connection, &doomed)? { Ok(()) } else { Err(Error::tag_unknown(&doomed)) }
        });
        deleted.await?;
        fail::fail_point!("registry::after_delete");
        self.0.cache.forget_tag(grant.repository(), tag.as_str());
        Ok(())
    }

    /// Deletes a manifest and the tags that name it. (end-9)
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], [`Error::RepositoryUnknown`], [`Error::InUse`] while an index has it,
    /// [`Error::TagImmutable`], [`Error::DeleteDisabled`].
    pub async fn delete_manifest(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        let (name, digest, terms) = (grant.repository().clone(), *digest, grant.terms().clone());
        let way = self.way_out();
        let deleted = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            let Some((id, size)) = find_manifest(connection, repository, &digest.to_string())? else {
                return Err(Error::ManifestUnknown(Reference::Digest(digest)));
            };
            let user =
                connection.first(&tables::PARENT_OF_MANIFEST, &[id.into()], |row| stored_digest(row.text(0)?))?;
            if let Some(user) = user {
                return Err(Error::in_use(digest, user));
            }
            let tags = tags::of_manifest(connection, id)?;
            for tag in tags.iter().filter_map(|tag| tag.parse::<Tag>().ok()) {
                if terms.freezes(&tag) {
                    return Err(Error::TagImmutable(tag));
                }
            }
            let deletion = Deletion { repository, name: &name, by: terms.by(), now: Timestamp::now(), way };
            deletion.manifest(connection, &Target { id, digest }, size, &tags)?;
            Ok(tags)
        });
        let tags = deleted.await?;
        fail::fail_point!("registry::after_delete");
        self.0.cache.forget_manifest(grant.repository(), &digest);
        for tag in tags {
            self.0.cache.forget_tag(grant.repository(), &tag);
        }
        Ok(())
    }
}

pub(crate) fn read_manifest(row: &Row<'_>) -> Result<StoredManifest, Error> {
    Ok(StoredManifest {
        digest: stored_digest(row.text(0)?)?,
        media_type: row.text(1)?.to_owned(),
        content: Bytes::copy_from_slice(row.blob(2)?),
        subject: row.optional_text(3)?.map(stored_digest).transpose()?,
    })
}

/// The digest under which a push is stored and the tags that it sets.
fn address(push: &ManifestPush) -> Result<(Digest, Vec<Tag>), Error> {
    match &push.destination {
        Destination::Tag(tag) => Ok((Digest::of(Algorithm::Sha256, &push.content), vec![tag.clone()])),
        Destination::Digest(stated, tags) => {
            let actual = Digest::of(stated.algorithm(), &push.content);
            if actual == *stated { Ok((actual, tags.clone())) } else { Err(Error::mismatch(*stated, actual)) }
        }
    }
}

/// Row of a manifest that the repository has, also in the trash, and whether it is there.
pub(crate) fn find_anywhere(
    connection: &Connection<'_>,
    repository: i64,
    digest: &Digest,
) -> Result<Option<(i64, bool)>, Error> {
    connection.first(&tables::MANIFEST_ANYWHERE, &[repository.into(), (&digest.to_string()).into()], |row| {
        Ok((row.integer(0)?, row.optional_text(1)?.is_some()))
    })
}

fn find_manifest(connection: &Connection<'_>, repository: i64, digest: &str) -> Result<Option<(i64, u64)>, Error> {
    connection
        .first(&tables::MANIFEST_ID, &[repository.into(), digest.into()], |row| Ok((row.integer(0)?, row.size(1)?)))
}

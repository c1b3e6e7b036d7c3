//! What a tag showed, and making it show that again.

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_oci::{Digest, Reference, Tag};

use super::{Change, Target, check_frozen, target};
use crate::gate::{Grant, Pull, Push};
use crate::manifests::find_anywhere;
use crate::trash::Restoring;
use crate::{Error, Page, Registry, existing_repository, stored_digest, tables};

/// How far back a tag is rolled that nobody says how far.
const LOOKED_AT: i64 = 1000;

/// Whether what a tag showed can be shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The repository has it.
    There,
    /// It is in the trash.
    InTrash,
    /// It is gone.
    Gone,
}

/// A tag was set or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// Grows with each change.
    pub id: i64,
    /// What it showed from then on; `None`: it was deleted.
    pub digest: Option<Digest>,
    /// Whether that is there.
    pub standing: Standing,
    /// When.
    pub at: Timestamp,
    /// By whom, if that is known.
    pub by: Option<String>,
}

impl TagChange {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let standing = match (row.optional_integer(4)?, row.optional_text(5)?) {
            (None, _) => Standing::Gone,
            (Some(_), None) => Standing::There,
            (Some(_), Some(_)) => Standing::InTrash,
        };
        Ok(Self {
            id: row.integer(0)?,
            digest: row.optional_text(1)?.map(stored_digest).transpose()?,
            standing,
            at: Timestamp::from_micros(row.integer(2)?),
            by: row.optional_text(3)?.map(str::to_owned),
        })
    }
}

fn changes(
    connection: &Connection<'_>,
    repository: i64,
    tag: &Tag,
    before: i64,
    limit: i64,
) -> Result<Vec<TagChange>, Error> {
    let parameters = [repository.into(), tag.as_str().into(), before.into(), limit.into()];
    connection.all(&tables::HISTORY_OF_TAG, &parameters, TagChange::read)
}

impl Registry {
    /// How a tag was changed, the latest first, before the change `before`, at most `limit`.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`].
    pub async fn tag_history(
        &self,
        grant: &Grant<Pull>,
        tag: &Tag,
        before: Option<i64>,
        limit: Option<usize>,
    ) -> Result<Page<TagChange>, Error> {
        let (name, tag) = (grant.repository().clone(), tag.clone());
        let listed = self.0.database.scan(move |connection| {
            let repository = existing_repository(connection, &name)?;
            Page::fetch(limit, |rows| changes(connection, repository, &tag, before.unwrap_or(i64::MAX), rows))
        });
        listed.await
    }

    /// Makes a tag show again what it showed: `to`, or what it showed last that is not what it shows now. If that was deleted, it
    /// is restored.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`] if the tag never showed it, or if it is gone; [`Error::TagImmutable`].
    pub async fn roll_back(&self, grant: &Grant<Push>, tag: &Tag, to: Option<Digest>) -> Result<Digest, Error> {
        let (name, terms, of) = (grant.repository().clone(), grant.terms().clone(), tag.clone());
        let grace = self.0.options.grace;
        let rolled = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            let digest = aim(connection, repository, &of, to)?;
            check_frozen(connection, repository, &terms, &digest, std::slice::from_ref(&of))?;
            let found = find_anywhere(connection, repository, &digest)?;
            let (id, _) = found.ok_or(Error::ManifestUnknown(Reference::Digest(digest)))?;
            let mut restoring = Restoring::new(repository, &name, grace);
            restoring.take_out(connection, id)?;
            let change = Change { repository, now: Timestamp::now(), by: terms.by() };
            change.set(connection, &of, &Target { id, digest })?;
            Ok::<_, Error>((digest, restoring.done.manifests))
        });
        let (digest, restored) = rolled.await?;
        self.0.cache.forget_tag(grant.repository(), tag.as_str());
        for manifest in &restored {
            self.0.cache.forget_manifest(grant.repository(), manifest);
        }
        Ok(digest)
    }
}

/// To what a tag is rolled back.
fn aim(connection: &Connection<'_>, repository: i64, tag: &Tag, to: Option<Digest>) -> Result<Digest, Error> {
    let now = target(connection, repository, tag)?.map(|target| target.digest);
    let shown =
        changes(connection, repository, tag, i64::MAX, LOOKED_AT)?.into_iter().filter_map(|change| change.digest);
    let mut fits = shown.filter(|digest| to.map_or(Some(*digest) != now, |to| *digest == to));
    fits.next().ok_or_else(|| match to {
        Some(to) => Error::ManifestUnknown(Reference::Digest(to)),
        None => Error::tag_unknown(tag),
    })
}

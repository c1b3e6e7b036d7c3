//! Putting things into the trash, in the transaction that deletes them.

use entrepot_database::{Connection, Durability, Timestamp, Value};
use entrepot_oci::{Digest, RepositoryName, Tag};
use uuid::Uuid;

use super::{Deleted, TrashId};
use crate::gate::{Delete, Grant, Terms};
use crate::{Error, Registry, existing_repository, tables, tags};

/// A deletion that can be undone.
pub(crate) struct Deletion<'a> {
    pub(crate) repository: i64,
    pub(crate) name: &'a RepositoryName,
    pub(crate) by: Option<&'a str>,
}

impl Deletion<'_> {
    fn enter(&self, connection: &Connection<'_>, kind: Deleted, of: Option<&str>) -> Result<String, Error> {
        let id = TrashId(Uuid::now_v7()).to_string();
        let parameters: [Value<'_>; 7] = [
            (&id).into(),
            self.repository.into(),
            self.name.as_str().into(),
            kind.as_str().into(),
            of.into(),
            Timestamp::now().into(),
            self.by.into(),
        ];
        connection.execute(&tables::ADD_TO_TRASH, &parameters)?;
        Ok(id)
    }

    /// A tag that shows `manifest`, and is removed. The manifest is kept by the tag in the trash.
    pub(crate) fn tag(&self, connection: &Connection<'_>, tag: &Tag, manifest: i64) -> Result<(), Error> {
        let id = self.enter(connection, Deleted::Tag, Some(tag.as_str()))?;
        let parameters = [(&id).into(), tag.as_str().into(), manifest.into()];
        connection.execute(&tables::ADD_TAG_TO_TRASH, &parameters)?;
        Ok(())
    }

    /// A manifest, with its tags.
    pub(crate) fn manifest(&self, connection: &Connection<'_>, id: i64, digest: &Digest) -> Result<(), Error> {
        let entry = self.enter(connection, Deleted::Manifest, Some(&digest.to_string()))?;
        for tag in tags::of_manifest(connection, id)? {
            connection.execute(&tables::ADD_TAG_TO_TRASH, &[(&entry).into(), (&tag).into(), id.into()])?;
        }
        connection.execute(&tables::REMOVE_TAGS_OF_MANIFEST, &[id.into()])?;
        connection.execute(&tables::PUT_MANIFEST_IN_TRASH, &[(&entry).into(), id.into()])?;
        Ok(())
    }

    /// The repository with everything: one row says so.
    pub(crate) fn repository(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let entry = self.enter(connection, Deleted::Repository, None)?;
        connection.execute(&tables::PUT_REPOSITORY_IN_TRASH, &[(&entry).into(), self.repository.into()])?;
        Ok(())
    }
}

impl Registry {
    /// Deletes the repository with everything in it. It can be restored until the trash is emptied.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`]; [`Error::TagImmutable`] if it has a tag that may not go; [`Error::DeleteDisabled`].
    pub async fn delete_repository(&self, grant: &Grant<Delete>) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        let (name, terms) = (grant.repository().clone(), grant.terms().clone());
        let deleted = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            if let Some(tag) = frozen_tag(connection, repository, &terms)? {
                return Err(Error::TagImmutable(tag));
            }
            Deletion { repository, name: &name, by: terms.by() }.repository(connection)
        });
        deleted.await?;
        fail::fail_point!("registry::after_delete");
        self.0.cache.forget_repository(grant.repository());
        Ok(())
    }
}

/// A tag that may not go, if the repository has one.
fn frozen_tag(connection: &Connection<'_>, repository: i64, terms: &Terms) -> Result<Option<Tag>, Error> {
    const PAGE: i64 = 1000;
    if !terms.freezes_some() {
        return Ok(None);
    }
    let mut after = String::new();
    loop {
        let parameters = [repository.into(), (&after).into(), PAGE.into()];
        let some = connection.all(&tables::TAGS, &parameters, |row| Ok::<_, Error>(row.text(0)?.to_owned()))?;
        let Some(last) = some.last() else { return Ok(None) };
        after.clone_from(last);
        let mut tags = some.iter().filter_map(|tag| tag.parse::<Tag>().ok());
        if let Some(frozen) = tags.find(|tag| terms.freezes(tag)) {
            return Ok(Some(frozen));
        }
    }
}

//! Deleting, in one transaction: into the trash, or for good where there is none.

use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp, Value};
use entrepot_oci::{RepositoryName, Tag};
use uuid::Uuid;

use super::{Deleted, TrashId};
use crate::collect::Doomed;
use crate::gate::{Delete, Grant, Terms};
use crate::tags::{Change, Target};
use crate::{Error, Registry, existing_repository, tables};

/// Where what is deleted goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WayOut {
    trash: bool,
    grace: Duration,
}

/// Somebody deletes something of a repository.
pub(crate) struct Deletion<'a> {
    pub(crate) repository: i64,
    pub(crate) name: &'a RepositoryName,
    pub(crate) by: Option<&'a str>,
    pub(crate) now: Timestamp,
    pub(crate) way: WayOut,
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
            self.now.into(),
            self.by.into(),
        ];
        connection.execute(&tables::ADD_TO_TRASH, &parameters)?;
        Ok(id)
    }

    fn change(&self) -> Change<'_> {
        Change { repository: self.repository, now: self.now, by: self.by }
    }

    /// A tag; says whether there was one. Its manifest is kept by the tag in the trash.
    pub(crate) fn tag(&self, connection: &Connection<'_>, tag: &Tag) -> Result<bool, Error> {
        let Some(manifest) = self.change().remove(connection, tag)? else { return Ok(false) };
        if self.way.trash {
            let id = self.enter(connection, Deleted::Tag, Some(tag.as_str()))?;
            let parameters = [(&id).into(), tag.as_str().into(), manifest.into()];
            connection.execute(&tables::ADD_TAG_TO_TRASH, &parameters)?;
        }
        Ok(true)
    }

    /// A manifest, with the tags that show it.
    pub(crate) fn manifest(
        &self,
        connection: &Connection<'_>,
        manifest: &Target,
        size: u64,
        tags: &[String],
    ) -> Result<(), Error> {
        let Target { id, digest } = manifest;
        for tag in tags {
            self.change().note(connection, tag, None)?;
        }
        if !self.way.trash {
            let doomed = Doomed { repository: self.repository, name: self.name, id: *id, digest, size };
            return doomed.remove(connection, self.now, self.way.grace);
        }
        let entry = self.enter(connection, Deleted::Manifest, Some(&digest.to_string()))?;
        for tag in tags {
            connection.execute(&tables::ADD_TAG_TO_TRASH, &[(&entry).into(), tag.into(), (*id).into()])?;
        }
        connection.execute(&tables::REMOVE_TAGS_OF_MANIFEST, &[(*id).into()])?;
        connection.execute(&tables::PUT_MANIFEST_IN_TRASH, &[(&entry).into(), (*id).into()])?;
        Ok(())
    }

    /// The repository with everything: one row says so. Also where there is no trash, as it is emptied little by little.
    pub(crate) fn repository(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let entry = self.enter(connection, Deleted::Repository, None)?;
        connection.execute(&tables::PUT_REPOSITORY_IN_TRASH, &[(&entry).into(), self.repository.into()])?;
        Ok(())
    }
}

impl Registry {
    pub(crate) fn way_out(&self) -> WayOut {
        WayOut { trash: !self.0.options.trash_for.is_zero(), grace: self.0.options.grace }
    }

    /// Deletes the repository with everything in it. It can be restored until the trash is emptied.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`]; [`Error::TagImmutable`] if it has a tag that may not go; [`Error::DeleteDisabled`].
    pub async fn delete_repository(&self, grant: &Grant<Delete>) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        let (name, terms, way) = (grant.repository().clone(), grant.terms().clone(), self.way_out());
        let deleted = self.0.database.write(Durability::Power, move |connection| {
            let repository = existing_repository(connection, &name)?;
            if let Some(tag) = frozen_tag(connection, repository, &terms)? {
                return Err(Error::TagImmutable(tag));
            }
            Deletion { repository, name: &name, by: terms.by(), now: Timestamp::now(), way }.repository(connection)
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

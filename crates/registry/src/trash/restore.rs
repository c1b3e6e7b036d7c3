//! Bringing things back from the trash.

use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{Digest, RepositoryName, Tag};

use super::{Deleted, Entry, TrashId, entry};
use crate::gate::{Delete, Grant};
use crate::manifests::find_anywhere;
use crate::{Error, Registry, blobs, collect, find_repository, stored_digest, tables, tags};

/// More tags than a manifest has.
const ALL: i64 = i64::MAX;

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Manifests.
    pub manifests: Vec<Digest>,
    /// Tags.
    pub tags: Vec<String>,
    /// Tags that show something else by now, and were left as they are.
    pub taken: Vec<String>,
}

impl Registry {
    /// Brings an entry of the trash back, complete: with what a manifest names, also where that was deleted by itself.
    ///
    /// # Errors
    /// [`Error::TrashUnknown`]; [`Error::Taken`] if there is a repository of that name again, or if the tag shows
    /// something else by now.
    pub async fn restore_from_trash(&self, grant: &Grant<Delete>, id: TrashId) -> Result<Restored, Error> {
        let (name, grace) = (grant.repository().clone(), self.0.options.grace);
        let by = grant.terms().by().map(str::to_owned);
        let restored = self.0.database.write(Durability::Power, move |connection| {
            let entry = entry(connection, &name, id)?;
            let mut restoring = Restoring { by: by.as_deref(), ..Restoring::new(entry.repository, &entry.name, grace) };
            match entry.kind {
                Deleted::Repository => restoring.repository(connection)?,
                Deleted::Manifest => restoring.manifest(connection, &entry)?,
                Deleted::Tag => restoring.tag(connection, &entry)?,
            }
            let done = restoring.done;
            entry.remove(connection)?;
            Ok::<_, Error>(done)
        });
        let restored = restored.await?;
        fail::fail_point!("registry::after_restore");
        let repository = grant.repository();
        for digest in &restored.manifests {
            self.0.cache.forget_manifest(repository, digest);
        }
        for tag in &restored.tags {
            self.0.cache.forget_tag(repository, tag);
        }
        Ok(restored)
    }
}

/// Brings things of one repository back, inside a transaction.
pub(crate) struct Restoring<'a> {
    repository: i64,
    name: &'a RepositoryName,
    grace: Duration,
    now: Timestamp,
    by: Option<&'a str>,
    pub(crate) done: Restored,
}

impl<'a> Restoring<'a> {
    pub(crate) fn new(repository: i64, name: &'a RepositoryName, grace: Duration) -> Self {
        Self { repository, name, grace, now: Timestamp::now(), by: None, done: Restored::default() }
    }

    fn repository(&mut self, connection: &Connection<'_>) -> Result<(), Error> {
        if find_repository(connection, self.name)?.is_some() {
            return Err(Error::Taken(format!("repository {}", self.name)));
        }
        connection.execute(&tables::TAKE_REPOSITORY_OUT, &[self.repository.into()])?;
        Ok(())
    }

    fn manifest(&mut self, connection: &Connection<'_>, entry: &Entry) -> Result<(), Error> {
        let id = entry.id.to_string();
        let mut there =
            connection.all(&tables::MANIFESTS_IN_TRASH, &[(&id).into()], |row| Ok::<_, Error>(row.integer(0)?))?;
        // It may have gone on to the entry of an index that names it.
        if let Some(digest) = &entry.of {
            let found = find_anywhere(connection, self.repository, &stored_digest(digest)?)?;
            there.extend(found.map(|(manifest, _)| manifest));
        }
        for manifest in there {
            self.take_out(connection, manifest)?;
        }
        for (tag, manifest) in entry.tags(connection, ALL)? {
            self.set_tag(connection, tag, manifest)?;
        }
        Ok(())
    }

    fn tag(&mut self, connection: &Connection<'_>, entry: &Entry) -> Result<(), Error> {
        for (tag, manifest) in entry.tags(connection, ALL)? {
            self.take_out(connection, manifest)?;
            self.set_tag(connection, tag, manifest)?;
        }
        match self.done.taken.pop() {
            Some(taken) => Err(Error::Taken(format!("tag {taken}"))),
            None => Ok(()),
        }
    }

    fn set_tag(&mut self, connection: &Connection<'_>, tag: String, manifest: i64) -> Result<(), Error> {
        let parsed: Tag = tag.parse().map_err(|_| Error::Damaged(format!("{tag:?} stands where a tag should")))?;
        match tags::target(connection, self.repository, &parsed)? {
            Some(target) if target.id != manifest => {
                // The tag in the trash kept it, and is no more.
                collect::loosen(connection, manifest, self.now)?;
                self.done.taken.push(tag);
            }
            _ => {
                let digest = connection
                    .first(&tables::DIGEST_OF_MANIFEST, &[manifest.into()], |row| stored_digest(row.text(0)?))?;
                let digest = digest.ok_or_else(|| Error::Damaged(format!("no row for the manifest of tag {tag}")))?;
                let change = tags::Change { repository: self.repository, now: self.now, by: self.by };
                change.set(connection, &parsed, &tags::Target { id: manifest, digest })?;
                self.done.tags.push(tag);
            }
        }
        Ok(())
    }

    /// Lets clients see a manifest again, with everything that it names. One that they see already is left as it is.
    pub(crate) fn take_out(&mut self, connection: &Connection<'_>, manifest: i64) -> Result<(), Error> {
        if connection.execute(&tables::TAKE_MANIFEST_OUT, &[manifest.into()])? == 0 {
            return Ok(());
        }
        let digest =
            connection.first(&tables::DIGEST_OF_MANIFEST, &[manifest.into()], |row| stored_digest(row.text(0)?))?;
        self.done.manifests.extend(digest);
        collect::loosen(connection, manifest, self.now)?;
        let named = connection
            .all(&tables::SIZES_OF_BLOBS, &[manifest.into()], |row| Ok::<_, Error>((row.integer(0)?, row.size(1)?)))?;
        for (blob, size) in named {
            blobs::link(connection, self.repository, self.name, blob, size, self.grace)?;
        }
        let children =
            connection.all(&tables::CHILDREN_OF_MANIFEST, &[manifest.into()], |row| Ok::<_, Error>(row.integer(0)?))?;
        for child in children {
            self.take_out(connection, child)?;
        }
        Ok(())
    }
}

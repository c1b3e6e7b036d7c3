//! Tags: setting and removing them, what follows for the manifests that they named, and what they showed before.

mod history;

use entrepot_database::{Connection, Timestamp};
use entrepot_oci::{Digest, Tag};

pub use self::history::{Standing, TagChange};
use crate::gate::Terms;
use crate::{Error, collect, stored_digest, tables};

/// A tag's manifest.
pub(crate) struct Target {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
}

/// What a tag shows.
pub(crate) fn target(connection: &Connection<'_>, repository: i64, tag: &Tag) -> Result<Option<Target>, Error> {
    connection.first(&tables::TAG_TARGET, &[repository.into(), tag.as_str().into()], |row| {
        Ok(Target { digest: stored_digest(row.text(0)?)?, id: row.integer(1)? })
    })
}

/// The tags that name a manifest.
pub(crate) fn of_manifest(connection: &Connection<'_>, manifest: i64) -> Result<Vec<String>, Error> {
    connection.all(&tables::TAGS_OF_MANIFEST, &[manifest.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// Somebody changes tags of a repository.
pub(crate) struct Change<'a> {
    pub(crate) repository: i64,
    pub(crate) now: Timestamp,
    pub(crate) by: Option<&'a str>,
}

impl Change<'_> {
    /// Makes a tag show a manifest. The one that it showed before may have nothing any more that keeps it.
    pub(crate) fn set(&self, connection: &Connection<'_>, tag: &Tag, to: &Target) -> Result<(), Error> {
        let parameters = [self.repository.into(), tag.as_str().into(), to.id.into(), self.now.into()];
        if connection.execute(&tables::ADD_TAG, &parameters)? > 0 {
            return self.note(connection, tag.as_str(), Some(&to.digest));
        }
        let before = target(connection, self.repository, tag)?;
        let parameters = [to.id.into(), self.now.into(), self.repository.into(), tag.as_str().into()];
        connection.execute(&tables::MOVE_TAG, &parameters)?;
        match before {
            Some(before) if before.id != to.id => {
                collect::loosen(connection, before.id, self.now)?;
                self.note(connection, tag.as_str(), Some(&to.digest))
            }
            _ => Ok(()),
        }
    }

    /// Removes a tag, and returns the manifest that it showed, which may have nothing any more that keeps it.
    pub(crate) fn remove(&self, connection: &Connection<'_>, tag: &Tag) -> Result<Option<i64>, Error> {
        let parameters = [self.repository.into(), tag.as_str().into()];
        let removed = connection.first(&tables::REMOVE_TAG, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
        if let Some(manifest) = removed {
            collect::loosen(connection, manifest, self.now)?;
            self.note(connection, tag.as_str(), None)?;
        }
        Ok(removed)
    }

    /// Writes down what a tag shows from now on.
    pub(crate) fn note(&self, connection: &Connection<'_>, tag: &str, to: Option<&Digest>) -> Result<(), Error> {
        let digest = to.map(Digest::to_string);
        let parameters = [self.repository.into(), tag.into(), digest.as_ref().into(), self.now.into(), self.by.into()];
        connection.execute(&tables::ADD_TO_HISTORY, &parameters)?;
        Ok(())
    }
}

/// That no tag moves which may not: it may be set, and set again to what it shows.
pub(crate) fn check_frozen(
    connection: &Connection<'_>,
    repository: i64,
    terms: &Terms,
    digest: &Digest,
    tags: &[Tag],
) -> Result<(), Error> {
    for tag in tags.iter().filter(|tag| terms.freezes(tag)) {
        if target(connection, repository, tag)?.is_some_and(|target| target.digest != *digest) {
            return Err(Error::TagImmutable(tag.clone()));
        }
    }
    Ok(())
}

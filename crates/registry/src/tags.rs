//! Tags: setting and removing them, and what follows for the manifests that they named.

use entrepot_database::{Connection, Timestamp};
use entrepot_oci::{Digest, Tag};

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

/// Makes a tag show a manifest. The one that it showed before may have nothing any more that keeps it.
pub(crate) fn set(
    connection: &Connection<'_>,
    repository: i64,
    tag: &Tag,
    manifest: i64,
    now: Timestamp,
) -> Result<(), Error> {
    let parameters = [repository.into(), tag.as_str().into(), manifest.into(), now.into()];
    if connection.execute(&tables::ADD_TAG, &parameters)? > 0 {
        return Ok(());
    }
    let before = target(connection, repository, tag)?;
    let parameters = [manifest.into(), now.into(), repository.into(), tag.as_str().into()];
    connection.execute(&tables::MOVE_TAG, &parameters)?;
    match before {
        Some(before) if before.id != manifest => collect::loosen(connection, before.id, now),
        _ => Ok(()),
    }
}

/// Removes a tag, and returns the manifest that it showed.
pub(crate) fn remove(
    connection: &Connection<'_>,
    repository: i64,
    tag: &Tag,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    let parameters = [repository.into(), tag.as_str().into()];
    let removed = connection.first(&tables::REMOVE_TAG, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    if let Some(manifest) = removed {
        collect::loosen(connection, manifest, now)?;
    }
    Ok(removed)
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

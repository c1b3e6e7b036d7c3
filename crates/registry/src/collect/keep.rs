//! What keeps a blob in a repository, and what keeps a manifest. The collection, its preview and the explanation ask here.

use entrepot_database::{Connection, Row, Statement, Value};
use entrepot_oci::Digest;

use super::report::{Keeper, Reason};
use super::satellite::Satellite;
use crate::manifests::find_anywhere;
use crate::{Error, stored_digest, tables};

/// Why a repository needs a blob; `None`: it does not.
pub(crate) fn blob(
    connection: &Connection<'_>,
    repository: i64,
    blob: i64,
    digest: &Digest,
) -> Result<Option<Reason>, Error> {
    let user = keeper(connection, &tables::ANY_USER_OF_BLOB, &[blob.into(), repository.into()])?;
    match user {
        Some(user) => Ok(Some(Reason::Named(user))),
        None => expected(connection, repository, digest),
    }
}

/// Why a manifest is needed by others, or by a name; `None`: by nothing.
///
/// A tag that only says to what a manifest belongs keeps that of an `orphan` no longer than what it belongs to.
pub(crate) fn manifest(
    connection: &Connection<'_>,
    repository: i64,
    id: i64,
    digest: &Digest,
    orphan: bool,
) -> Result<Option<Reason>, Error> {
    for tag in crate::tags::of_manifest(connection, id)? {
        let lasts = match Satellite::parse(&tag) {
            Some(satellite) if orphan => satellite.subject(connection, repository)?.is_some(),
            _ => true,
        };
        if lasts {
            return Ok(Some(Reason::Tagged(tag)));
        }
    }
    let tag = connection
        .first(&tables::TRASH_TAG_OF_MANIFEST, &[id.into()], |row| Ok::<_, Error>(row.text(0)?.to_owned()))?;
    if let Some(tag) = tag {
        return Ok(Some(Reason::TaggedInTrash(tag)));
    }
    others(connection, repository, id, digest)
}

/// Why a manifest is needed by others; `None`: no manifest needs it.
pub(crate) fn others(
    connection: &Connection<'_>,
    repository: i64,
    id: i64,
    digest: &Digest,
) -> Result<Option<Reason>, Error> {
    if let Some(parent) = keeper(connection, &tables::ANY_PARENT, &[id.into()])? {
        return Ok(Some(Reason::Named(parent)));
    }
    if let Some(subject) = subject(connection, repository, id)? {
        return Ok(Some(Reason::RefersTo(subject)));
    }
    expected(connection, repository, digest)
}

/// The manifest to which another refers, if the repository has it.
fn subject(connection: &Connection<'_>, repository: i64, id: i64) -> Result<Option<Keeper>, Error> {
    let subject = connection.first(&tables::SUBJECT_OF_MANIFEST, &[id.into()], |row| {
        row.optional_text(0)?.map(stored_digest).transpose()
    })?;
    let Some(digest) = subject.flatten() else { return Ok(None) };
    let found = find_anywhere(connection, repository, &digest)?;
    Ok(found.map(|(_, in_trash)| Keeper { digest, in_trash }))
}

fn expected(connection: &Connection<'_>, repository: i64, digest: &Digest) -> Result<Option<Reason>, Error> {
    let text = digest.to_string();
    let by = keeper(connection, &tables::EXPECTING, &[repository.into(), (&text).into()])?;
    Ok(by.map(Reason::Expected))
}

/// The first that a statement finds, which gives the digest of a manifest and the entry of the trash in which it is.
fn keeper(
    connection: &Connection<'_>,
    statement: &Statement,
    parameters: &[Value<'_>],
) -> Result<Option<Keeper>, Error> {
    connection.first(statement, parameters, read_keeper)
}

pub(super) fn read_keeper(row: &Row<'_>) -> Result<Keeper, Error> {
    Ok(Keeper { digest: stored_digest(row.text(0)?)?, in_trash: row.optional_text(1)?.is_some() })
}

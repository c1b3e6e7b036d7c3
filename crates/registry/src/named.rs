//! A blob, as its rows have it: what whoever reads its bytes has to know.

use entrepot_database::{Connection, Statement, Value};
use entrepot_oci::Digest;
use entrepot_store::Part;

use crate::{Error, parts, stored_digest, tables};

/// A blob.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Where its bytes are in an object store.
    pub(crate) parts: Vec<Part>,
}

/// The blobs that a statement finds, which gives row, digest and size of each.
pub(crate) fn all(
    connection: &Connection<'_>,
    statement: &Statement,
    parameters: &[Value<'_>],
) -> Result<Vec<Named>, Error> {
    let mut blobs = connection.all(statement, parameters, |row| {
        let (id, digest, size) = (row.integer(0)?, stored_digest(row.text(1)?)?, row.size(2)?);
        Ok::<_, Error>(Named { id, digest, size, parts: Vec::new() })
    })?;
    for blob in &mut blobs {
        blob.parts = parts::of_blob(connection, blob.id)?;
    }
    Ok(blobs)
}

/// The blob of this digest.
pub(crate) fn one(connection: &Connection<'_>, digest: &Digest) -> Result<Option<Named>, Error> {
    let found = connection
        .first(&tables::BLOB, &[(&digest.to_string()).into()], |row| Ok::<_, Error>((row.integer(0)?, row.size(1)?)))?;
    let Some((id, size)) = found else { return Ok(None) };
    Ok(Some(Named { id, digest: *digest, size, parts: parts::of_blob(connection, id)? }))
}

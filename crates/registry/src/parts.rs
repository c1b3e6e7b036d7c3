//! The rows of objects: which of them, in which order, are the bytes of a blob or of an unfinished upload.
//!
//! A row belongs to an upload, then to a blob, and at the end to nothing: rows of uploads and blobs that go away leave those of
//! their objects behind, as garbage. So bytes are given back in an order that survives a crash at any point: no longer
//! needed (one transaction), object removed, row removed. On disk there are no such rows.

use entrepot_database::{Connection, Durability, Row};
use entrepot_store::{Key, Part};
use uuid::Uuid;

use crate::{Error, Registry, tables};

/// Whose bytes a part is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    Upload(Uuid),
    /// The row of a blob.
    Blob(i64),
}

/// Records parts that were just written; the first begins at byte `position` of its owner.
pub(crate) fn add(connection: &Connection<'_>, owner: Owner, position: u64, parts: &[Part]) -> Result<(), Error> {
    let (upload, blob) = match owner {
        Owner::Upload(id) => (Some(id.to_string()), None),
        Owner::Blob(id) => (None, Some(id)),
    };
    let mut position = position;
    for part in parts {
        let key = part.key.to_string();
        let parameters =
            [(&key).into(), upload.as_ref().into(), blob.into(), column(position)?.into(), column(part.size)?.into()];
        connection.execute(&tables::ADD_PART, &parameters)?;
        position += part.size;
    }
    Ok(())
}

/// The parts of an upload, in order.
pub(crate) fn of_upload(connection: &Connection<'_>, id: Uuid) -> Result<Vec<Part>, Error> {
    connection.all(&tables::PARTS_OF_UPLOAD, &[(&id.to_string()).into()], |row| part(row, 0))
}

/// The parts of the blob in this row, in order; none on disk.
pub(crate) fn of_blob(connection: &Connection<'_>, blob: i64) -> Result<Vec<Part>, Error> {
    connection.all(&tables::PARTS_OF_BLOB, &[blob.into()], |row| part(row, 0))
}

/// The part whose key and size stand in `row` from column `first` on.
pub(crate) fn part(row: &Row<'_>, first: usize) -> Result<Part, Error> {
    Ok(Part { key: stored_key(row.text(first)?)?, size: row.size(first + 1)? })
}

/// A key as a column holds it.
pub(crate) fn stored_key(text: &str) -> Result<Key, Error> {
    text.parse().map_err(|_| Error::Damaged(format!("{text:?} stands where the key of an object should")))
}

/// A size or position for a column.
pub(crate) fn column(bytes: u64) -> Result<i64, Error> {
    i64::try_from(bytes).map_err(|_| Error::Damaged(format!("{bytes} bytes are more than anything here has")))
}

impl Registry {
    /// Removes objects that belong to nothing, durably, and then their rows, if they have any.
    ///
    /// # Errors
    /// What store or database said; the next purge finds what is left.
    pub(crate) async fn remove_garbage(&self, keys: Vec<Key>) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        self.0.store.remove_objects(&keys).await?;
        fail::fail_point!("objects::after_remove");
        let forgotten = self.0.database.write(Durability::Process, move |connection| {
            for key in &keys {
                connection.execute(&tables::FORGET_GARBAGE, &[(&key.to_string()).into()])?;
            }
            Ok::<_, Error>(())
        });
        forgotten.await
    }

    /// Like [`Registry::remove_garbage`], for a request whose answer does not depend on it.
    pub(crate) async fn try_remove_garbage(&self, parts: &[Part]) {
        let keys = parts.iter().map(|part| part.key).collect();
        if let Err(error) = self.remove_garbage(keys).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "unneeded bytes stay until the next purge");
        }
    }
}

//! What the rows of a snapshot name.

use entrepot_database::{Connection, Snapshot};
use entrepot_oci::Digest;

use super::error::BackupError;
use crate::named::{self, Named};
use crate::{Error, stored_digest};

/// Blobs whose rows are read at once.
const PAGE: i64 = 500;
/// Manifests that are read at once: each may have 4 MiB.
const MANIFESTS: i64 = 16;

pub(crate) mod tables {
    entrepot_database::statements! {
        TOTALS = "SELECT COUNT(*), COALESCE(CAST(SUM(size) AS BIGINT), 0) FROM blobs";
        BLOBS_BEHIND = "SELECT id, digest, size FROM blobs WHERE digest > $1 ORDER BY digest LIMIT $2";
        BLOBS_BETWEEN = "SELECT digest FROM blobs WHERE digest >= $1 AND digest <= $2 ORDER BY digest";
        MANIFESTS_BEHIND = "SELECT m.id, r.name, m.digest, m.content FROM manifests m
            JOIN repositories r ON r.id = m.repository_id WHERE m.id > $1 ORDER BY m.id LIMIT $2";
        USERS_OF_BLOB = "SELECT r.name, m.digest FROM blobs b JOIN manifest_blobs u ON u.blob_id = b.id
            JOIN manifests m ON m.id = u.manifest_id JOIN repositories r ON r.id = m.repository_id
            WHERE b.digest = $1 ORDER BY m.id LIMIT $2";
    }
}

/// A manifest, as its row has it.
pub(crate) struct Manifest {
    pub(crate) id: i64,
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) content: Vec<u8>,
}

/// How many blobs there are, and their bytes.
pub(crate) fn totals(connection: &Connection<'_>) -> Result<(u64, u64), Error> {
    let totals = connection.first(&tables::TOTALS, &[], |row| Ok::<_, Error>((row.size(0)?, row.size(1)?)))?;
    Ok(totals.unwrap_or_default())
}

/// Some blobs behind `after`, in the order of their digests; none at the end.
pub(crate) fn blobs(connection: &Connection<'_>, after: Option<Digest>) -> Result<Vec<Named>, Error> {
    let after = after.map_or(String::new(), |digest| digest.to_string());
    named::all(connection, &tables::BLOBS_BEHIND, &[(&after).into(), PAGE.into()])
}

/// The digests of blobs from `first` to `last`.
pub(crate) async fn digests(rows: &Snapshot, first: Digest, last: Digest) -> Result<Vec<Digest>, BackupError> {
    let digests = rows.read(move |connection| {
        let parameters = [first.to_string(), last.to_string()];
        let parameters = [(&parameters[0]).into(), (&parameters[1]).into()];
        connection.all(&tables::BLOBS_BETWEEN, &parameters, |row| stored_digest(row.text(0)?))
    });
    Ok(digests.await?)
}

/// Some manifests behind the row `after`; none at the end.
pub(crate) fn manifests(connection: &Connection<'_>, after: i64) -> Result<Vec<Manifest>, Error> {
    connection.all(&tables::MANIFESTS_BEHIND, &[after.into(), MANIFESTS.into()], |row| {
        Ok(Manifest {
            id: row.integer(0)?,
            repository: row.text(1)?.to_owned(),
            digest: stored_digest(row.text(2)?)?,
            content: row.blob(3)?.to_owned(),
        })
    })
}

/// Manifests that name a blob, at most `limit`, as people write them.
pub(crate) fn users(connection: &Connection<'_>, digest: Digest, limit: i64) -> Result<Vec<String>, Error> {
    connection.all(&tables::USERS_OF_BLOB, &[(&digest.to_string()).into(), limit.into()], |row| {
        Ok(format!("{}@{}", row.text(0)?, row.text(1)?))
    })
}

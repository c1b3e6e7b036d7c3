//! How many bytes a repository has, with whom it shares them, and what would be given back.

use entrepot_database::Connection;
use entrepot_oci::{LIBRARY, RepositoryName};

use crate::gate::{Delete, Grant};
use crate::{Error, Registry, existing_repository};

/// These look at every blob of a repository.
pub(crate) mod tables {
    entrepot_database::statements! {
        OF_BLOBS = "SELECT COUNT(*), CAST(COALESCE(SUM(s.size), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.elsewhere THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named AND NOT s.shown THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named THEN 0 ELSE s.size END), 0) AS BIGINT)
            FROM (SELECT b.size AS size,
                EXISTS (SELECT 1 FROM repository_blobs o JOIN repositories r ON r.id = o.repository_id
                    WHERE o.blob_id = l.blob_id AND o.repository_id <> l.repository_id
                    AND ((r.name >= $1 AND r.name < $2) OR (CAST($3 AS BIGINT) = 1 AND r.name NOT LIKE '%/%'))) AS elsewhere,
                EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id)
                    AS named,
                EXISTS (SELECT 1 FROM manifest_blobs u JOIN manifests m ON m.id = u.manifest_id
                    WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id AND m.trash_id IS NULL) AS shown
                FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id WHERE l.repository_id = $4) s";
        OF_MANIFESTS = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM manifests
            WHERE repository_id = $1";
    }
}

/// What a repository has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Its manifests, also those in the trash.
    pub manifests: u64,
    /// Its blobs.
    pub blobs: u64,
    /// The bytes of both: what counts against a quota.
    pub bytes: u64,
    /// Those of blobs that other repositories of the namespace have too. What others have is not told: who can push could ask by
    /// that whether somebody has a blob.
    pub shared: u64,
    /// What the namespace has less when this is deleted and gone from the trash: blobs that no other repository of it has, and all
    /// manifests.
    pub frees: u64,
    /// Those of blobs that only manifests in the trash need.
    pub in_trash: u64,
    /// Those of blobs that no manifest needs: the collection takes them away.
    pub unneeded: u64,
}

impl Registry {
    /// What the repository has, at this moment.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`].
    pub async fn sizes(&self, grant: &Grant<Delete>) -> Result<Sizes, Error> {
        let name = grant.repository().clone();
        let measured = self.0.database.scan(move |connection| {
            let repository = existing_repository(connection, &name)?;
            measure(connection, &name, repository)
        });
        measured.await
    }
}

fn measure(connection: &Connection<'_>, name: &RepositoryName, repository: i64) -> Result<Sizes, Error> {
    let blobs = of_blobs(connection, name, repository)?;
    let (manifests, bytes) = connection
        .first(&tables::OF_MANIFESTS, &[repository.into()], |row| Ok::<_, Error>((row.size(0)?, row.size(1)?)))?
        .unwrap_or_default();
    let frees = blobs.bytes - blobs.shared + bytes;
    Ok(Sizes { manifests, bytes: blobs.bytes + bytes, frees, ..blobs })
}

/// The same without manifests.
fn of_blobs(connection: &Connection<'_>, name: &RepositoryName, repository: i64) -> Result<Sizes, Error> {
    let namespace = name.namespace();
    // `0` follows on `/`.
    let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
    let bare = i64::from(namespace == LIBRARY);
    let parameters = [(&first).into(), (&end).into(), bare.into(), repository.into()];
    let blobs = connection.first(&tables::OF_BLOBS, &parameters, |row| {
        Ok::<_, Error>(Sizes {
            blobs: row.size(0)?,
            bytes: row.size(1)?,
            shared: row.size(2)?,
            in_trash: row.size(3)?,
            unneeded: row.size(4)?,
            ..Sizes::default()
        })
    })?;
    Ok(blobs.unwrap_or_default())
}

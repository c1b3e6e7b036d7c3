//! How many bytes a repository has, with whom it shares them, and what would be given back.

use entrepot_database::Connection;

use crate::gate::{Grant, Pull};
use crate::{Error, Registry, existing_repository};

/// These look at every blob of a repository.
pub(crate) mod tables {
    entrepot_database::statements! {
        OF_BLOBS = "SELECT COUNT(*), CAST(COALESCE(SUM(s.size), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.elsewhere THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named AND NOT s.shown THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named THEN 0 ELSE s.size END), 0) AS BIGINT)
            FROM (SELECT b.size AS size,
                EXISTS (SELECT 1 FROM repository_blobs o WHERE o.blob_id = l.blob_id AND o.repository_id <> l.repository_id)
                    AS elsewhere,
                EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id)
                    AS named,
                EXISTS (SELECT 1 FROM manifest_blobs u JOIN manifests m ON m.id = u.manifest_id
                    WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id AND m.trash_id IS NULL) AS shown
                FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id WHERE l.repository_id = $1) s";
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
    /// Those of blobs that other repositories have too: deleting this one gives none of them back.
    pub shared: u64,
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
    pub async fn sizes(&self, grant: &Grant<Pull>) -> Result<Sizes, Error> {
        let name = grant.repository().clone();
        let measured = self.0.database.scan(move |connection| {
            let repository = existing_repository(connection, &name)?;
            measure(connection, repository)
        });
        measured.await
    }
}

fn measure(connection: &Connection<'_>, repository: i64) -> Result<Sizes, Error> {
    let blobs = connection.first(&tables::OF_BLOBS, &[repository.into()], |row| {
        Ok::<_, Error>(Sizes {
            manifests: 0,
            blobs: row.size(0)?,
            bytes: row.size(1)?,
            shared: row.size(2)?,
            in_trash: row.size(3)?,
            unneeded: row.size(4)?,
        })
    })?;
    let (manifests, bytes) = connection
        .first(&tables::OF_MANIFESTS, &[repository.into()], |row| Ok::<_, Error>((row.size(0)?, row.size(1)?)))?
        .unwrap_or_default();
    let blobs = blobs.unwrap_or_default();
    Ok(Sizes { manifests, bytes: blobs.bytes + bytes, ..blobs })
}

//! How many bytes a repository, a namespace or the whole registry has, how many of them are shared, and what would be given back.

use entrepot_database::Connection;
use entrepot_oci::{LIBRARY, RepositoryName};

use crate::catalog::next_in_namespace;
use crate::gate::{Delete, Grant};
use crate::listing::begin_after;
use crate::{Error, Page, Registry, existing_repository};

/// These look at every blob of what they are about. Names are between `$1` and `$2`; with 1 as `$3` also those without a slash.
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
        TOTAL_OF_REPOSITORIES = "SELECT COUNT(*) FROM repositories r WHERE r.trash_id IS NULL
            AND ((r.name >= $1 AND r.name < $2) OR (CAST($3 AS BIGINT) = 1 AND r.name NOT LIKE '%/%'))";
        TOTAL_OF_MANIFESTS = "SELECT COUNT(*), CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM manifests m
            JOIN repositories r ON r.id = m.repository_id
            WHERE (r.name >= $1 AND r.name < $2) OR (CAST($3 AS BIGINT) = 1 AND r.name NOT LIKE '%/%')";
        /// Each blob once, with in how many repositories it is.
        TOTAL_OF_BLOBS = "SELECT COUNT(*), CAST(COALESCE(SUM(s.size), 0) AS BIGINT),
            CAST(COALESCE(SUM(s.size * s.times), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.times > 1 THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named = 1 AND s.shown = 0 THEN s.size ELSE 0 END), 0) AS BIGINT),
            CAST(COALESCE(SUM(CASE WHEN s.named = 1 THEN 0 ELSE s.size END), 0) AS BIGINT)
            FROM (SELECT b.size AS size, COUNT(*) AS times,
                MAX(CASE WHEN EXISTS (SELECT 1 FROM manifest_blobs u
                    WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id) THEN 1 ELSE 0 END) AS named,
                MAX(CASE WHEN EXISTS (SELECT 1 FROM manifest_blobs u JOIN manifests m ON m.id = u.manifest_id
                    WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id AND m.trash_id IS NULL)
                    THEN 1 ELSE 0 END) AS shown
                FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.id = l.blob_id
                WHERE (r.name >= $1 AND r.name < $2) OR (CAST($3 AS BIGINT) = 1 AND r.name NOT LIKE '%/%')
                GROUP BY l.blob_id, b.size) s";
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

/// What several repositories have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many they are, without those in the trash.
    pub repositories: u64,
    /// Their manifests, also those in the trash.
    pub manifests: u64,
    /// Their blobs, each once.
    pub blobs: u64,
    /// The bytes of both: what they take of the store, and of the database.
    pub bytes: u64,
    /// The same with each blob as often as a repository has it: what counts against a quota.
    pub counted: u64,
    /// Those of blobs that several of them have: deleting one of these repositories gives none of them back.
    pub shared: u64,
    /// Those of blobs that only manifests in the trash need.
    pub in_trash: u64,
    /// Those of blobs that no manifest needs: the collection takes them away.
    pub unneeded: u64,
}

/// Which repositories: those whose names are in a range, and perhaps those without a slash.
struct Range {
    first: String,
    end: String,
    bare: i64,
}

impl Range {
    /// Every repository. No name has a character as great as its end.
    fn everything() -> Self {
        Self { first: String::new(), end: "~".to_owned(), bare: 0 }
    }

    /// Those of a namespace: `0` follows on `/`.
    fn of(namespace: &str) -> Self {
        let bare = i64::from(namespace == LIBRARY);
        Self { first: format!("{namespace}/"), end: format!("{namespace}0"), bare }
    }
}

impl Registry {
    /// What each repository of a namespace has, by name, after this one. Whether somebody may know is the caller's to ask.
    ///
    /// # Errors
    /// What the database said.
    pub async fn sizes_within(
        &self,
        namespace: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Page<(RepositoryName, Sizes)>, Error> {
        let namespace = namespace.to_owned();
        let measured = self.0.database.scan(move |connection| {
            let Page { entries, more } = Page::fetch(Some(limit), |rows| {
                let mut names = Vec::<RepositoryName>::new();
                while (names.len() as i64) < rows {
                    let last = names.last().map(RepositoryName::as_str).or(after.as_deref());
                    let Some(next) = next_in_namespace(connection, &namespace, begin_after(last))? else { break };
                    names.push(next);
                }
                Ok(names)
            })?;
            let measured = entries.into_iter().map(|name| {
                let sizes = measure(connection, &name, existing_repository(connection, &name)?)?;
                Ok((name, sizes))
            });
            Ok::<_, Error>(Page { entries: measured.collect::<Result<_, Error>>()?, more })
        });
        measured.await
    }

    /// What the repositories of a namespace, or all, have together. Whether somebody may know is the caller's to ask.
    ///
    /// # Errors
    /// What the database said.
    pub async fn total(&self, namespace: Option<&str>) -> Result<Total, Error> {
        let range = namespace.map_or_else(Range::everything, Range::of);
        self.0.database.scan(move |connection| add_up(connection, &range)).await
    }

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

fn add_up(connection: &Connection<'_>, Range { first, end, bare }: &Range) -> Result<Total, Error> {
    let parameters = [first.into(), end.into(), (*bare).into()];
    let blobs = connection.first(&tables::TOTAL_OF_BLOBS, &parameters, |row| {
        Ok::<_, Error>(Total {
            blobs: row.size(0)?,
            bytes: row.size(1)?,
            counted: row.size(2)?,
            shared: row.size(3)?,
            in_trash: row.size(4)?,
            unneeded: row.size(5)?,
            ..Total::default()
        })
    })?;
    let blobs = blobs.unwrap_or_default();
    let repositories =
        connection.first(&tables::TOTAL_OF_REPOSITORIES, &parameters, |row| Ok::<_, Error>(row.size(0)?))?;
    let (manifests, bytes) = connection
        .first(&tables::TOTAL_OF_MANIFESTS, &parameters, |row| Ok::<_, Error>((row.size(0)?, row.size(1)?)))?
        .unwrap_or_default();
    let (bytes, counted) = (blobs.bytes + bytes, blobs.counted + bytes);
    Ok(Total { repositories: repositories.unwrap_or_default(), manifests, bytes, counted, ..blobs })
}

/// The same without manifests.
fn of_blobs(connection: &Connection<'_>, name: &RepositoryName, repository: i64) -> Result<Sizes, Error> {
    let Range { first, end, bare } = Range::of(name.namespace());
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

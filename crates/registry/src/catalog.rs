//! Lists of tags and of repositories. A page costs the same wherever it stands and however long the list is, but for what the
//! caller may not know of.

use entrepot_database::{Connection, Row, Timestamp};
use entrepot_oci::{Digest, LIBRARY, RepositoryName};

use crate::gate::{CatalogGrant, Grant, Policy, Pull};
use crate::listing::{MAX_PAGE, begin_after};
use crate::{Error, Page, Registry, existing_repository, stored_digest, stored_name, tables};

/// Why there is no list of repositories.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError<R> {
    /// The core could not read it.
    #[error(transparent)]
    Core(#[from] Error),
    /// The policy could not say what the caller may know of.
    #[error("{0}")]
    Policy(R),
}

/// A tag and the manifest that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagEntry {
    /// The tag.
    pub name: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The media type of that.
    pub media_type: String,
    /// Its size in bytes, without what it names.
    pub size: u64,
    /// When the tag was set.
    pub updated_at: Timestamp,
}

impl TagEntry {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: row.text(0)?.to_owned(),
            digest: stored_digest(row.text(1)?)?,
            media_type: row.text(2)?.to_owned(),
            size: row.size(3)?,
            updated_at: Timestamp::from_micros(row.integer(4)?),
        })
    }
}

/// The next repository of a namespace after a name, or the first after an empty one. Names without a slash are those of one
/// namespace, and stand among all others.
pub(crate) fn next_in_namespace(
    connection: &Connection<'_>,
    namespace: &str,
    after: &str,
) -> Result<Option<RepositoryName>, Error> {
    let is_bare = namespace == LIBRARY;
    let begin = if is_bare { String::new() } else { format!("{namespace}/") };
    let mut after = begin.max(after.to_owned());
    loop {
        let parameters = [after.as_str().into(), 1_i64.into()];
        let next = connection.first(&tables::CATALOG, &parameters, |row| stored_name(row.text(0)?))?;
        match next {
            Some(name) if name.namespace() == namespace => return Ok(Some(name)),
            // Behind all of that namespace: no name has this character.
            Some(other) if is_bare => after = format!("{}/\u{7f}", other.namespace()),
            _ => return Ok(None),
        }
    }
}

impl Registry {
    /// Tags of the repository after `last` (not included), at most `limit`, in byte order (end-8).
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`].
    pub async fn list_tags(
        &self,
        grant: &Grant<Pull>,
        last: Option<String>,
        limit: Option<usize>,
    ) -> Result<Page<String>, Error> {
        let name = grant.repository().clone();
        self.0
            .database
            .scan(move |connection| {
                let repository = existing_repository(connection, &name)?;
                let last = begin_after(last.as_deref());
                Page::fetch(limit, |rows| {
                    let parameters = [repository.into(), last.into(), rows.into()];
                    connection.all(&tables::TAGS, &parameters, |row| Ok(row.text(0)?.to_owned()))
                })
            })
            .await
    }

    /// As [`Registry::list_tags`], with what each tag shows.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`].
    pub async fn list_tag_entries(
        &self,
        grant: &Grant<Pull>,
        last: Option<String>,
        limit: Option<usize>,
    ) -> Result<Page<TagEntry>, Error> {
        let name = grant.repository().clone();
        let scanned = self.0.database.scan(move |connection| {
            let repository = existing_repository(connection, &name)?;
            let last = begin_after(last.as_deref());
            Page::fetch(limit, |rows| {
                let parameters = [repository.into(), last.into(), rows.into()];
                connection.all(&tables::TAG_ENTRIES, &parameters, TagEntry::read)
            })
        });
        scanned.await
    }

    /// Repositories after `last` (not included) that the caller may know of, at most `limit`, in byte order.
    ///
    /// # Errors
    /// What the database or the policy said.
    pub async fn list_repositories<P: Policy>(
        &self,
        grant: &CatalogGrant<'_, P>,
        last: Option<String>,
        limit: Option<usize>,
    ) -> Result<Page<String>, CatalogError<P::Refusal>> {
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let mut entries = Vec::new();
        let mut last = last;
        // One more than wanted tells whether there is another page.
        let mut rows = limit + 1;
        while limit > 0 && entries.len() <= limit {
            let names = self.all_repositories(last, rows).await?;
            let Some(end) = names.last().cloned() else { break };
            let complete = names.len() < rows;
            entries.extend(grant.visible(names).await.map_err(CatalogError::Policy)?);
            if complete {
                break;
            }
            last = Some(end);
            // Short pages do not become many reads where much is private.
            rows = (rows * 2).min(MAX_PAGE + 1);
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Page { entries, more })
    }

    /// At most `limit` names of repositories after `last`, whoever may know of them.
    async fn all_repositories(&self, last: Option<String>, limit: usize) -> Result<Vec<String>, Error> {
        self.0
            .database
            .scan(move |connection| {
                let parameters = [begin_after(last.as_deref()).into(), (limit as i64).into()];
                connection.all(&tables::CATALOG, &parameters, |row| Ok(row.text(0)?.to_owned()))
            })
            .await
    }
}

//! Lists of tags and of repositories. A page costs the same wherever it stands and however long the list is.

use crate::gate::{CatalogGrant, Grant, Pull};
use crate::listing::begin_after;
use crate::{Error, Page, Registry, existing_repository, tables};

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

    /// Repositories after `last` (not included), at most `limit`, in byte order.
    ///
    /// # Errors
    /// What the database said.
    pub async fn list_repositories(
        &self,
        _grant: &CatalogGrant,
        last: Option<String>,
        limit: Option<usize>,
    ) -> Result<Page<String>, Error> {
        self.0
            .database
            .scan(move |connection| {
                let last = begin_after(last.as_deref());
                Page::fetch(limit, |rows| {
                    connection.all(&tables::CATALOG, &[last.into(), rows.into()], |row| Ok(row.text(0)?.to_owned()))
                })
            })
            .await
    }
}

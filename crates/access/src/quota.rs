//! What a namespace may have, and what it has.

use crate::permit::{NamespaceOwner, Permit, System};
use crate::{Access, Error, tables};

/// What a namespace may have; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of all its repositories together.
    pub max_bytes: Option<u64>,
    /// Repositories.
    pub max_repositories: Option<u32>,
}

/// What a namespace has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all its repositories together.
    pub bytes: u64,
    /// Repositories.
    pub repositories: u64,
}

impl Access {
    /// Limits what a namespace may have. What it has already stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more bytes than there can be; what the database said.
    pub async fn set_quota(
        &self,
        _: &Permit<System>,
        permit: &Permit<NamespaceOwner>,
        quota: Quota,
    ) -> Result<(), Error> {
        let bytes = quota.max_bytes.map(i64::try_from).transpose();
        let bytes = bytes.map_err(|_| Error::invalid("max_bytes", format!("{} at most", i64::MAX)))?;
        let entry = permit.entry("quota.set", &permit.on.name, quota);
        self.change_namespace(permit, entry, move |connection, owner| {
            let repositories = quota.max_repositories.map(i64::from);
            connection.execute(&tables::SET_QUOTA, &[bytes.into(), repositories.into(), owner.id.into()])?;
            Ok(())
        })
        .await
    }

    /// What a namespace may have, and what it has.
    ///
    /// # Errors
    /// What the database said.
    pub async fn quota(&self, permit: &Permit<NamespaceOwner>) -> Result<(Quota, Usage), Error> {
        let name = permit.on.name.clone();
        let found = self.0.database.read(move |connection| {
            let quota = connection.first(&tables::NAMESPACE, &[(&name).into()], |row| {
                let (bytes, repositories) = (row.optional_integer(6)?, row.optional_integer(7)?);
                Ok::<_, Error>(Quota {
                    max_bytes: bytes.and_then(|most| u64::try_from(most).ok()),
                    max_repositories: repositories.and_then(|most| u32::try_from(most).ok()),
                })
            })?;
            let repositories = connection.first(&tables::COUNT_REPOSITORIES, &[(&name).into()], |row| row.size(0))?;
            let bytes = entrepot_registry::used_bytes(connection, &name)?;
            Ok((quota.unwrap_or_default(), Usage { bytes, repositories: repositories.unwrap_or_default() }))
        });
        found.await
    }
}

impl std::fmt::Display for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |most: Option<u64>| most.map_or("any".to_owned(), |most| most.to_string());
        write!(f, "bytes: {}, repositories: {}", words(self.max_bytes), words(self.max_repositories.map(u64::from)))
    }
}

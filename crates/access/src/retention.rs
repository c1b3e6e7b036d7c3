//! Rules of retention, which the core follows: who may set them, and which tags they never take.

use entrepot_database::Connection;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Terms;
use entrepot_registry::{Pattern, RetentionRule};

use crate::grant::check_within;
use crate::permit::{NamespaceOwner, Permit};
use crate::policy::{freezing, immutable};
use crate::{Access, Error, tables};

impl Access {
    /// Sets a rule of retention; one of the same patterns is replaced.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it reaches beyond the namespace, or if there are too many.
    pub async fn set_retention(&self, permit: &Permit<NamespaceOwner>, rule: RetentionRule) -> Result<(), Error> {
        check_within(&permit.on, &rule.repositories)?;
        let entry = permit.entry("retention.set", &permit.on.name, &rule);
        self.change_namespace(permit, entry, move |connection, owner| {
            rule.set(connection, &owner.name)
                .map_err(core)?
                .map_err(|invalid| Error::invalid("retention", invalid.to_string()))
        })
        .await
    }

    /// Takes the rule of these patterns away.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn remove_retention(
        &self,
        permit: &Permit<NamespaceOwner>,
        repositories: Pattern,
        tags: Pattern,
    ) -> Result<(), Error> {
        let which = format!("{repositories}:{tags}");
        let entry = permit.entry("retention.remove", &permit.on.name, &which);
        self.change_namespace(permit, entry, move |connection, owner| {
            match RetentionRule::remove(connection, &owner.name, &repositories, &tags).map_err(core)? {
                true => Ok(()),
                false => Err(Error::not_found("rule for", which.clone())),
            }
        })
        .await
    }

    /// The rules of retention of a namespace.
    ///
    /// # Errors
    /// What the database said.
    pub async fn retention(&self, permit: &Permit<NamespaceOwner>) -> Result<Vec<RetentionRule>, Error> {
        let name = permit.on.name.clone();
        let scanned = self.0.database.scan(move |connection| RetentionRule::of(connection, &name).map_err(core));
        scanned.await
    }
}

/// The tags of a repository that no rule takes, because they are immutable.
///
/// # Errors
/// What the database said.
pub fn frozen_tags(
    connection: &Connection<'_>,
    repository: &RepositoryName,
) -> Result<Terms, entrepot_registry::Error> {
    read_frozen(connection, repository).map_err(|error| match error {
        Error::Database(error) => error.into(),
        other => entrepot_registry::Error::Damaged(other.to_string()),
    })
}

fn read_frozen(connection: &Connection<'_>, repository: &RepositoryName) -> Result<Terms, Error> {
    let namespace = connection
        .first(&tables::NAMESPACE, &[repository.namespace().into()], |row| Ok::<_, Error>(row.integer(0)?))?;
    Ok(freezing(immutable(connection, namespace, repository)?))
}

/// What the core says of its tables.
fn core(error: entrepot_registry::Error) -> Error {
    match error {
        entrepot_registry::Error::Database(error) => error.into(),
        other => Error::Internal(other.to_string()),
    }
}

//! What the rules know of repositories: whether they are public, who made them, and which of their tags do not move.

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_oci::RepositoryName;

use crate::Pattern;
use crate::account::{MAX_PAGE, still};
use crate::caller::Caller;
use crate::grant::check_within;
use crate::memory::changed;
use crate::permit::{NamespaceOwner, Permit, RepositoryAdmin};
use crate::policy::{add_repository, begin};
use crate::role::{Role, Visibility};
use crate::rules::{self, stored};
use crate::{Access, Error, tables};

/// A repository, as the rules know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Its name.
    pub name: RepositoryName,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who made it; empty for somebody who did not say.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Tags that do not move once they are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImmutableTags {
    /// Of which repositories.
    pub repositories: Pattern,
    /// Which tags.
    pub tags: Pattern,
}

impl RepositorySettings {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: stored(row.text(0)?)?,
            visibility: stored(row.text(1)?)?,
            created_by: row.text(2)?.to_owned(),
            created_at: Timestamp::from_micros(row.integer(3)?),
        })
    }
}

impl Access {
    /// Makes a repository before anything is pushed to it, with a visibility of its own or that of its namespace.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::QuotaReached`].
    pub async fn create_repository(
        &self,
        permit: &Permit<RepositoryAdmin>,
        visibility: Option<Visibility>,
    ) -> Result<RepositorySettings, Error> {
        let (name, by) = (permit.on.name.clone(), permit.caller().principal().name().unwrap_or_default());
        let entry = permit.entry("repository.create", name.as_str(), "");
        let made = self.0.database.write(Durability::Power, move |connection| {
            if rules::visibility(connection, &name)?.is_some() {
                return Err(Error::exists("a repository", name.as_str()));
            }
            begin(connection, &name, &by)?;
            if let Some(visibility) = visibility {
                set_visibility(connection, &name, visibility)?;
            }
            entry.write(connection)?;
            changed(connection)?;
            find(connection, &name)
        });
        let made = made.await?;
        self.noticed().await?;
        Ok(made)
    }

    /// What the rules know of a repository, for whoever may pull from it.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for who may not.
    pub async fn repository(&self, caller: &Caller, name: &RepositoryName) -> Result<RepositorySettings, Error> {
        let (who, name, anonymous) = (caller.who.clone(), name.clone(), self.0.options.anonymous);
        let found = self.0.database.read(move |connection| {
            let limit_allows = who.limit.allows(entrepot_registry::gate::Action::Pull, &name);
            match rules::find(connection, &who.principal, &name, anonymous)?.role() {
                Some(_) if limit_allows => find(connection, &name),
                _ => Err(Error::not_found("repository", name.as_str())),
            }
        });
        found.await
    }

    /// The same, for whoever may change it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn repository_settings(&self, permit: &Permit<RepositoryAdmin>) -> Result<RepositorySettings, Error> {
        let name = permit.on.name.clone();
        self.0.database.read(move |connection| find(connection, &name)).await
    }

    /// The repositories of a namespace that the caller may know of, after `last`, at most `limit`, by name; and the name after which
    /// the next page begins, if there may be one.
    ///
    /// # Errors
    /// What the database said.
    pub async fn repositories(
        &self,
        caller: &Caller,
        namespace: &str,
        last: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RepositorySettings>, Option<String>), Error> {
        let (who, namespace, anonymous) = (caller.who.clone(), namespace.to_owned(), self.0.options.anonymous);
        let scanned = self.0.database.scan(move |connection| {
            let limit = limit.clamp(1, MAX_PAGE);
            let parameters = [(&namespace).into(), last.as_deref().unwrap_or_default().into(), (limit as i64).into()];
            let all = connection.all(&tables::REPOSITORIES, &parameters, RepositorySettings::read)?;
            let next = (all.len() == limit).then(|| all.last().map(|last| last.name.as_str().to_owned())).flatten();
            let mut seen = Vec::new();
            for one in all {
                let allowed = who.limit.allows(entrepot_registry::gate::Action::Pull, &one.name);
                if allowed && rules::find(connection, &who.principal, &one.name, anonymous)?.role() >= Some(Role::Read)
                {
                    seen.push(one);
                }
            }
            Ok((seen, next))
        });
        scanned.await
    }

    /// Lets everybody see a repository, or only those who were given a role.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_visibility(
        &self,
        permit: &Permit<RepositoryAdmin>,
        visibility: Visibility,
    ) -> Result<RepositorySettings, Error> {
        self.change_visibility(permit, visibility, None).await
    }

    /// The same, but only if the repository still is as somebody has seen it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is not.
    pub async fn change_visibility(
        &self,
        permit: &Permit<RepositoryAdmin>,
        visibility: Visibility,
        unless_changed: Option<RepositorySettings>,
    ) -> Result<RepositorySettings, Error> {
        let name = permit.on.name.clone();
        let entry = permit.entry("repository.visibility", name.as_str(), visibility);
        let written = self.0.database.write(Durability::Power, move |connection| {
            if let Some(seen) = &unless_changed {
                still(seen, &find(connection, &name)?)?;
            }
            set_visibility(connection, &name, visibility)?;
            entry.write(connection)?;
            changed(connection)?;
            find(connection, &name)
        });
        let written = written.await?;
        self.noticed().await?;
        Ok(written)
    }

    /// Takes over the repositories that were there before there were rules, once: as everybody could see them, they are public.
    /// `names` gives them page by page, each after a name.
    ///
    /// # Errors
    /// What the database or `names` said.
    pub async fn adopt<E, F>(&self, mut names: impl FnMut(Option<String>) -> F + Send) -> Result<(), E>
    where
        E: From<Error>,
        F: Future<Output = Result<Vec<String>, E>> + Send,
    {
        let adopted = self.0.database.read(|connection| {
            let adopted = connection.first(&tables::ADOPTED, &[], |row| row.integer(0))?;
            Ok::<_, Error>(adopted == Some(1))
        });
        if adopted.await? {
            return Ok(());
        }
        let mut last = None;
        loop {
            let page = names(last.take()).await?;
            let Some(end) = page.last().cloned() else { break };
            let written = self.0.database.write(Durability::Power, move |connection| {
                page.iter().try_for_each(|name| add_repository(connection, &stored(name)?, Visibility::Public, ""))
            });
            written.await?;
            last = Some(end);
        }
        let done = self.0.database.write(Durability::Power, |connection| {
            connection.execute(&tables::SET_ADOPTED, &[])?;
            Ok::<_, Error>(changed(connection)?)
        });
        Ok(done.await?)
    }

    /// Lets the tags that `rule` names stay as they are once they are set, or no more.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it reaches beyond the namespace; [`Error::NotFound`] when taken away.
    pub async fn set_immutable(
        &self,
        permit: &Permit<NamespaceOwner>,
        rule: ImmutableTags,
        immutable: bool,
    ) -> Result<(), Error> {
        check_within(&permit.on, &rule.repositories)?;
        let action = if immutable { "immutable.add" } else { "immutable.remove" };
        let entry = permit.entry(action, &permit.on.name, format!("{}:{}", rule.repositories, rule.tags));
        self.change_namespace(permit, entry, move |connection, owner| {
            let parameters = [owner.id.into(), rule.repositories.as_str().into(), rule.tags.as_str().into()];
            let statement = if immutable { &tables::ADD_IMMUTABLE } else { &tables::REMOVE_IMMUTABLE };
            match connection.execute(statement, &parameters)? {
                0 if !immutable => Err(Error::not_found("rule for", format!("{}:{}", rule.repositories, rule.tags))),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Which tags stay as they are.
    ///
    /// # Errors
    /// What the database said.
    pub async fn immutable(&self, permit: &Permit<NamespaceOwner>) -> Result<Vec<ImmutableTags>, Error> {
        let id = permit.on.id;
        let scanned = self.0.database.scan(move |connection| {
            connection.all(&tables::IMMUTABLE, &[id.into()], |row| {
                Ok(ImmutableTags { repositories: stored(row.text(0)?)?, tags: stored(row.text(1)?)? })
            })
        });
        scanned.await
    }
}

fn set_visibility(connection: &Connection<'_>, name: &RepositoryName, visibility: Visibility) -> Result<(), Error> {
    match connection.execute(&tables::SET_VISIBILITY, &[visibility.as_str().into(), name.as_str().into()])? {
        0 => Err(Error::not_found("repository", name.as_str())),
        _ => Ok(()),
    }
}

fn find(connection: &Connection<'_>, name: &RepositoryName) -> Result<RepositorySettings, Error> {
    let found = connection.first(&tables::REPOSITORY, &[name.as_str().into()], RepositorySettings::read)?;
    found.ok_or_else(|| Error::not_found("repository", name.as_str()))
}

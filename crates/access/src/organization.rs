//! Organizations and their members.

use entrepot_database::{Connection, Durability, Row, Timestamp};

use crate::account::{MAX_PAGE, add_namespace, checked_text, find as find_account, still};
use crate::audit::AuditEntry;
use crate::caller::{Caller, Principal};
use crate::memory::changed;
use crate::name::Name;
use crate::permit::{InOrganization, NamespaceOwner, Permit, System};
use crate::role::{Membership, NamespaceKind, Visibility};
use crate::rules::{membership, stored};
use crate::{Access, Error, second_factor, tables};

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its name.
    pub name: Name,
    /// What it is called.
    pub display_name: String,
    /// Of its new repositories.
    pub default_visibility: Visibility,
    /// Whether its people need a second factor: without one they have no rights through it.
    pub second_factor: bool,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// Somebody in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub account: Name,
    /// As what.
    pub role: Membership,
}

/// A change of a namespace's settings; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct NamespaceChange {
    /// What it is called.
    pub display_name: Option<String>,
    /// Of its new repositories.
    pub default_visibility: Option<Visibility>,
    /// Whether its people need a second factor.
    pub second_factor: Option<bool>,
    /// Only if the organization still is as somebody has seen it.
    pub unless_changed: Option<Organization>,
}

impl Organization {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: stored(row.text(0)?)?,
            display_name: row.text(1)?.to_owned(),
            default_visibility: stored(row.text(2)?)?,
            created_at: Timestamp::from_micros(row.integer(3)?),
            second_factor: row.integer(4)? != 0,
        })
    }
}

impl Access {
    /// Makes an organization, which whoever makes it owns.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Denied`] for who has no account.
    pub async fn create_organization(&self, caller: &Caller, name: &Name, owner: &Name) -> Result<Organization, Error> {
        let owner = self.permit_account(caller, owner).await?;
        let (name, entry) = (name.clone(), owner.entry("organization.create", name, ""));
        let made = self.0.database.write(Durability::Power, move |connection| {
            let id = add_namespace(connection, &name, NamespaceKind::Organization)?
                .ok_or_else(|| Error::exists("a person or organization", &name))?;
            connection.execute(&tables::SET_MEMBER, &[id.into(), owner.on.id.into(), "owner".into()])?;
            entry.write(connection)?;
            changed(connection)?;
            find(connection, &name)
        });
        let organization = made.await?;
        self.noticed().await?;
        Ok(organization)
    }

    /// The organization, for who is in it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn organization(&self, _: &Permit<InOrganization>, name: &Name) -> Result<Organization, Error> {
        let name = name.clone();
        self.0.database.read(move |connection| find(connection, &name)).await
    }

    /// Every organization after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// What the database said.
    pub async fn organizations(
        &self,
        _: &Permit<System>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Organization>, Error> {
        let scanned = self.0.database.scan(move |connection| {
            let parameters = [last.as_deref().unwrap_or_default().into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::ORGANIZATIONS, &parameters, Organization::read)
        });
        scanned.await
    }

    /// The caller's own organizations after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody.
    pub async fn own_organizations(
        &self,
        caller: &Caller,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Organization>, Error> {
        let id = match caller.principal() {
            Principal::Account { id, .. } => *id,
            Principal::Anonymous => return Err(Error::Unauthenticated),
            Principal::Operator | Principal::Robot { .. } | Principal::Job { .. } | Principal::Organization { .. } => {
                return Ok(Vec::new());
            }
        };
        let scanned = self.0.database.scan(move |connection| {
            let last = last.as_deref().unwrap_or_default();
            let parameters = [id.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::ORGANIZATIONS_OF, &parameters, Organization::read)
        });
        scanned.await
    }

    /// Changes the settings of an organization.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Conflict`] if it is not as it was expected to be.
    pub async fn change_organization(
        &self,
        permit: &Permit<NamespaceOwner>,
        change: NamespaceChange,
    ) -> Result<(), Error> {
        let display_name = change.display_name.map(|name| checked_text("display_name", &name)).transpose()?;
        let asks =
            change.second_factor.map_or("", |asked| if asked { "second factor on" } else { "second factor off" });
        let entry = permit.entry("organization.change", &permit.on.name, asks);
        let account = match permit.caller().principal() {
            Principal::Account { id, .. } => Some(*id),
            _ => None,
        };
        self.change_namespace(permit, entry, move |connection, owner| {
            if let Some(seen) = &change.unless_changed {
                still(seen, &find(connection, &seen.name)?)?;
            }
            if let Some(name) = &display_name {
                connection.execute(&tables::SET_DISPLAY_NAME, &[name.into(), owner.id.into()])?;
            }
            if let Some(visibility) = change.default_visibility {
                let parameters = [visibility.as_str().into(), owner.id.into()];
                connection.execute(&tables::SET_DEFAULT_VISIBILITY, &parameters)?;
            }
            if let Some(asked) = change.second_factor {
                // Whoever asks others for one, and loses their rights with it, would lock everybody out.
                if let (true, Some(account)) = (asked, account)
                    && !second_factor::has(connection, account)?
                {
                    return Err(Error::Conflict("set up a second factor of your own first".to_owned()));
                }
                connection.execute(&tables::SET_SECOND_FACTOR, &[i64::from(asked).into(), owner.id.into()])?;
            }
            Ok(())
        })
        .await
    }

    /// The members after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// What the database said.
    pub async fn members(
        &self,
        permit: &Permit<InOrganization>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Member>, Error> {
        let id = permit.on.id;
        let scanned = self.0.database.scan(move |connection| {
            let last = last.as_deref().unwrap_or_default();
            let parameters = [id.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::MEMBERS, &parameters, |row| {
                Ok(Member { account: stored(row.text(0)?)?, role: stored(row.text(1)?)? })
            })
        });
        scanned.await
    }

    /// Makes somebody an owner or a member.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such account; [`Error::Conflict`] if there would be no owner.
    pub async fn set_member(
        &self,
        permit: &Permit<NamespaceOwner>,
        account: &Name,
        role: Membership,
    ) -> Result<(), Error> {
        let entry = permit.entry("member.set", &permit.on.name, format!("{account} as {role}"));
        let account = account.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let (id, _) = find_account(connection, &account)?;
            if role != Membership::Owner {
                keep_one_owner(connection, owner.id, id)?;
                connection.execute(&tables::REMOVE_INVITATIONS_BY, &[owner.id.into(), account.as_str().into()])?;
            }
            connection.execute(&tables::SET_MEMBER, &[owner.id.into(), id.into(), role.as_str().into()])?;
            Ok(())
        })
        .await
    }

    /// Takes somebody out of the organization and of its teams, and takes back what roles they were given in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if they are not in it; [`Error::Conflict`] if there would be no owner.
    pub async fn remove_member(&self, permit: &Permit<NamespaceOwner>, account: &Name) -> Result<(), Error> {
        let entry = permit.entry("member.remove", &permit.on.name, account);
        let account = account.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let (id, _) = find_account(connection, &account)?;
            keep_one_owner(connection, owner.id, id)?;
            connection.execute(&tables::REMOVE_MEMBER_FROM_TEAMS, &[id.into(), owner.id.into()])?;
            connection.execute(&tables::REMOVE_GRANTS_OF_IN, &[owner.id.into(), "account".into(), id.into()])?;
            // Or they could come back by one of their own.
            connection.execute(&tables::REMOVE_INVITATIONS_BY, &[owner.id.into(), account.as_str().into()])?;
            match connection.execute(&tables::REMOVE_MEMBER, &[owner.id.into(), id.into()])? {
                0 => Err(Error::not_found("member", &account)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Changes what belongs to a namespace, in one transaction with the entry in the audit log.
    pub(crate) async fn change_namespace<T: Send + 'static>(
        &self,
        permit: &Permit<NamespaceOwner>,
        entry: AuditEntry,
        mut work: impl FnMut(&Connection<'_>, &NamespaceOwner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let owner = permit.on.clone();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let done = work(connection, &owner)?;
            entry.write(connection)?;
            changed(connection)?;
            Ok::<_, Error>(done)
        });
        let done = written.await?;
        self.noticed().await?;
        Ok(done)
    }
}

fn find(connection: &Connection<'_>, name: &Name) -> Result<Organization, Error> {
    let found = connection.first(&tables::ORGANIZATION, &[name.as_str().into()], Organization::read)?;
    found.ok_or_else(|| Error::not_found("organization", name))
}

fn keep_one_owner(connection: &Connection<'_>, organization: i64, account: i64) -> Result<(), Error> {
    let owner = membership(connection, organization, account)? == Some(Membership::Owner);
    if owner && !connection.exists(&tables::OTHER_OWNER, &[organization.into(), account.into()])? {
        return Err(Error::Conflict("this is the only owner; make another one first".to_owned()));
    }
    Ok(())
}

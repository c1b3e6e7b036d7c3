//! Teams of an organization: who is in them, by hand and through groups elsewhere.

use entrepot_database::Connection;

use crate::account::{MAX_PAGE, checked_text, find as find_account};
use crate::elsewhere::LDAP;
use crate::name::Name;
use crate::permit::{InOrganization, NamespaceOwner, Permit};
use crate::provider::ProviderName;
use crate::role::Membership;
use crate::rules::membership;
use crate::{Access, Error, tables};

/// Where somebody is known from whom an owner has put into a team.
pub(crate) const BY_HAND: &str = "local";

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// A group elsewhere whose members are in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamGroup {
    /// Where: `ldap`, or `oidc:` and the provider.
    pub source: String,
    /// What it is called there.
    pub name: String,
}

impl Access {
    /// Makes a team.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Invalid`] for the description.
    pub async fn create_team(
        &self,
        permit: &Permit<NamespaceOwner>,
        team: &Name,
        description: &str,
    ) -> Result<(), Error> {
        let description = checked_text("description", description)?;
        let entry = permit.entry("team.create", target(permit, team), "");
        let team = team.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let parameters = [owner.id.into(), team.as_str().into(), (&description).into()];
            let added = connection.first(&tables::ADD_TEAM, &parameters, |row| row.integer(0))?;
            added.map(|_| ()).ok_or_else(|| Error::exists("a team", &team))
        })
        .await
    }

    /// Removes a team, with its roles.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_team(&self, permit: &Permit<NamespaceOwner>, team: &Name) -> Result<(), Error> {
        let entry = permit.entry("team.remove", target(permit, team), "");
        let team = team.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let id = find(connection, owner.id, &team)?;
            connection.execute(&tables::REMOVE_GRANTS_OF, &["team".into(), id.into()])?;
            connection.execute(&tables::REMOVE_TEAM, &[id.into()])?;
            Ok(())
        })
        .await
    }

    /// The teams after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// What the database said.
    pub async fn teams(
        &self,
        permit: &Permit<InOrganization>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Team>, Error> {
        let id = permit.on.id;
        let scanned = self.0.database.scan(move |connection| {
            let last = last.as_deref().unwrap_or_default();
            let parameters = [id.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::TEAMS, &parameters, |row| {
                Ok(Team { name: row.text(0)?.to_owned(), description: row.text(1)?.to_owned() })
            })
        });
        scanned.await
    }

    /// Who is in a team, after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn team_members(
        &self,
        permit: &Permit<InOrganization>,
        team: &Name,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let (id, team) = (permit.on.id, team.clone());
        let scanned = self.0.database.scan(move |connection| {
            let team = find(connection, id, &team)?;
            let last = last.as_deref().unwrap_or_default();
            let parameters = [team.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::TEAM_MEMBERS, &parameters, |row| Ok(row.text(0)?.to_owned()))
        });
        scanned.await
    }

    /// Puts somebody into a team, and with that into the organization.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the team or the account.
    pub async fn add_team_member(
        &self,
        permit: &Permit<NamespaceOwner>,
        team: &Name,
        account: &Name,
    ) -> Result<(), Error> {
        let entry = permit.entry("team.add_member", target(permit, team), account);
        let (team, account) = (team.clone(), account.clone());
        self.change_namespace(permit, entry, move |connection, owner| {
            let team = find(connection, owner.id, &team)?;
            let (account, _) = find_account(connection, &account)?;
            add_member(connection, owner.id, team, account, BY_HAND)
        })
        .await
    }

    /// Takes somebody out of a team. Who is in it through a group elsewhere too, stays in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the team, the account, or somebody who is not in it by hand.
    pub async fn remove_team_member(
        &self,
        permit: &Permit<NamespaceOwner>,
        team: &Name,
        account: &Name,
    ) -> Result<(), Error> {
        let entry = permit.entry("team.remove_member", target(permit, team), account);
        let (team, account) = (team.clone(), account.clone());
        self.change_namespace(permit, entry, move |connection, owner| {
            let team = find(connection, owner.id, &team)?;
            let (id, _) = find_account(connection, &account)?;
            let parameters = [team.into(), id.into(), BY_HAND.into()];
            match connection.execute(&tables::REMOVE_TEAM_MEMBER, &parameters)? {
                0 => Err(Error::not_found("team member", &account)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// The groups elsewhere whose members are in a team.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn team_groups(&self, permit: &Permit<InOrganization>, team: &Name) -> Result<Vec<TeamGroup>, Error> {
        let (id, team) = (permit.on.id, team.clone());
        let scanned = self.0.database.scan(move |connection| {
            let team = find(connection, id, &team)?;
            connection.all(&tables::TEAM_GROUPS, &[team.into()], |row| {
                Ok(TeamGroup { source: row.text(0)?.to_owned(), name: row.text(1)?.to_owned() })
            })
        });
        scanned.await
    }

    /// Lets the members of a group elsewhere be in a team; each is when they log in next.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn add_team_group(
        &self,
        permit: &Permit<NamespaceOwner>,
        team: &Name,
        group: TeamGroup,
    ) -> Result<(), Error> {
        let known = group.source == LDAP || ProviderName::is_source(&group.source);
        if !known || group.name.is_empty() || group.name.len() > 255 {
            return Err(Error::invalid(
                "group",
                "its source is ldap or oidc:PROVIDER, and it has a name of up to 255 bytes",
            ));
        }
        let entry = permit.entry("team.add_group", target(permit, team), format!("{} {}", group.source, group.name));
        let team = team.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let team = find(connection, owner.id, &team)?;
            let parameters = [team.into(), (&group.source).into(), (&group.name).into()];
            connection.execute(&tables::ADD_TEAM_GROUP, &parameters)?;
            Ok(())
        })
        .await
    }

    /// Lets the members of a group elsewhere be in a team no more; each is out when they log in next.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_team_group(
        &self,
        permit: &Permit<NamespaceOwner>,
        team: &Name,
        group: TeamGroup,
    ) -> Result<(), Error> {
        let entry = permit.entry("team.remove_group", target(permit, team), format!("{} {}", group.source, group.name));
        let team = team.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let team = find(connection, owner.id, &team)?;
            let parameters = [team.into(), (&group.source).into(), (&group.name).into()];
            match connection.execute(&tables::REMOVE_TEAM_GROUP, &parameters)? {
                0 => Err(Error::not_found("group", &group.name)),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn target(permit: &Permit<NamespaceOwner>, team: &Name) -> String {
    format!("{}/{team}", permit.on.name)
}

/// The row of a team.
pub(crate) fn find(connection: &Connection<'_>, organization: i64, team: &Name) -> Result<i64, Error> {
    let found = connection.first(&tables::TEAM, &[organization.into(), team.as_str().into()], |row| row.integer(0))?;
    found.ok_or_else(|| Error::not_found("team", team))
}

/// Puts somebody into a team, and into the organization if they are not in it.
pub(crate) fn add_member(
    connection: &Connection<'_>,
    organization: i64,
    team: i64,
    account: i64,
    source: &str,
) -> Result<(), Error> {
    if membership(connection, organization, account)?.is_none() {
        let role = Membership::Member.as_str();
        connection.execute(&tables::SET_MEMBER, &[organization.into(), account.into(), role.into()])?;
    }
    connection.execute(&tables::ADD_TEAM_MEMBER, &[team.into(), account.into(), source.into()])?;
    Ok(())
}

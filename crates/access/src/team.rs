//! Teams of an organization: who is in them, by hand and through groups elsewhere.

use entrepot_database::Connection;

use crate::account::{MAX_PAGE, checked_text, find as find_account};
use crate::elsewhere::LDAP;
use crate::name::Name;
use crate::permit::{InOrganization, NamespaceOwner, Permit};
use crate::provider::ProviderName;
use crate::role::Membership;
use crate::rules::{membership, stored};
use crate::{Access, Error, tables};

/// Where somebody is known from whom an owner has put into a team.
pub(crate) const BY_HAND: &str = "local";

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: String,
}

/// A team, and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Which.
    pub team: Team,
    /// Its people, or the first of them, by name.
    pub people: Vec<Name>,
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// Who.
    pub account: Name,
    /// Whether an owner has put them into it; else they are in it through a group elsewhere alone.
    pub by_hand: bool,
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

    /// The team.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn team(&self, permit: &Permit<InOrganization>, team: &Name) -> Result<Team, Error> {
        let (id, name) = (permit.on.id, team.clone());
        let found = self.0.database.read(move |connection| {
            let found = connection.first(&tables::TEAM, &[id.into(), name.as_str().into()], |row| {
                Ok::<_, Error>(Team { name: name.clone(), description: row.text(1)?.to_owned() })
            })?;
            found.ok_or_else(|| Error::not_found("team", &name))
        });
        found.await
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
        let last = last.unwrap_or_default();
        self.0.database.scan(move |connection| teams(connection, id, &last, limit)).await
    }

    /// The teams after `last`, at most `limit`, by name, each with the first `people` who are in it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn rosters(
        &self,
        permit: &Permit<InOrganization>,
        last: Option<String>,
        limit: usize,
        people: usize,
    ) -> Result<Vec<Roster>, Error> {
        let id = permit.on.id;
        let last = last.unwrap_or_default();
        let scanned = self.0.database.scan(move |connection| {
            let mut rosters: Vec<_> = teams(connection, id, &last, limit)?.into_iter().map(Roster::empty).collect();
            let Some(end) = rosters.last().map(|roster| roster.team.name.to_string()) else { return Ok(rosters) };
            let parameters = [id.into(), (&last).into(), (&end).into(), (people.min(MAX_PAGE) as i64).into()];
            let found = connection.all(&tables::ROSTERS, &parameters, |row| {
                Ok::<_, Error>((stored::<Name>(row.text(0)?)?, stored(row.text(1)?)?))
            })?;
            let mut found = found.into_iter().peekable();
            // Both are in the order of the teams.
            for roster in &mut rosters {
                while let Some((_, person)) = found.next_if(|(team, _)| *team == roster.team.name) {
                    roster.people.push(person);
                }
            }
            Ok::<_, Error>(rosters)
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
    ) -> Result<Vec<TeamMember>, Error> {
        let (id, team) = (permit.on.id, team.clone());
        let scanned = self.0.database.scan(move |connection| {
            let team = find(connection, id, &team)?;
            let last = last.as_deref().unwrap_or_default();
            let parameters = [team.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::TEAM_MEMBERS, &parameters, |row| {
                Ok(TeamMember { account: stored(row.text(0)?)?, by_hand: row.integer(1)? != 0 })
            })
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

impl Roster {
    fn empty(team: Team) -> Self {
        Self { team, people: Vec::new() }
    }
}

fn teams(connection: &Connection<'_>, organization: i64, last: &str, limit: usize) -> Result<Vec<Team>, Error> {
    let parameters = [organization.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
    connection.all(&tables::TEAMS, &parameters, |row| {
        Ok(Team { name: stored(row.text(0)?)?, description: row.text(1)?.to_owned() })
    })
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

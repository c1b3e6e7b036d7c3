//! The rules: which role somebody has on a repository, and why.

use std::fmt;

use entrepot_database::Connection;
use entrepot_oci::RepositoryName;

use crate::caller::Principal;
use crate::name::{LIBRARY, RobotName};
use crate::pattern::Pattern;
use crate::role::{Membership, NamespaceKind, Role, Visibility};
use crate::{Anonymous, Error, tables};

/// A rule that gives a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Whoever runs commands on the registry's own data may do everything.
    Operator,
    /// Administrators may do everything.
    Administrator,
    /// People may do everything in their own namespace.
    Own,
    /// Owners of an organization may do everything in it.
    Owner(String),
    /// An organization's token acts for it.
    Organization(String),
    /// A rule lets a job act for a namespace.
    Job(String),
    /// A team was given a role.
    Team {
        /// Of which organization.
        organization: String,
        /// Its name.
        team: String,
        /// On what.
        pattern: Pattern,
        /// Which role.
        role: Role,
    },
    /// The account or robot was given a role.
    Direct {
        /// On what.
        pattern: Pattern,
        /// Which role.
        role: Role,
    },
    /// The repository is public.
    Public,
    /// Nobody owns the namespace, and the configuration lets everybody push there.
    Open,
}

impl Reason {
    /// The role that it gives.
    pub fn role(&self) -> Role {
        match self {
            Self::Operator
            | Self::Administrator
            | Self::Own
            | Self::Owner(_)
            | Self::Organization(_)
            | Self::Job(_) => Role::Admin,
            Self::Team { role, .. } | Self::Direct { role, .. } => *role,
            Self::Public => Role::Read,
            Self::Open => Role::Write,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("commands on the registry's own data may do everything"),
            Self::Administrator => f.write_str("administrators may do everything"),
            Self::Own => f.write_str("people may do everything in their own namespace"),
            Self::Owner(organization) => write!(f, "owners of {organization} may do everything in it"),
            Self::Organization(name) => write!(f, "tokens of {name} act for it"),
            Self::Job(name) => write!(f, "a rule of {name} lets the job act for it"),
            Self::Team { organization, team, pattern, role } => {
                write!(f, "the team {team} of {organization} has the role {role} on {pattern}")
            }
            Self::Direct { pattern, role } => write!(f, "they were given the role {role} on {pattern}"),
            Self::Public => f.write_str("the repository is public"),
            Self::Open => f.write_str("nobody owns the namespace, and access.anonymous is \"push\""),
        }
    }
}

/// What is known of a repository and of who asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Every rule that gives a role.
    pub(crate) reasons: Vec<Reason>,
    /// Whether the rules know the repository.
    pub(crate) known: bool,
    /// The row of the namespace, if somebody owns it.
    pub(crate) namespace: Option<i64>,
    /// Bytes that the namespace may have.
    pub(crate) max_bytes: Option<u64>,
}

impl Findings {
    /// The greatest role that a rule gives.
    pub(crate) fn role(&self) -> Option<Role> {
        self.reasons.iter().map(Reason::role).max()
    }
}

/// A namespace, as the rules see it.
struct Namespace {
    id: i64,
    kind: NamespaceKind,
    max_bytes: Option<u64>,
}

/// Which roles `principal` has on `repository`.
pub(crate) fn find(
    connection: &Connection<'_>,
    principal: &Principal,
    repository: &RepositoryName,
    anonymous: Anonymous,
) -> Result<Findings, Error> {
    let name = repository.namespace();
    let namespace = namespace(connection, name)?;
    let visibility = visibility(connection, repository)?;
    let mut reasons = Vec::new();
    match principal {
        Principal::Anonymous => {}
        Principal::Operator => reasons.push(Reason::Operator),
        Principal::Account { administrator: true, .. } => reasons.push(Reason::Administrator),
        Principal::Account { id, .. } => {
            if let Some(namespace) = &namespace {
                reasons.extend(of_account(connection, *id, namespace, name, repository)?);
            }
        }
        Principal::Robot { id, name: RobotName { .. } } => {
            if let Some(namespace) = &namespace {
                reasons.extend(direct(connection, namespace.id, "robot", *id, repository)?);
            }
        }
        Principal::Job { namespace: id, owner, .. } => {
            if namespace.as_ref().is_some_and(|namespace| namespace.id == *id) {
                reasons.push(Reason::Job(owner.to_string()));
            }
        }
        Principal::Organization { id, name } => {
            if namespace.as_ref().is_some_and(|namespace| namespace.id == *id) {
                reasons.push(Reason::Organization(name.to_string()));
            }
        }
    }
    let known_to_all = visibility == Some(Visibility::Public);
    if known_to_all && (*principal != Principal::Anonymous || anonymous != Anonymous::Nothing) {
        reasons.push(Reason::Public);
    }
    let owned = namespace.as_ref().is_some_and(|namespace| namespace.kind != NamespaceKind::Library);
    if anonymous == Anonymous::Push && !owned && visibility != Some(Visibility::Private) {
        reasons.push(Reason::Open);
    }
    let max_bytes = namespace.as_ref().and_then(|namespace| namespace.max_bytes);
    Ok(Findings { reasons, known: visibility.is_some(), namespace: namespace.map(|namespace| namespace.id), max_bytes })
}

fn of_account(
    connection: &Connection<'_>,
    account: i64,
    namespace: &Namespace,
    name: &str,
    repository: &RepositoryName,
) -> Result<Vec<Reason>, Error> {
    let mut reasons = direct(connection, namespace.id, "account", account, repository)?;
    match namespace.kind {
        NamespaceKind::Person if namespace.id == account => reasons.push(Reason::Own),
        NamespaceKind::Person | NamespaceKind::Library => {}
        NamespaceKind::Organization => match membership(connection, namespace.id, account)? {
            Some(Membership::Owner) => reasons.push(Reason::Owner(name.to_owned())),
            Some(Membership::Member) => reasons.extend(of_teams(connection, namespace.id, name, account, repository)?),
            None => {}
        },
    }
    Ok(reasons)
}

fn of_teams(
    connection: &Connection<'_>,
    organization: i64,
    name: &str,
    account: i64,
    repository: &RepositoryName,
) -> Result<Vec<Reason>, Error> {
    let parameters = [organization.into(), account.into()];
    let all = connection.all(&tables::GRANTS_OF_TEAMS, &parameters, |row| {
        let (pattern, role) = (stored(row.text(1)?)?, stored(row.text(2)?)?);
        Ok::<_, Error>((row.text(0)?.to_owned(), pattern, role))
    })?;
    let matching = all.into_iter().filter(|(_, pattern, _): &(_, Pattern, _)| pattern.matches(repository.as_str()));
    Ok(matching
        .map(|(team, pattern, role)| Reason::Team { organization: name.to_owned(), team, pattern, role })
        .collect())
}

fn direct(
    connection: &Connection<'_>,
    namespace: i64,
    subject: &str,
    id: i64,
    repository: &RepositoryName,
) -> Result<Vec<Reason>, Error> {
    let parameters = [namespace.into(), subject.into(), id.into()];
    let all = connection.all(&tables::GRANTS_OF_IN, &parameters, |row| {
        Ok::<(Pattern, Role), Error>((stored(row.text(0)?)?, stored(row.text(1)?)?))
    })?;
    let matching = all.into_iter().filter(|(pattern, _)| pattern.matches(repository.as_str()));
    Ok(matching.map(|(pattern, role)| Reason::Direct { pattern, role }).collect())
}

/// What somebody is in an organization.
pub(crate) fn membership(
    connection: &Connection<'_>,
    organization: i64,
    account: i64,
) -> Result<Option<Membership>, Error> {
    connection.first(&tables::MEMBER, &[organization.into(), account.into()], |row| stored(row.text(0)?))
}

/// Whether a repository is public; `None` if the rules do not know it.
pub(crate) fn visibility(
    connection: &Connection<'_>,
    repository: &RepositoryName,
) -> Result<Option<Visibility>, Error> {
    connection.first(&tables::REPOSITORY_SETTINGS, &[repository.as_str().into()], |row| stored(row.text(0)?))
}

fn namespace(connection: &Connection<'_>, name: &str) -> Result<Option<Namespace>, Error> {
    let found = connection.first(&tables::NAMESPACE, &[name.into()], |row| {
        let max_bytes = row.optional_integer(6)?.and_then(|most| u64::try_from(most).ok());
        Ok::<_, Error>(Namespace { id: row.integer(0)?, kind: stored(row.text(2)?)?, max_bytes })
    })?;
    // The registry's own namespace is there whether or not somebody has given it settings.
    debug_assert!(name != LIBRARY || found.as_ref().is_none_or(|found| found.kind == NamespaceKind::Library));
    Ok(found)
}

/// A value as a column holds it.
pub(crate) fn stored<T: std::str::FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::damaged(text))
}

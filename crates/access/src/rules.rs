//! The rules: which role somebody has on a repository, and why.

use std::collections::HashMap;
use std::fmt;

use entrepot_database::Connection;
use entrepot_oci::RepositoryName;

use crate::Pattern;
use crate::caller::Principal;
use crate::name::{LIBRARY, RobotName};
use crate::role::{Membership, NamespaceKind, Role, Visibility};
use crate::{Anonymous, Error, second_factor, tables};

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
    /// Whether the organization asks its people for a second factor, and the caller has none: then nothing in it gives them a role.
    pub(crate) lacks_second_factor: bool,
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
    asks_second_factor: bool,
    max_bytes: Option<u64>,
}

/// What the rules say of a namespace to somebody, whichever of its repositories they ask for.
pub(crate) struct Reach {
    principal: Principal,
    namespace: Option<Namespace>,
    lacks_second_factor: bool,
    /// Each rule that may give them a role, with the pattern of the repositories on which; all, without one.
    reasons: Vec<(Option<Pattern>, Reason)>,
}

/// Which roles `principal` has on `repository`.
pub(crate) fn find(
    connection: &Connection<'_>,
    principal: &Principal,
    repository: &RepositoryName,
    anonymous: Anonymous,
) -> Result<Findings, Error> {
    let reach = reach(connection, principal, repository.namespace())?;
    Ok(reach.on(repository, visibility(connection, repository)?, anonymous))
}

/// How far `principal` reaches in the namespace `name`.
pub(crate) fn reach(connection: &Connection<'_>, principal: &Principal, name: &str) -> Result<Reach, Error> {
    let namespace = namespace(connection, name)?;
    let is = |id: i64| namespace.as_ref().is_some_and(|namespace| namespace.id == id);
    let mut reasons = Vec::new();
    let mut lacks_second_factor = false;
    match principal {
        Principal::Anonymous => {}
        Principal::Operator => reasons.push((None, Reason::Operator)),
        Principal::Account { administrator: true, .. } => reasons.push((None, Reason::Administrator)),
        Principal::Account { id, .. } => {
            if let Some(namespace) = &namespace {
                lacks_second_factor = namespace.asks_second_factor && !second_factor::has(connection, *id)?;
                if !lacks_second_factor {
                    reasons = of_account(connection, *id, namespace, name)?;
                }
            }
        }
        Principal::Robot { id, name: RobotName { .. } } => {
            if let Some(namespace) = &namespace {
                reasons = direct(connection, namespace.id, "robot", *id)?;
            }
        }
        Principal::Job { namespace: id, owner, .. } => {
            if is(*id) {
                reasons.push((None, Reason::Job(owner.to_string())));
            }
        }
        Principal::Organization { id, name } => {
            if is(*id) {
                reasons.push((None, Reason::Organization(name.to_string())));
            }
        }
    }
    Ok(Reach { principal: principal.clone(), namespace, lacks_second_factor, reasons })
}

impl Reach {
    /// What that comes to on one repository, which is `visibility` if the rules know it.
    pub(crate) fn on(
        &self,
        repository: &RepositoryName,
        visibility: Option<Visibility>,
        anonymous: Anonymous,
    ) -> Findings {
        let matches = |pattern: &Option<Pattern>| pattern.as_ref().is_none_or(|all| all.matches(repository.as_str()));
        let matching = self.reasons.iter().filter(|(pattern, _)| matches(pattern));
        let mut reasons: Vec<_> = matching.map(|(_, reason)| reason.clone()).collect();
        let known_to_all = visibility == Some(Visibility::Public);
        if known_to_all && (self.principal != Principal::Anonymous || anonymous != Anonymous::Nothing) {
            reasons.push(Reason::Public);
        }
        let namespace = self.namespace.as_ref();
        let owned = namespace.is_some_and(|namespace| namespace.kind != NamespaceKind::Library);
        if anonymous == Anonymous::Push && !owned && visibility != Some(Visibility::Private) {
            reasons.push(Reason::Open);
        }
        Findings {
            reasons,
            known: visibility.is_some(),
            namespace: namespace.map(|namespace| namespace.id),
            lacks_second_factor: self.lacks_second_factor,
            max_bytes: namespace.and_then(|namespace| namespace.max_bytes),
        }
    }
}

fn of_account(
    connection: &Connection<'_>,
    account: i64,
    namespace: &Namespace,
    name: &str,
) -> Result<Vec<(Option<Pattern>, Reason)>, Error> {
    let mut reasons = direct(connection, namespace.id, "account", account)?;
    match namespace.kind {
        NamespaceKind::Person if namespace.id == account => reasons.push((None, Reason::Own)),
        NamespaceKind::Person | NamespaceKind::Library => {}
        NamespaceKind::Organization => match membership(connection, namespace.id, account)? {
            Some(Membership::Owner) => reasons.push((None, Reason::Owner(name.to_owned()))),
            Some(Membership::Member) => reasons.extend(of_teams(connection, namespace.id, name, account)?),
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
) -> Result<Vec<(Option<Pattern>, Reason)>, Error> {
    connection.all(&tables::GRANTS_OF_TEAMS, &[organization.into(), account.into()], |row| {
        let (pattern, role): (Pattern, Role) = (stored(row.text(1)?)?, stored(row.text(2)?)?);
        let (organization, team) = (name.to_owned(), row.text(0)?.to_owned());
        Ok((Some(pattern.clone()), Reason::Team { organization, team, pattern, role }))
    })
}

fn direct(
    connection: &Connection<'_>,
    namespace: i64,
    subject: &str,
    id: i64,
) -> Result<Vec<(Option<Pattern>, Reason)>, Error> {
    connection.all(&tables::GRANTS_OF_IN, &[namespace.into(), subject.into(), id.into()], |row| {
        let (pattern, role): (Pattern, Role) = (stored(row.text(0)?)?, stored(row.text(1)?)?);
        Ok((Some(pattern.clone()), Reason::Direct { pattern, role }))
    })
}

/// Which of `names`, which are sorted as the database sorts them, the rules know as public or private.
pub(crate) fn visibilities(
    connection: &Connection<'_>,
    names: &[String],
) -> Result<HashMap<String, Visibility>, Error> {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return Ok(HashMap::new()) };
    // Between them may be others that have no content; not for ever so many is looked.
    let most = 2 * names.len();
    let parameters = [first.into(), last.into(), (most as i64).into()];
    let mut found: HashMap<_, _> = connection
        .all(&tables::VISIBILITIES, &parameters, |row| {
            Ok::<_, Error>((row.text(0)?.to_owned(), stored(row.text(1)?)?))
        })?
        .into_iter()
        .collect();
    if found.len() == most {
        for name in names {
            if !found.contains_key(name)
                && let Some(known) = visibility(connection, &stored(name)?)?
            {
                found.insert(name.clone(), known);
            }
        }
    }
    Ok(found)
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
        let (kind, asks_second_factor) = (stored(row.text(2)?)?, row.integer(5)? != 0);
        Ok::<_, Error>(Namespace { id: row.integer(0)?, kind, asks_second_factor, max_bytes })
    })?;
    // The registry's own namespace is there whether or not somebody has given it settings.
    debug_assert!(name != LIBRARY || found.as_ref().is_none_or(|found| found.kind == NamespaceKind::Library));
    Ok(found)
}

/// A value as a column holds it.
pub(crate) fn stored<T: std::str::FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::damaged(text))
}

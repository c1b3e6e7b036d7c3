//! Who asks.

use std::net::IpAddr;
use std::sync::Arc;

use entrepot_database::Timestamp;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;

use crate::Pattern;
use crate::name::{Name, RobotName};
use crate::role::{Scope, Scopes};

/// Who asks, with what they showed, and from where. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) who: Arc<Who>,
    pub(crate) address: Option<IpAddr>,
}

/// The part that is the same for all requests with the same credential.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) principal: Principal,
    pub(crate) credential: Credential,
    pub(crate) limit: Limit,
    /// Since when what is shown for it counts: the password was set then, or the token made. A registry token that was issued
    /// for it ends when that moves.
    pub(crate) valid_from: Option<Timestamp>,
    /// Until when it counts, if it ends by itself.
    pub(crate) valid_until: Option<Timestamp>,
}

/// Somebody who can have rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who did not say who they are.
    Anonymous,
    /// Whoever may run commands on the registry's own data.
    Operator,
    /// A person.
    Account {
        /// Their row.
        id: i64,
        /// Their name.
        name: Name,
        /// Whether they govern the registry.
        administrator: bool,
    },
    /// A robot, with the rights that it was given.
    Robot {
        /// Its row.
        id: i64,
        /// Its name.
        name: RobotName,
    },
    /// A job that came in by a rule of a namespace, which says what it may do there.
    Job {
        /// The namespace's row.
        namespace: i64,
        /// The namespace's name.
        owner: Name,
        /// The rule.
        rule: String,
        /// What its provider calls it.
        subject: String,
    },
    /// An organization, by a token of its own, whose scopes are its rights.
    Organization {
        /// Its row.
        id: i64,
        /// Its name.
        name: Name,
    },
}

impl Principal {
    /// The name by which people know it; nobody has none.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::Operator => Some("(operator)".to_owned()),
            Self::Account { name, .. } | Self::Organization { name, .. } => Some(name.to_string()),
            Self::Robot { name, .. } => Some(name.to_string()),
            Self::Job { owner, subject, .. } => Some(format!("{owner} ({subject})")),
        }
    }
}

/// What was shown to prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// A password.
    Password,
    /// The token with this id.
    Token(String),
    /// A token that an OpenID provider signed for a job.
    Identity,
    /// The session with this id, of a browser.
    Session(String),
    /// A link that works once.
    Link,
    /// The word of the provider from which they are known.
    Provider(String),
}

impl Credential {
    /// For the audit log.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Password => "password".to_owned(),
            Self::Token(id) => format!("token {id}"),
            Self::Identity => "identity token".to_owned(),
            Self::Session(id) => format!("session {id}"),
            Self::Link => "link".to_owned(),
            Self::Provider(source) => source.clone(),
        }
    }
}

/// What a credential may be used for at most, whatever its owner may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// For these.
    pub(crate) scopes: Scopes,
    /// On repositories that one of these matches; all, if there are none.
    pub(crate) repositories: Vec<Pattern>,
    /// Only what a registry token says.
    pub(crate) access: Option<Vec<Access>>,
}

/// One entry of a registry token's `access` claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// On what.
    pub on: On,
    /// Which actions.
    pub actions: Vec<Action>,
}

/// What an entry of `access` is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// A repository.
    Repository(RepositoryName),
    /// The list of repositories.
    Catalog,
}

impl Limit {
    /// No limit.
    pub(crate) const NONE: Self = Self { scopes: Scopes::ALL, repositories: Vec::new(), access: None };

    /// Whether it leaves `action` on `repository`.
    pub(crate) fn allows(&self, action: Action, repository: &RepositoryName) -> bool {
        let names = |access: &Access| matches!(&access.on, On::Repository(name) if name == repository);
        self.scopes.allows(action)
            && self.covers(repository)
            && self.access.as_ref().is_none_or(|all| all.iter().any(|one| names(one) && one.actions.contains(&action)))
    }

    /// Whether it leaves `repository` in the list of repositories. What a registry token says of single repositories is not about
    /// the list; what the token behind it says is.
    pub(crate) fn shows(&self, repository: &RepositoryName) -> bool {
        self.scopes.has(Scope::Pull) && self.covers(repository)
    }

    /// Whether it leaves the list of repositories.
    pub(crate) fn allows_catalog(&self) -> bool {
        let catalog = |access: &Access| access.on == On::Catalog;
        self.scopes.has(Scope::Pull) && self.access.as_ref().is_none_or(|all| all.iter().any(catalog))
    }

    /// Whether it leaves settings, people and tokens. A token for some repositories never does: what it would change may be
    /// about others.
    pub(crate) fn allows_administration(&self) -> bool {
        self.scopes.has(Scope::Admin) && self.repositories.is_empty() && self.access.is_none()
    }

    /// Whether it leaves the settings of one repository.
    pub(crate) fn allows_settings(&self, repository: &RepositoryName) -> bool {
        self.scopes.has(Scope::Admin) && self.covers(repository) && self.access.is_none()
    }

    fn covers(&self, repository: &RepositoryName) -> bool {
        self.repositories.is_empty() || self.repositories.iter().any(|pattern| pattern.matches(repository.as_str()))
    }
}

impl Who {
    /// Somebody who did not say who they are.
    pub(crate) fn nobody() -> Self {
        Self {
            principal: Principal::Anonymous,
            credential: Credential::None,
            limit: Limit::NONE,
            valid_from: None,
            valid_until: None,
        }
    }
}

impl Caller {
    pub(crate) fn new(who: Arc<Who>, address: Option<IpAddr>) -> Self {
        Self { who, address }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.who.principal
    }

    /// What they showed.
    pub fn credential(&self) -> &Credential {
        &self.who.credential
    }

    /// From where they ask, if that is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What that may be used for at most, whatever they themselves may.
    pub fn scopes(&self) -> Scopes {
        self.who.limit.scopes
    }

    /// On repositories that one of these matches; all, if there are none.
    pub fn repositories(&self) -> &[Pattern] {
        &self.who.limit.repositories
    }

    /// Whether they did not say who they are.
    pub fn is_anonymous(&self) -> bool {
        self.who.principal == Principal::Anonymous
    }

    /// Whether what they showed is for less than they ask, though they themselves may do more.
    pub fn is_limited(&self) -> bool {
        self.who.limit.access.is_some()
    }
}

//! Why somebody may do something, or may not.

use entrepot_database::Connection;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;

use crate::caller::{Caller, Principal};
use crate::name::{LIBRARY, Name, RobotName};
use crate::permit::governs;
use crate::role::Role;
use crate::rules::{self, Findings, Reason};
use crate::{Access, Anonymous, Error, account, holder, robot, tables};

/// An answer of the rules, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether they may.
    pub allowed: bool,
    /// The role that it takes.
    pub needed: Role,
    /// Every rule that gives them a role, the greatest first.
    pub reasons: Vec<Reason>,
    /// What would let them, if they may not.
    pub remedies: Vec<String>,
}

impl Access {
    /// Why `name` (a person, or a robot such as `acme+deploy`; nobody, if it is `None`) may do `action` on `repository`, or may
    /// not. Administrators may ask about everybody, everybody else about themselves.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`].
    pub async fn explain(
        &self,
        caller: &Caller,
        name: Option<&str>,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<Explanation, Error> {
        if !governs(caller) && caller.principal().name().as_deref() != name {
            return Err(Error::Denied("only administrators may ask about somebody else".to_owned()));
        }
        let (name, repository, anonymous) = (name.map(str::to_owned), repository.clone(), self.0.options.anonymous);
        let read = self.0.database.read(move |connection| {
            let principal = principal(connection, name.as_deref())?;
            let findings = rules::find(connection, &principal, &repository, anonymous)?;
            let needed = Role::for_action(action);
            let allowed = findings.role() >= Some(needed);
            let remedies =
                if allowed { Vec::new() } else { remedies(&principal, &repository, needed, anonymous, &findings) };
            let mut reasons = findings.reasons;
            reasons.sort_by_key(|reason| std::cmp::Reverse(reason.role()));
            Ok(Explanation { allowed, needed, reasons, remedies })
        });
        read.await
    }
}

fn principal(connection: &Connection<'_>, name: Option<&str>) -> Result<Principal, Error> {
    let Some(name) = name else { return Ok(Principal::Anonymous) };
    if let Ok(robot) = name.parse::<RobotName>() {
        let owner = connection.first(&tables::NAMESPACE, &[robot.owner().as_str().into()], |row| row.integer(0))?;
        let owner = owner.ok_or_else(|| Error::not_found("robot", &robot))?;
        let id = robot::find(connection, owner, robot.robot())?;
        return Ok(Principal::Robot { id, name: robot });
    }
    let name: Name = name.parse().map_err(|error| Error::invalid("name", error))?;
    let (id, _) = account::find(connection, &name)?;
    let active = holder::account(connection, id)?;
    active.map(|(principal, _)| principal).ok_or_else(|| Error::Conflict(format!("{name} is disabled")))
}

/// What would let somebody do it.
fn remedies(
    principal: &Principal,
    repository: &RepositoryName,
    needed: Role,
    anonymous: Anonymous,
    findings: &Findings,
) -> Vec<String> {
    let owner = repository.namespace();
    let name = repository.as_str();
    let mut remedies = Vec::new();
    match principal {
        Principal::Anonymous => remedies.push("logging in as somebody who may".to_owned()),
        Principal::Robot { name: robot, .. } if robot.owner().as_str() == owner => remedies
            .push(format!("a role for the robot: entrepot robot grant {owner} {} {name} {needed}", robot.robot())),
        Principal::Robot { .. } => {
            remedies.push(format!("a robot of {owner}: robots have rights in their own namespace"))
        }
        Principal::Account { name: account, .. } if owner == LIBRARY => {
            remedies.push(format!("a role for the person: entrepot repo grant {name} {account} {needed}"));
        }
        Principal::Account { name: account, .. } if findings.lacks_second_factor => remedies.push(format!(
            "a second factor for {account}: {owner} asks its people for one, and gives them nothing until then"
        )),
        Principal::Account { name: account, .. } if findings.namespace.is_some() => {
            remedies.push(format!("being in a team of {owner} that has the role {needed} on {name}"));
            remedies.push(format!("a role for the person: entrepot repo grant {name} {account} {needed}"));
        }
        Principal::Account { .. } => {
            remedies.push(format!("an organization called {owner}, or a repository in a namespace of their own"));
        }
        Principal::Operator | Principal::Job { .. } | Principal::Organization { .. } => {}
    }
    if needed == Role::Read {
        remedies.push(format!("the repository being public: entrepot repo visibility {name} public"));
    }
    if findings.namespace.is_none() && anonymous != Anonymous::Push {
        remedies.push("access.anonymous = \"push\" in the configuration, as nobody owns the namespace".to_owned());
    }
    remedies
}

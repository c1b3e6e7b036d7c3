//! Roles that were given: to teams, people and robots, on the repositories that a pattern matches.

use entrepot_database::Connection;

use crate::Pattern;
use crate::account::find as find_account;
use crate::name::Name;
use crate::permit::{NamespaceOwner, Permit};
use crate::role::{NamespaceKind, Role};
use crate::rules::stored;
use crate::{Access, Error, robot, tables, team};

/// To whom a role is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A team of the organization.
    Team(Name),
    /// Somebody, in the organization or not.
    Account(Name),
    /// A robot of the namespace.
    Robot(Name),
}

/// A role on some repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantEntry {
    /// Which repositories.
    pub pattern: Pattern,
    /// Which role.
    pub role: Role,
}

impl Subject {
    fn kind(&self) -> &'static str {
        match self {
            Self::Team(_) => "team",
            Self::Account(_) => "account",
            Self::Robot(_) => "robot",
        }
    }

    fn name(&self) -> &Name {
        match self {
            Self::Team(name) | Self::Account(name) | Self::Robot(name) => name,
        }
    }

    fn row(&self, connection: &Connection<'_>, owner: &NamespaceOwner) -> Result<i64, Error> {
        match self {
            Self::Team(name) => team::find(connection, owner.id, name),
            Self::Account(name) => Ok(find_account(connection, name)?.0),
            Self::Robot(name) => robot::find(connection, owner.id, name),
        }
    }
}

impl Access {
    /// Gives a role on the repositories of a namespace that `pattern` matches, in place of an earlier one on the same pattern.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] if the pattern reaches beyond the namespace.
    pub async fn set_grant(
        &self,
        permit: &Permit<NamespaceOwner>,
        subject: Subject,
        pattern: Pattern,
        role: Role,
    ) -> Result<(), Error> {
        check_within(&permit.on, &pattern)?;
        let detail = format!("{} {}: {role} on {pattern}", subject.kind(), subject.name());
        let entry = permit.entry("grant.set", &permit.on.name, detail);
        self.change_namespace(permit, entry, move |connection, owner| {
            let row = subject.row(connection, owner)?;
            let parameters =
                [subject.kind().into(), row.into(), owner.id.into(), pattern.as_str().into(), role.as_str().into()];
            connection.execute(&tables::SET_GRANT, &parameters)?;
            Ok(())
        })
        .await
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_grant(
        &self,
        permit: &Permit<NamespaceOwner>,
        subject: Subject,
        pattern: Pattern,
    ) -> Result<(), Error> {
        check_within(&permit.on, &pattern)?;
        let detail = format!("{} {}: {pattern}", subject.kind(), subject.name());
        let entry = permit.entry("grant.remove", &permit.on.name, detail);
        self.change_namespace(permit, entry, move |connection, owner| {
            let row = subject.row(connection, owner)?;
            let parameters = [subject.kind().into(), row.into(), pattern.as_str().into()];
            match connection.execute(&tables::REMOVE_GRANT, &parameters)? {
                0 => Err(Error::not_found("role on", &pattern)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// The roles that `subject` has in a namespace.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn grants(&self, permit: &Permit<NamespaceOwner>, subject: Subject) -> Result<Vec<GrantEntry>, Error> {
        let owner = permit.on.clone();
        let scanned = self.0.database.scan(move |connection| {
            let row = subject.row(connection, &owner)?;
            let parameters = [owner.id.into(), subject.kind().into(), row.into()];
            connection.all(&tables::GRANTS_OF_IN, &parameters, |row| {
                Ok(GrantEntry { pattern: stored(row.text(0)?)?, role: stored(row.text(1)?)? })
            })
        });
        scanned.await
    }
}

/// That a pattern matches repositories of the namespace alone.
pub(crate) fn check_within(owner: &NamespaceOwner, pattern: &Pattern) -> Result<(), Error> {
    let within = match owner.kind {
        NamespaceKind::Library => !pattern.as_str().contains('/'),
        NamespaceKind::Person | NamespaceKind::Organization => pattern.is_within(&owner.name),
    };
    if within {
        return Ok(());
    }
    Err(Error::invalid(
        "pattern",
        match owner.kind {
            NamespaceKind::Library => "patterns of library have no slash, as the names of its repositories".to_owned(),
            _ => format!("it has to begin with {}/", owner.name),
        },
    ))
}

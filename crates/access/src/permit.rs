//! Proofs that somebody may change something besides the content of repositories. Only the functions here make them, and
//! every method that changes people, rules or tokens demands one: a route that forgets to ask does not compile.

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::RepositoryName;

use crate::audit::AuditEntry;
use crate::caller::{Caller, Principal, Who};
use crate::name::{LIBRARY, Name};
use crate::role::{Membership, NamespaceKind, Role, Visibility};
use crate::rules::{self, stored};
use crate::{Access, Error, second_factor, tables};

/// Proof that somebody may do what `T` stands for; it also says who they are, for the audit log.
#[derive(Clone, Debug)]
pub struct Permit<T> {
    pub(crate) on: T,
    caller: Caller,
}

/// Governing the registry.
#[derive(Clone, Debug)]
pub struct System(());

/// Changing an account: one's own, or any for administrators.
#[derive(Clone, Debug)]
pub struct AccountOwner {
    pub(crate) id: i64,
    pub(crate) name: Name,
}

/// Changing what belongs to a person or an organization: robots, teams, tokens of an organization, rules.
#[derive(Clone, Debug)]
pub struct NamespaceOwner {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) kind: NamespaceKind,
}

/// Seeing an organization from within.
#[derive(Clone, Debug)]
pub struct InOrganization {
    pub(crate) id: i64,
}

/// Changing the settings of a repository, and who may do what with it.
#[derive(Clone, Debug)]
pub struct RepositoryAdmin {
    pub(crate) name: RepositoryName,
}

impl<T> Permit<T> {
    /// Who has it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// An entry of the audit log for what is done with it.
    pub(crate) fn entry(&self, action: &str, target: impl ToString, detail: impl ToString) -> AuditEntry {
        AuditEntry::new(&self.caller, action, &target.to_string(), true, &detail.to_string())
    }
}

/// A namespace that somebody may own.
struct Found {
    id: i64,
    kind: NamespaceKind,
    asks_second_factor: bool,
}

impl Access {
    /// Whoever runs a command on the registry's own data, which is proof enough.
    pub fn operator() -> Caller {
        let who = Who { principal: Principal::Operator, ..Who::nobody() };
        Caller::new(std::sync::Arc::new(who), None)
    }

    /// Asks to govern the registry.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub fn permit_system(&self, caller: &Caller) -> Result<Permit<System>, Error> {
        if governs(caller) {
            return Ok(Permit { on: System(()), caller: caller.clone() });
        }
        self.refuse(caller, "administer", "registry", "only administrators may do this".to_owned())
    }

    /// Asks to change the account `name`.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`], which only administrators hear.
    pub async fn permit_account(&self, caller: &Caller, name: &Name) -> Result<Permit<AccountOwner>, Error> {
        let own = match caller.principal() {
            Principal::Account { name: own, .. } => own == name && caller.who.limit.allows_administration(),
            _ => false,
        };
        if !own && !governs(caller) {
            return self.refuse(
                caller,
                "account",
                name.as_str(),
                format!("only {name} and administrators may do this"),
            );
        }
        let text = name.to_string();
        let found = self.0.database.read(move |connection| {
            connection.first(&tables::ACCOUNT, &[(&text).into()], |row| Ok::<_, Error>(row.integer(0)?))
        });
        let id = found.await?.ok_or_else(|| Error::not_found("account", name))?;
        Ok(Permit { on: AccountOwner { id, name: name.clone() }, caller: caller.clone() })
    }

    /// Asks to change what belongs to the person, the organization or, for administrators, the library `name`.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`], which only administrators hear.
    pub async fn permit_namespace(&self, caller: &Caller, name: &str) -> Result<Permit<NamespaceOwner>, Error> {
        let (text, who) = (name.to_owned(), caller.who.principal.clone());
        let found = self.0.database.read(move |connection| {
            let found = find(connection, &text)?;
            let owns = found.as_ref().map(|found| owns(connection, &who, found)).transpose()?;
            Ok::<_, Error>((found, owns.unwrap_or_default()))
        });
        let (found, owns) = found.await?;
        if !(governs(caller) || owns && caller.who.limit.allows_administration()) {
            return self.refuse(caller, "namespace", name, format!("only owners of {name} may do this"));
        }
        let found = match found {
            Some(found) => found,
            None if name == LIBRARY => self.begin_library().await?,
            None => return Err(Error::not_found("person or organization", name)),
        };
        let on = NamespaceOwner { id: found.id, name: name.to_owned(), kind: found.kind };
        Ok(Permit { on, caller: caller.clone() })
    }

    /// The registry's own namespace gets its row when somebody first governs it. Nobody's rights change with that.
    async fn begin_library(&self) -> Result<Found, Error> {
        let begun = self.0.database.write(Durability::Power, |connection| {
            let parameters = [
                LIBRARY.into(),
                NamespaceKind::Library.as_str().into(),
                "".into(),
                Visibility::Public.as_str().into(),
                Timestamp::now().into(),
            ];
            // None if somebody else was faster.
            let _id = connection.first(&tables::ADD_NAMESPACE, &parameters, |row| row.integer(0))?;
            find(connection, LIBRARY)
        });
        begun.await?.ok_or_else(|| Error::not_found("namespace", LIBRARY))
    }

    /// Asks to change the organization `name`.
    ///
    /// # Errors
    /// As [`Access::permit_namespace`]; also if it is not an organization.
    pub async fn permit_organization(&self, caller: &Caller, name: &Name) -> Result<Permit<NamespaceOwner>, Error> {
        let permit = self.permit_namespace(caller, name.as_str()).await?;
        match permit.on.kind {
            NamespaceKind::Organization => Ok(permit),
            _ => Err(Error::not_found("organization", name)),
        }
    }

    /// Asks to see the organization `name` from within.
    ///
    /// # Errors
    /// [`Error::NotFound`] for who is not in it: whether there is one they do not hear.
    pub async fn permit_member(&self, caller: &Caller, name: &Name) -> Result<Permit<InOrganization>, Error> {
        let (text, who) = (name.to_string(), caller.who.principal.clone());
        let found = self.0.database.read(move |connection| {
            let found = find(connection, &text)?.filter(|found| found.kind == NamespaceKind::Organization);
            let Some(found) = found else { return Ok(None) };
            let inside = match &who {
                Principal::Account { id, .. } => rules::membership(connection, found.id, *id)?.is_some(),
                Principal::Organization { id, .. } => *id == found.id,
                Principal::Anonymous | Principal::Operator | Principal::Robot { .. } | Principal::Job { .. } => false,
            };
            Ok::<_, Error>(Some((found.id, inside)))
        });
        let found = found.await?;
        let may = |inside: bool| governs(caller) || inside && caller.who.limit.access.is_none();
        match found.filter(|(_, inside)| may(*inside)) {
            Some((id, _)) => Ok(Permit { on: InOrganization { id }, caller: caller.clone() }),
            None => Err(Error::not_found("organization", name)),
        }
    }

    /// Asks to change the settings of a repository.
    ///
    /// # Errors
    /// [`Error::Denied`], whether or not there is one.
    pub async fn permit_repository(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Permit<RepositoryAdmin>, Error> {
        let (who, repository, anonymous) = (caller.who.principal.clone(), name.clone(), self.0.options.anonymous);
        let found = self.0.database.read(move |connection| rules::find(connection, &who, &repository, anonymous));
        if found.await?.role() == Some(Role::Admin) && caller.who.limit.allows_settings(name) {
            return Ok(Permit { on: RepositoryAdmin { name: name.clone() }, caller: caller.clone() });
        }
        let why = format!("{} does not exist, or you lack the role admin", name.as_str());
        self.refuse(caller, "repository", name.as_str(), why)
    }

    fn refuse<T>(&self, caller: &Caller, action: &str, target: &str, why: String) -> Result<T, Error> {
        if caller.is_anonymous() {
            return Err(Error::Unauthenticated);
        }
        self.audit_denied(caller, action, target);
        Err(Error::Denied(why))
    }
}

/// Whether the caller governs the registry, and what they have shown is good for that.
pub(crate) fn governs(caller: &Caller) -> bool {
    match caller.principal() {
        Principal::Operator => true,
        Principal::Account { administrator, .. } => *administrator && caller.who.limit.allows_administration(),
        Principal::Anonymous | Principal::Robot { .. } | Principal::Job { .. } | Principal::Organization { .. } => {
            false
        }
    }
}

fn owns(connection: &Connection<'_>, who: &Principal, found: &Found) -> Result<bool, Error> {
    Ok(match (who, found.kind) {
        (Principal::Account { id, .. }, NamespaceKind::Person) => *id == found.id,
        (Principal::Account { id, .. }, NamespaceKind::Organization) => {
            rules::membership(connection, found.id, *id)? == Some(Membership::Owner)
                && (!found.asks_second_factor || second_factor::has(connection, *id)?)
        }
        (Principal::Organization { id, .. }, NamespaceKind::Organization) => *id == found.id,
        _ => false,
    })
}

fn find(connection: &Connection<'_>, name: &str) -> Result<Option<Found>, Error> {
    let kind = |kind: NamespaceKind| if name == LIBRARY { NamespaceKind::Library } else { kind };
    connection.first(&tables::NAMESPACE, &[name.into()], |row| {
        Ok(Found { id: row.integer(0)?, kind: kind(stored(row.text(2)?)?), asks_second_factor: row.integer(5)? != 0 })
    })
}

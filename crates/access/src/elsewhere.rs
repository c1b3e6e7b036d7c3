//! People who are known from elsewhere, each by a source and by who they are there: their accounts, and the teams that their groups there
//! are mapped to.

use std::collections::BTreeSet;

use entrepot_database::{Connection, Timestamp};
use entrepot_identity::Person;

use crate::account::add_namespace;
use crate::audit::AuditEntry;
use crate::caller::Caller;
use crate::name::Name;
use crate::role::NamespaceKind;
use crate::rules::stored;
use crate::team::add_member;
use crate::{Error, tables};

/// The company's directory, as a source.
pub(crate) const LDAP: &str = "ldap";
/// What the source of a provider's people begins with.
pub(crate) const OIDC: &str = "oidc:";

/// Longest list of groups that the log of who did what has, in characters.
const LOGGED: usize = 500;

/// Somebody known from elsewhere, as their row has it.
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) name: Name,
    pub(crate) administrator: bool,
    pub(crate) disabled: bool,
    pub(crate) valid_from: Timestamp,
}

/// Who is known from `source` as `subject`.
pub(crate) fn by_subject(connection: &Connection<'_>, source: &str, subject: &str) -> Result<Option<Known>, Error> {
    connection.first(&tables::ACCOUNT_BY_SUBJECT, &[source.into(), subject.into()], |row| {
        Ok(Known {
            id: row.integer(0)?,
            name: stored(row.text(1)?)?,
            administrator: row.integer(2)? != 0,
            disabled: row.optional_integer(3)?.is_some(),
            valid_from: Timestamp::from_micros(row.integer(4)?),
        })
    })
}

/// An account for somebody of `source`. A name that somebody else has here is not theirs.
pub(crate) fn add(connection: &Connection<'_>, source: &str, name: &Name, person: &Person) -> Result<Known, Error> {
    let Some(id) = add_namespace(connection, name, NamespaceKind::Person)? else {
        let why = format!("{name} is the name of another account or organization here; its administrator can help");
        return Err(Error::Denied(why));
    };
    let valid_from = Timestamp::from_micros(0);
    let parameters = [
        id.into(),
        person.email.as_deref().into(),
        Option::<&str>::None.into(),
        0_i64.into(),
        source.into(),
        person.subject.as_str().into(),
        valid_from.into(),
    ];
    connection.execute(&tables::ADD_ACCOUNT, &parameters)?;
    if let Some(display_name) = &person.display_name {
        let line: String = display_name.chars().filter(|c| !c.is_control()).take(200).collect();
        connection.execute(&tables::SET_DISPLAY_NAME, &[(&line).into(), id.into()])?;
    }
    Ok(Known { id, name: name.clone(), administrator: false, disabled: false, valid_from })
}

/// The teams, each with its organization, that these groups of `source` are mapped to.
fn mapped(connection: &Connection<'_>, source: &str, groups: &[String]) -> Result<BTreeSet<(i64, i64)>, Error> {
    let mut teams = BTreeSet::new();
    for group in groups {
        let some = connection.all(&tables::TEAMS_OF_GROUP, &[source.into(), group.into()], |row| {
            Ok::<_, Error>((row.integer(0)?, row.integer(1)?))
        })?;
        teams.extend(some);
    }
    Ok(teams)
}

/// The teams that somebody is in through groups of `source`.
fn through(connection: &Connection<'_>, source: &str, account: i64) -> Result<BTreeSet<i64>, Error> {
    let parameters = [account.into(), source.into()];
    let teams = connection.all(&tables::TEAMS_THROUGH, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    Ok(teams.into_iter().collect())
}

/// Whether somebody is in other teams through `source` than their groups there are mapped to.
pub(crate) fn differs(
    connection: &Connection<'_>,
    source: &str,
    account: i64,
    groups: &[String],
) -> Result<bool, Error> {
    let wanted: BTreeSet<i64> = mapped(connection, source, groups)?.into_iter().map(|(team, _)| team).collect();
    Ok(wanted != through(connection, source, account)?)
}

/// Puts somebody into the teams that their groups of `source` are mapped to, and out of those that they are not. Returns whether that
/// changed anything; then it is written down.
pub(crate) fn place(
    connection: &Connection<'_>,
    source: &str,
    (account, caller): (i64, &Caller),
    groups: &[String],
) -> Result<bool, Error> {
    let wanted = mapped(connection, source, groups)?;
    let present = through(connection, source, account)?;
    let mut changed = false;
    for (team, organization) in &wanted {
        if !present.contains(team) {
            add_member(connection, *organization, *team, account, source)?;
            changed = true;
        }
    }
    for team in present {
        if !wanted.iter().any(|(wanted, _)| *wanted == team) {
            connection.execute(&tables::REMOVE_TEAM_MEMBER, &[team.into(), account.into(), source.into()])?;
            changed = true;
        }
    }
    if changed {
        let target = caller.principal().name().unwrap_or_default();
        let detail: String = format!("{source}: {}", groups.join(", ")).chars().take(LOGGED).collect();
        AuditEntry::new(caller, "account.groups", &target, true, &detail).write(connection)?;
    }
    Ok(changed)
}

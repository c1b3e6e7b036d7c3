//! People who are known from the company's directory: they log in with the password that they have there, and are in the teams
//! that their groups are mapped to.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_identity::Person;
use entrepot_identity::directory::{Directory, Refused};

use crate::account::add_namespace;
use crate::caller::{Credential, Limit, Principal, Who};
use crate::identify::Remembered;
use crate::memory::{Generation, Memory, changed};
use crate::name::Name;
use crate::role::NamespaceKind;
use crate::rules::stored;
use crate::team::add_member;
use crate::{Access, Error, tables};

/// Where these people are known from.
const LDAP: &str = "ldap";
/// The job that looks at them again and again.
const SYNC: &str = "access.directory";
/// How long a password that was right is believed without asking the directory again.
const BELIEVED: Duration = Duration::from_secs(60);
/// People who are read at once.
const PAGE: i64 = 200;

/// Somebody known from elsewhere, as their row has it.
struct Known {
    id: i64,
    name: Name,
    administrator: bool,
    disabled: bool,
    valid_from: Timestamp,
}

impl Access {
    /// Lets somebody in whose password the directory takes. Who comes for the first time gets an account.
    pub(crate) async fn by_directory(
        &self,
        directory: &Directory,
        username: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Remembered, Error> {
        // Here they are known in lower case.
        let guessed = username.to_lowercase().parse::<Name>().ok();
        let _turn = self.0.elsewhere.turn().await?;
        self.0.guessing.admit(guessed.as_ref(), address)?;
        let person = match directory.login(username, password).await {
            Ok(person) => person,
            Err(Refused::Credentials) => {
                self.0.guessing.wrong(guessed.as_ref(), address);
                return Err(Error::Unauthenticated);
            }
            Err(Refused::Unavailable(_)) => {
                let why =
                    "the company directory does not answer, so nobody can log in with a password of it; try again";
                return Err(Error::Unavailable(why.to_owned()));
            }
        };
        let (known, generation) = self.take_in(person).await?;
        if known.disabled {
            return Err(Error::Unauthenticated);
        }
        let principal = Principal::Account { id: known.id, name: known.name, administrator: known.administrator };
        let who = Who {
            principal,
            credential: Credential::Password,
            limit: Limit::NONE,
            valid_from: Some(known.valid_from),
            valid_until: None,
        };
        Ok(Remembered::new(who, generation, BELIEVED))
    }

    /// Writes down what the directory says of somebody, if it is not what is there.
    async fn take_in(&self, person: Person) -> Result<(Known, Generation), Error> {
        let name: Name = person.username.to_lowercase().parse().map_err(|error| {
            tracing::warn!(username = person.username, "somebody of the directory has a name that no account can have");
            Error::invalid("username", error)
        })?;
        let person = Arc::new(person);
        let asked = Arc::clone(&person);
        let same = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let known = by_subject(connection, &asked.subject)?;
            let same = match &known {
                Some(known) => !differs(connection, known.id, &asked.groups)?,
                None => false,
            };
            Ok::<_, Error>(known.filter(|_| same).map(|known| (known, generation)))
        });
        if let Some(same) = same.await? {
            return Ok(same);
        }
        let written = self.0.database.write(Durability::Power, move |connection| {
            let known = match by_subject(connection, &person.subject)? {
                Some(known) => known,
                None => add(connection, &name, &person)?,
            };
            connection.execute(&tables::SET_PROFILE, &[person.email.as_deref().into(), known.id.into()])?;
            place(connection, known.id, &person.groups)?;
            changed(connection)?;
            Ok::<_, Error>((known, Memory::of(connection)?))
        });
        let known = written.await?;
        self.noticed().await?;
        Ok(known)
    }

    /// Looks at everybody who is known from the directory, `pause` after the last time, on one replica: who is no longer there, or
    /// disabled there, is disabled here, and everybody is in the teams that their groups are mapped to. Does not end.
    pub async fn follow_directory(&self, pause: Duration) {
        let Some(directory) = self.0.options.directory.clone() else { return };
        loop {
            let looked = self.0.database.run_job(SYNC, pause, self.look_at_everybody(&directory)).await;
            if let Err(error) = looked {
                tracing::warn!(error = &error as &dyn std::error::Error, "the company directory was not looked at");
            }
            tokio::time::sleep(pause.min(Duration::from_secs(60))).await;
        }
    }

    async fn look_at_everybody(&self, directory: &Directory) -> Result<(), Error> {
        let mut last = String::new();
        loop {
            let after = last.clone();
            let page = self.0.database.scan(move |connection| {
                let parameters = [LDAP.into(), (&after).into(), PAGE.into()];
                connection.all(&tables::ACCOUNTS_OF_SOURCE, &parameters, |row| {
                    let subject = row.optional_text(2)?.unwrap_or_default().to_owned();
                    Ok::<_, Error>((row.text(0)?.to_owned(), row.integer(1)?, subject))
                })
            });
            let page = page.await?;
            let Some((.., end)) = page.last() else { return Ok(()) };
            last.clone_from(end);
            for (name, id, subject) in page {
                let found = directory.find(&name).await.map_err(|error| Error::Unavailable(error.to_string()))?;
                // Somebody else may have got the name.
                match found.filter(|person| person.subject == subject) {
                    Some(person) => drop(self.take_in(person).await?),
                    None => self.disable(id, name).await?,
                }
            }
        }
    }

    async fn disable(&self, id: i64, name: String) -> Result<(), Error> {
        tracing::info!(account = name, "the company directory has them no longer: disabled");
        let written = self.0.database.write(Durability::Power, move |connection| {
            connection.execute(&tables::SET_DISABLED, &[Timestamp::now().into(), id.into()])?;
            connection.execute(&tables::REMOVE_LOGINS, &[id.into()])?;
            Ok::<_, Error>(changed(connection)?)
        });
        written.await?;
        self.noticed().await
    }
}

fn by_subject(connection: &Connection<'_>, subject: &str) -> Result<Option<Known>, Error> {
    connection.first(&tables::ACCOUNT_BY_SUBJECT, &[LDAP.into(), subject.into()], |row| {
        Ok(Known {
            id: row.integer(0)?,
            name: stored(row.text(1)?)?,
            administrator: row.integer(2)? != 0,
            disabled: row.optional_integer(3)?.is_some(),
            valid_from: Timestamp::from_micros(row.integer(4)?),
        })
    })
}

/// An account for somebody of the directory. A name that somebody else has here is not theirs.
fn add(connection: &Connection<'_>, name: &Name, person: &Person) -> Result<Known, Error> {
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
        LDAP.into(),
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

/// The teams, each with its organization, that these groups are mapped to.
fn mapped(connection: &Connection<'_>, groups: &[String]) -> Result<BTreeSet<(i64, i64)>, Error> {
    let mut teams = BTreeSet::new();
    for group in groups {
        let some = connection.all(&tables::TEAMS_OF_GROUP, &[LDAP.into(), group.into()], |row| {
            Ok::<_, Error>((row.integer(0)?, row.integer(1)?))
        })?;
        teams.extend(some);
    }
    Ok(teams)
}

fn through_directory(connection: &Connection<'_>, account: i64) -> Result<BTreeSet<i64>, Error> {
    let parameters = [account.into(), LDAP.into()];
    let teams = connection.all(&tables::TEAMS_THROUGH, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    Ok(teams.into_iter().collect())
}

/// Whether somebody is in other teams through the directory than their groups are mapped to.
fn differs(connection: &Connection<'_>, account: i64, groups: &[String]) -> Result<bool, Error> {
    let wanted: BTreeSet<i64> = mapped(connection, groups)?.into_iter().map(|(team, _)| team).collect();
    Ok(wanted != through_directory(connection, account)?)
}

/// Puts somebody into the teams that their groups are mapped to, and out of those that they are not.
fn place(connection: &Connection<'_>, account: i64, groups: &[String]) -> Result<(), Error> {
    let wanted = mapped(connection, groups)?;
    let present = through_directory(connection, account)?;
    for (team, organization) in &wanted {
        if !present.contains(team) {
            add_member(connection, *organization, *team, account, LDAP)?;
        }
    }
    for team in present {
        if !wanted.iter().any(|(wanted, _)| *wanted == team) {
            connection.execute(&tables::REMOVE_TEAM_MEMBER, &[team.into(), account.into(), LDAP.into()])?;
        }
    }
    Ok(())
}

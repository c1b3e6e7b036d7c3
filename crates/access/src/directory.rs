//! People who are known from the company's directory: they log in with the password that they have there, and are in the teams
//! that their groups are mapped to.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Durability, Timestamp};
use entrepot_identity::Person;
use entrepot_identity::directory::{Directory, Refused};

use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::elsewhere::{Known, LDAP, add, by_subject, differs, place};
use crate::identify::Remembered;
use crate::memory::{Generation, Memory, changed};
use crate::name::Name;
use crate::{Access, Error, tables};

/// The job that looks at them again and again.
const SYNC: &str = "access.directory";
/// How long a password that was right is believed without asking the directory again.
const BELIEVED: Duration = Duration::from_secs(60);
/// People who are read at once.
const PAGE: i64 = 200;

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
        let (known, generation) = self.take_in(person, address).await?;
        if known.disabled {
            return Err(Error::Unauthenticated);
        }
        Ok(Remembered::new(who(&known), generation, BELIEVED))
    }

    /// Writes down what the directory says of somebody, if it is not what is there.
    async fn take_in(&self, person: Person, address: Option<IpAddr>) -> Result<(Known, Generation), Error> {
        let name: Name = person.username.to_lowercase().parse().map_err(|error| {
            tracing::warn!(username = person.username, "somebody of the directory has a name that no account can have");
            Error::invalid("username", error)
        })?;
        let person = Arc::new(person);
        let asked = Arc::clone(&person);
        let same = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let known = by_subject(connection, LDAP, &asked.subject)?;
            let same = match &known {
                Some(known) => !differs(connection, LDAP, known.id, &asked.groups)?,
                None => false,
            };
            Ok::<_, Error>(known.filter(|_| same).map(|known| (known, generation)))
        });
        if let Some(same) = same.await? {
            return Ok(same);
        }
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (known, is_new) = match by_subject(connection, LDAP, &person.subject)? {
                Some(known) => (known, false),
                None => (add(connection, LDAP, &name, &person)?, true),
            };
            let caller = Caller::new(Arc::new(who(&known)), address);
            if is_new {
                AuditEntry::new(&caller, "account.create", known.name.as_str(), true, LDAP).write(connection)?;
            }
            connection.execute(&tables::SET_PROFILE, &[person.email.as_deref().into(), known.id.into()])?;
            place(connection, LDAP, (known.id, &caller), &person.groups)?;
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
                    Some(person) => drop(self.take_in(person, None).await?),
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

/// Who has shown the password that the directory has of them.
fn who(known: &Known) -> Who {
    let principal = Principal::Account { id: known.id, name: known.name.clone(), administrator: known.administrator };
    Who {
        principal,
        credential: Credential::Password,
        limit: Limit::NONE,
        valid_from: Some(known.valid_from),
        valid_until: None,
    }
}

//! The way back from a provider: who has logged in there has a session here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_identity::provider::{Answer, SignedIn};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::Door;
use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::elsewhere::{add, by_subject, place};
use crate::memory::changed;
use crate::name::{InvalidName, Name};
use crate::secret::Secret;
use crate::session::{Beginning, Evidence, Visit, later};
use crate::{Access, Error, tables};

/// Somebody who has logged in.
#[derive(Debug)]
pub struct Arrival {
    /// The secret of their session.
    pub session: Secret,
    /// Where their browser wanted to go.
    pub next: String,
}

/// How a login ends.
enum End {
    In { changed: bool },
    Disabled(Name),
}

impl Access {
    /// Ends a login at the provider `name` with the answer that the browser brings; `browser` is what its cookie says. Who comes for the
    /// first time gets an account.
    ///
    /// # Errors
    /// [`Error::Denied`] with the reason, for whoever tried; [`Error::NotFound`] if there is no such provider; [`Error::Unavailable`]
    /// if it does not answer.
    pub async fn finish_provider_login(
        &self,
        name: &str,
        answer: &Answer,
        browser: &str,
        visit: &Visit,
    ) -> Result<Arrival, Error> {
        let door = self.0.doors.find(name)?;
        let state = answer.state.as_deref().unwrap_or_default();
        let (pending, next) = self.take_departure(door, state, browser).await?;
        let finished = door.login.finish(answer, pending, SystemTime::now()).await;
        let signed_in = finished.map_err(|refused| self.turned_away(door, &refused, visit.address))?;
        if let Err(why) = door.provider.admission.admit(&signed_in.person) {
            return Err(self.not_admitted(door, &signed_in, why, visit.address));
        }
        let session = self.arrive(door, signed_in, visit).await?;
        Ok(Arrival { session, next })
    }

    fn not_admitted(&self, door: &Door, who: &SignedIn, why: &str, address: Option<IpAddr>) -> Error {
        let detail = format!("{}: {why}", who.person.username);
        self.audit_soon(AuditEntry::new(&self.nobody(address), "login", &door.source, false, &detail));
        Error::Denied(format!(
            "{} knows you, but you may not log in here: your account there {why}",
            door.provider.label
        ))
    }

    /// Lets in whom a provider has let in, with everything that it says of them, in one transaction.
    async fn arrive(&self, door: &Arc<Door>, signed_in: SignedIn, visit: &Visit) -> Result<Secret, Error> {
        let (secret, address) = (Secret::bare()?, visit.address);
        // A longer one could not be kept in an index.
        let session = signed_in.claims.all().get("sid").and_then(|sid| sid.as_str()).filter(|sid| sid.len() <= 255);
        let beginning = Beginning::new(&secret, Evidence::Provider, visit).within(session.map(str::to_owned));
        let door = Arc::clone(door);
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (source, person) = (door.source.as_str(), &signed_in.person);
            let (known, is_new) = match by_subject(connection, source, &person.subject)? {
                Some(known) => (known, false),
                None => (add(connection, source, &account_name(&person.username)?, person)?, true),
            };
            if known.disabled {
                return Ok(End::Disabled(known.name));
            }
            let caller = of_provider(source, known.id, &known.name, address);
            if is_new {
                AuditEntry::new(&caller, "account.create", known.name.as_str(), true, source).write(connection)?;
            }
            let back = connection.exists(&tables::LAPSED, &[known.id.into()])?;
            vouch(connection, known.id, person.email.as_deref())?;
            let moved = place(connection, source, (known.id, &caller), &person.groups)?;
            door.keep_login(connection, known.id, signed_in.renewal.as_ref())?;
            beginning.log_in(connection, &caller, known.id, &known.name)?;
            let is_other = back || moved;
            if is_other {
                changed(connection)?;
            }
            Ok::<_, Error>(End::In { changed: is_other })
        });
        match written.await? {
            End::In { changed } => {
                if changed {
                    self.noticed().await?;
                }
                Ok(secret)
            }
            End::Disabled(name) => {
                self.audit_denied(&self.nobody(address), "login", name.as_str());
                Err(Error::Denied(format!("the account {name} is disabled here; an administrator can help")))
            }
        }
    }
}

impl Door {
    /// Keeps with what the provider is asked whether a login still holds, and when.
    fn keep_login(
        &self,
        connection: &Connection<'_>,
        account: i64,
        renewal: Option<&entrepot_identity::Secret>,
    ) -> Result<(), Error> {
        let (id, now) = (Uuid::now_v7().to_string(), Timestamp::now());
        // What cannot be asked about is looked at when it counts no longer.
        let pause = if renewal.is_some() { self.provider.recheck_interval } else { self.provider.recheck_within };
        let parameters = [
            account.into(),
            (&id).into(),
            (&self.source).into(),
            renewal.map(|renewal| renewal.expose_secret()).into(),
            now.into(),
            later(now, pause).into(),
        ];
        connection.execute(&tables::SET_PROVIDER_LOGIN, &parameters)?;
        Ok(())
    }
}

/// That a provider answers for somebody, and for their address if there is one: only those that it has confirmed come so far.
pub(super) fn vouch(connection: &Connection<'_>, account: i64, email: Option<&str>) -> Result<(), Error> {
    let confirmed = email.map(|_| Timestamp::now().micros());
    connection.execute(&tables::SET_VOUCHED, &[email.into(), confirmed.into(), account.into()])?;
    Ok(())
}

/// The name of a new account: the one at the provider in small letters and, of an address, what is before the `@`.
fn account_name(username: &str) -> Result<Name, Error> {
    let local = username.split('@').next().unwrap_or_default().to_lowercase();
    local.parse().map_err(|error: InvalidName| {
        Error::Denied(format!(
            "nobody can be called {username:?} here: {error}; an administrator of the provider can help"
        ))
    })
}

/// Somebody as their provider answers for them, for the log of who did what.
pub(super) fn of_provider(source: &str, id: i64, name: &Name, address: Option<IpAddr>) -> Caller {
    let principal = Principal::Account { id, name: name.clone(), administrator: false };
    let credential = Credential::Provider(source.to_owned());
    let who = Who { principal, credential, limit: Limit::NONE, valid_from: None, valid_until: None };
    Caller::new(Arc::new(who), address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_called_as_people_are_at_the_provider() {
        for (username, name) in
            [("ann", "ann"), ("Ann", "ann"), ("ann.b@acme.example", "ann.b"), ("ANN@acme@evil.example", "ann")]
        {
            assert_eq!(account_name(username).unwrap().as_str(), name);
        }
        for username in ["", "@acme.example", "ann b", "ann+ben@acme.example", "library", "ann/ben", "änn", ".ann"] {
            assert!(matches!(account_name(username), Err(Error::Denied(_))), "{username}");
        }
    }
}

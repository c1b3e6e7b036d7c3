//! How somebody comes in with a browser: by their password and, if they have one, their second factor. With a passkey alone they come in
//! by `passkey`.

use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp};
use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Principal};
use crate::holder::account;
use crate::link::user;
use crate::name::Name;
use crate::passkey::Holder;
use crate::second_factor::{self, Judged, Proof, Proved};
use crate::secret::Secret;
use crate::session::{Beginning, Evidence, Visit, later};
use crate::{Access, Error, tables};

/// How long a second factor is waited for.
const WAITS: Duration = Duration::from_secs(300);
/// How many may be tried for one password.
const TRIES: i64 = 5;
/// How many may be tried for one account while a second factor is waited for, by however many who have the password and from however many
/// addresses. Whoever has come in from their address before is not held up by others.
const TRIES_OF_ACCOUNT: i64 = 20;

/// How far somebody has come.
#[derive(Debug)]
pub enum Entry {
    /// They are in: the secret of their session.
    In(Secret),
    /// Their password was right, and they have to show their second factor.
    SecondFactor {
        /// What says that they have come so far.
        waiting: Secret,
    },
}

impl Access {
    /// Lets somebody in by their password. A token is not one, here.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::TooMany`] after too many wrong guesses; [`Error::Unavailable`] if the company's directory
    /// does not answer; what the database said.
    pub async fn log_in(&self, username: &str, password: &str, visit: &Visit) -> Result<Entry, Error> {
        let (caller, asks_second_factor) = self.identify_password(username, password, visit.address).await?;
        let (Principal::Account { id, .. }, Credential::Password) = (caller.principal(), caller.credential()) else {
            return Err(Error::Unauthenticated);
        };
        if asks_second_factor {
            let waiting = self.ask_second_factor(*id, caller.who.valid_from).await?;
            return Ok(Entry::SecondFactor { waiting });
        }
        self.begin_session(*id, caller.who.valid_from, visit).await.map(Entry::In)
    }

    /// Remembers that somebody's password was right, if it is still the one that was set at `since`.
    async fn ask_second_factor(&self, id: i64, since: Option<Timestamp>) -> Result<Secret, Error> {
        let secret = Secret::bare()?;
        let hash = secret.hash();
        let written = self.0.database.write(Durability::Power, move |connection| {
            person(connection, id)?.filter(|who| Some(who.since) == since).ok_or(Error::Unauthenticated)?;
            let now = Timestamp::now();
            connection.execute(&tables::REMOVE_EXPIRED_HALF_LOGINS, &[now.into()])?;
            let row = Uuid::now_v7().to_string();
            let parameters = [(&row).into(), (&hash[..]).into(), id.into(), now.into(), later(now, WAITS).into()];
            Ok::<_, Error>(connection.execute(&tables::ADD_HALF_LOGIN, &parameters).map(|_| ())?)
        });
        written.await?;
        Ok(secret)
    }

    /// Lets somebody in whose password was right, and who shows their second factor now. `waiting` is what [`Access::log_in`] gave for the
    /// password; it is good once, for five minutes and five tries.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong code or passkey, after which another try is worth it; [`Error::Unauthenticated`] if `waiting` is good no more;
    /// [`Error::TooMany`] after too many wrong guesses at the account.
    pub async fn pass_second_factor(&self, waiting: &str, proof: Proof<'_>, visit: &Visit) -> Result<Entry, Error> {
        let given = self.given(proof, || Ok(Holder::second_factor(waiting)))?;
        let (hash, secret) = (Secret::hash_of(waiting), Secret::bare()?);
        let (beginning, address) = (Beginning::new(&secret, proof.evidence(), visit), visit.address);
        let guessing = self.clone();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let tried = [(&hash[..]).into(), Timestamp::now().into(), TRIES.into()];
            let half = connection.first(&tables::TRY_HALF_LOGIN, &tried, |row| {
                Ok::<_, Error>((row.integer(0)?, Timestamp::from_micros(row.integer(1)?)))
            })?;
            // Not if the password was changed since.
            let still =
                |(id, at): (i64, Timestamp)| Ok::<_, Error>(person(connection, id)?.filter(|who| who.since <= at));
            let Some(who) = half.map(still).transpose()?.flatten() else { return Ok(Step::Gone) };
            if let Err(error) = guessing.0.guessing.admit(Some(&who.name), address) {
                return Ok(Step::Slowed(error));
            }
            if !guessing.0.guessing.knows(&who.name, address) && tried_lately(connection, who.id)? > TRIES_OF_ACCOUNT {
                return Ok(Step::Slowed(Error::TooMany { after: WAITS }));
            }
            let caller = user(who.id, &who.name, address);
            let proved = match second_factor::prove(connection, who.id, &given)? {
                Judged::Right(proved) => proved,
                Judged::Wrong(why) => {
                    AuditEntry::new(&caller, "login", who.name.as_str(), false, why).write(connection)?;
                    return Ok(Step::Wrong(who, given.wrong()));
                }
            };
            connection.execute(&tables::REMOVE_HALF_LOGIN, &[(&hash[..]).into()])?;
            beginning.log_in(connection, &caller, who.id, &who.name)?;
            Ok::<_, Error>(Step::Right(who, proved))
        });
        match written.await? {
            Step::Gone => Err(Error::Unauthenticated),
            Step::Slowed(error) => Err(error),
            Step::Wrong(who, wrong) => {
                self.0.guessing.wrong(Some(&who.name), address);
                Err(wrong)
            }
            Step::Right(who, proved) => {
                self.0.guessing.right(Some(&who.name), address);
                self.tell_recovery_code_used(&who.name, proved).await;
                Ok(Entry::In(secret))
            }
        }
    }

    /// Begins a session for somebody whose password was right, if it is still the one that was set at `since`.
    async fn begin_session(&self, id: i64, since: Option<Timestamp>, visit: &Visit) -> Result<Secret, Error> {
        let secret = Secret::bare()?;
        let (beginning, address) = (Beginning::new(&secret, Evidence::Password, visit), visit.address);
        let written = self.0.database.write(Durability::Power, move |connection| {
            let who = person(connection, id)?.filter(|who| Some(who.since) == since).ok_or(Error::Unauthenticated)?;
            beginning.log_in(connection, &user(id, &who.name, address), id, &who.name)
        });
        written.await?;
        Ok(secret)
    }

    /// Who a caller with a session is.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for everybody else.
    pub fn session_owner<'a>(&self, caller: &'a Caller) -> Result<&'a Name, Error> {
        match (caller.principal(), caller.credential()) {
            (Principal::Account { name, .. }, Credential::Session(_)) => Ok(name),
            _ => Err(Error::Unauthenticated),
        }
    }
}

/// Somebody who may come in.
#[derive(Clone)]
pub(crate) struct Person {
    id: i64,
    pub(crate) name: Name,
    /// Since when what they show counts.
    since: Timestamp,
}

/// What became of a second factor that was shown.
enum Step {
    Gone,
    Slowed(Error),
    Wrong(Person, Error),
    Right(Person, Proved),
}

/// How many codes were tried for an account lately. It is counted where all replicas see it, with the tries themselves, so that it holds
/// for those that come at one time too.
fn tried_lately(connection: &Connection<'_>, account: i64) -> Result<i64, Error> {
    let parameters = [account.into(), Timestamp::now().into()];
    let tried = connection.first(&tables::TRIED_HALF_LOGINS, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
    Ok(tried.unwrap_or_default())
}

pub(crate) fn person(connection: &Connection<'_>, id: i64) -> Result<Option<Person>, Error> {
    let found = account(connection, id)?;
    Ok(found.and_then(|(principal, since)| match principal {
        Principal::Account { name, .. } => Some(Person { id, name, since }),
        _ => None,
    }))
}

//! Sessions: browsers in which somebody is logged in. Of a session's secret only a hash is kept, and each login has a new one, so none
//! can be fixed on somebody beforehand.

use std::net::IpAddr;
use std::time::Duration;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use uuid::Uuid;

use crate::account::MAX_PAGE;
use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::holder::account;
use crate::identify::{BELIEVED, Remembered};
use crate::memory::{Memory, changed};
use crate::name::Name;
use crate::permit::{AccountOwner, Permit};
use crate::role::words;
use crate::rules::stored;
use crate::secret::{Secret, SecretHash};
use crate::{Access, Error, tables};

/// How long a session lasts in which nobody does anything.
const IDLE: Duration = Duration::from_hours(12);
/// How long one lasts at most.
const LIFETIME: Duration = Duration::from_hours(30 * 24);
/// When it was used last is written down at most so often.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(300);
/// Longest name of a browser that is kept, in characters.
const MAX_AGENT: usize = 200;

words! {
    /// What somebody proved with that they are who they say, when a session began.
    Evidence: "link, password, second-factor, recovery-code, provider or passkey" {
        /// The link by which they made their account.
        Link = "link",
        /// Their password, where there is no second factor.
        Password = "password",
        /// Their password, and a code of their authenticator or a passkey.
        SecondFactor = "second-factor",
        /// Their password, and a recovery code.
        RecoveryCode = "recovery-code",
        /// What a provider said, where they had logged in.
        Provider = "provider",
        /// A passkey that knows who touches it, and nothing else.
        Passkey = "passkey",
    }
}

/// From where somebody comes, and with what.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// From where.
    pub address: Option<IpAddr>,
    /// What their browser calls itself.
    pub agent: String,
}

/// A session, as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What it is known by; not its secret.
    pub id: String,
    /// What it began with.
    pub evidence: Evidence,
    /// From where it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was used last, within a few minutes.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Session {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let text = |column| row.text(column).map(str::to_owned);
        let time = |column| row.integer(column).map(Timestamp::from_micros);
        Ok(Self {
            id: text(0)?,
            evidence: stored(row.text(1)?)?,
            address: text(2)?,
            agent: text(3)?,
            created_at: time(4)?,
            seen_at: time(5)?,
            expires_at: time(6)?,
        })
    }
}

/// A session that begins.
#[derive(Clone)]
pub(crate) struct Beginning {
    secret: SecretHash,
    evidence: Evidence,
    address: String,
    agent: String,
    /// What a provider calls the session that this one began with.
    provider_session: Option<String>,
}

impl Beginning {
    pub(crate) fn new(secret: &Secret, evidence: Evidence, visit: &Visit) -> Self {
        let agent = visit.agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
        let address = visit.address.map(|address| address.to_string()).unwrap_or_default();
        Self { secret: secret.hash(), evidence, address, agent, provider_session: None }
    }

    /// With a session of this name at a provider.
    pub(crate) fn within(self, provider_session: Option<String>) -> Self {
        Self { provider_session, ..self }
    }

    /// Begins it, and writes to the log that its owner, who is called `name`, has logged in.
    pub(crate) fn log_in(
        &self,
        connection: &Connection<'_>,
        caller: &Caller,
        account: i64,
        name: &Name,
    ) -> Result<(), Error> {
        self.write(connection, account)?;
        AuditEntry::new(caller, "login", name.as_str(), true, self.evidence.as_str()).write(connection)
    }

    /// Writes it. Those that have ended go.
    fn write(&self, connection: &Connection<'_>, account: i64) -> Result<(), Error> {
        let now = Timestamp::now();
        connection.execute(&tables::REMOVE_EXPIRED_SESSIONS, &[now.into()])?;
        let id = Uuid::now_v7().to_string();
        let parameters = [
            (&id).into(),
            (&self.secret[..]).into(),
            account.into(),
            self.evidence.as_str().into(),
            (&self.address).into(),
            (&self.agent).into(),
            now.into(),
            later(now, LIFETIME).into(),
            self.provider_session.as_deref().into(),
        ];
        connection.execute(&tables::ADD_SESSION, &parameters)?;
        connection.execute(&tables::SET_LOGGED_IN, &[now.into(), account.into()])?;
        Ok(())
    }
}

/// A session as its row has it.
struct Kept {
    id: String,
    account: i64,
    created_at: Timestamp,
    seen_at: Timestamp,
    expires_at: Timestamp,
}

impl Kept {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let time = |column| row.integer(column).map(Timestamp::from_micros);
        Ok(Self {
            id: row.text(0)?.to_owned(),
            account: row.integer(1)?,
            created_at: time(2)?,
            seen_at: time(3)?,
            expires_at: time(4)?,
        })
    }

    /// When it ends by itself.
    fn end(&self) -> Timestamp {
        later(self.seen_at, IDLE).min(self.expires_at)
    }

    /// Whose it is, if it still counts.
    fn holder(self, connection: &Connection<'_>) -> Result<Option<(Who, Timestamp)>, Error> {
        let end = self.end();
        // A new password ends the sessions from before.
        let found = account(connection, self.account)?.filter(|(_, since)| *since <= self.created_at);
        let Some((principal, _)) = found.filter(|_| end > Timestamp::now()) else { return Ok(None) };
        let who = Who {
            principal,
            credential: Credential::Session(self.id),
            limit: Limit::NONE,
            valid_from: Some(self.created_at),
            valid_until: Some(end),
        };
        Ok(Some((who, self.seen_at)))
    }
}

impl Access {
    /// Who a session is of.
    pub(crate) async fn by_session(&self, secret: &str) -> Result<Remembered, Error> {
        let hash = Secret::hash_of(secret);
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let kept = connection.first(&tables::SESSION_BY_HASH, &[(&hash[..]).into()], Kept::read)?;
            let holder = kept.map(|kept| kept.holder(connection)).transpose()?.flatten();
            Ok::<_, Error>((generation, holder))
        });
        let (generation, holder) = found.await?;
        let (who, seen_at) = holder.ok_or(Error::Unauthenticated)?;
        self.record_seen(&who, seen_at);
        Ok(Remembered::new(who, generation, BELIEVED.min(SEEN_EVERY)))
    }

    fn record_seen(&self, who: &Who, seen_at: Timestamp) {
        let Credential::Session(id) = &who.credential else { return };
        if later(seen_at, SEEN_EVERY) > Timestamp::now() {
            return;
        }
        let id = id.clone();
        self.write_down(move |connection| {
            connection.execute(&tables::SET_SESSION_SEEN, &[Timestamp::now().into(), (&id).into()])
        });
    }

    /// The sessions of an account that still count, youngest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn sessions(&self, permit: &Permit<AccountOwner>) -> Result<Vec<Session>, Error> {
        let id = permit.on.id;
        let scanned = self.0.database.scan(move |connection| {
            let Some((_, since)) = account(connection, id)? else { return Ok(Vec::new()) };
            let now = Timestamp::now();
            let idle = Timestamp::from_micros(now.micros().saturating_sub(IDLE.as_micros() as i64));
            let parameters = [id.into(), since.into(), now.into(), idle.into(), (MAX_PAGE as i64).into()];
            connection.all(&tables::SESSIONS, &parameters, Session::read)
        });
        scanned.await
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn end_one_session(&self, permit: &Permit<AccountOwner>, id: &str) -> Result<(), Error> {
        let (account, session) = (permit.on.id, id.to_owned());
        let entry = permit.entry("session.end", &permit.on.name, id);
        let ended = self.0.database.write(Durability::Power, move |connection| {
            match connection.execute(&tables::REMOVE_SESSION, &[(&session).into(), account.into()])? {
                0 => return Err(Error::not_found("session", &session)),
                _ => entry.write(connection)?,
            }
            Ok::<_, Error>(changed(connection)?)
        });
        ended.await?;
        self.noticed().await
    }

    /// Ends the sessions of an account, but for the one with which the caller asks.
    ///
    /// # Errors
    /// What the database said.
    pub async fn end_other_sessions(&self, permit: &Permit<AccountOwner>) -> Result<(), Error> {
        let account = permit.on.id;
        let own = match permit.caller().credential() {
            Credential::Session(id) => id.clone(),
            _ => String::new(),
        };
        let entry = permit.entry("session.end_others", &permit.on.name, "");
        let ended = self.0.database.write(Durability::Power, move |connection| {
            connection.execute(&tables::REMOVE_OTHER_SESSIONS, &[account.into(), (&own).into()])?;
            entry.write(connection)?;
            Ok::<_, Error>(changed(connection)?)
        });
        ended.await?;
        self.noticed().await
    }

    /// Logs out: ends the session that the caller showed, if they showed one.
    ///
    /// # Errors
    /// What the database said.
    pub async fn end_session(&self, caller: &Caller) -> Result<(), Error> {
        let (Principal::Account { id, .. }, Credential::Session(session)) = (caller.principal(), caller.credential())
        else {
            return Ok(());
        };
        let (account, session) = (*id, session.clone());
        let ended = self.0.database.write(Durability::Power, move |connection| {
            connection.execute(&tables::REMOVE_SESSION, &[(&session).into(), account.into()])?;
            Ok::<_, Error>(changed(connection)?)
        });
        ended.await?;
        self.audit_done(caller, "logout", &caller.principal().name().unwrap_or_default());
        self.noticed().await
    }
}

/// So long after a moment.
pub(crate) fn later(moment: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_micros(moment.micros().saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

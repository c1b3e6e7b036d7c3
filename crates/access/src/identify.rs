//! Who somebody is, by what they show.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entrepot_database::{Connection, Durability, Row, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::account::LOCAL;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::memory::{Generation, Memory};
use crate::name::{Name, RobotName};
use crate::pattern::Pattern;
use crate::registry_token::{self, Holder};
use crate::role::{Scopes, words};
use crate::rules::stored;
use crate::secret::Secret;
use crate::{Access, Error, job, tables};

/// How long a password that was right is believed without being hashed again.
pub(crate) const PASSWORD_BELIEVED: Duration = Duration::from_secs(60);
/// How long anything else is.
const TOKEN_BELIEVED: Duration = Duration::from_secs(300);
/// A token's last use is written down at most so often.
const USE_RECORDED_EVERY: Duration = Duration::from_secs(300);

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// A name and a password, or a token in its place (RFC 7617).
    Basic {
        /// The name.
        username: &'a str,
        /// The password or token.
        password: &'a str,
    },
    /// A registry token or a token of ours (RFC 6750).
    Bearer(&'a str),
}

words! {
    /// What kind of token it is.
    TokenKind: "personal, organization, robot or login" {
        /// Acts for the person who made it.
        Personal = "personal",
        /// Acts for an organization.
        Organization = "organization",
        /// Is a robot's.
        Robot = "robot",
        /// Keeps a client logged in that has thrown the password away.
        Login = "login",
    }
}

/// Somebody who is remembered by what they showed.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub(crate) who: Arc<Who>,
    pub(crate) generation: Generation,
    pub(crate) until: Instant,
}

/// The key under which somebody is remembered: a hash of what they showed, with a key of this process.
pub(crate) type Fingerprint = [u8; 32];

impl Access {
    /// Who shows this, from where.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::TooMany`] after too many wrong guesses; [`Error::SecondFactorNeeded`]; what the
    /// database said.
    pub async fn identify(&self, shown: Shown<'_>, address: Option<IpAddr>) -> Result<Caller, Error> {
        let fingerprint = match shown {
            Shown::Nothing => return Ok(self.nobody(address)),
            Shown::Basic { username, password } => {
                self.fingerprint(&[b"basic", username.as_bytes(), password.as_bytes()])
            }
            Shown::Bearer(token) => self.fingerprint(&[b"bearer", token.as_bytes()]),
        };
        if let Some(remembered) = self.0.remembered.get(&fingerprint)
            && remembered.until > Instant::now()
            && self.0.memory.current() == Some(remembered.generation)
        {
            return Ok(Caller::new(remembered.who, address));
        }
        let remembered = match shown {
            Shown::Bearer(token) if Secret::is_token(token) => self.by_token(token, None, address).await?,
            Shown::Bearer(token) => self.by_registry_token(token).await?,
            Shown::Basic { username, password } if Secret::is_token(password) => {
                self.by_token(password, Some(username), address).await?
            }
            Shown::Basic { username, password } => self.by_password(username, password, address).await?,
            Shown::Nothing => return Ok(self.nobody(address)),
        };
        self.0.remembered.insert(fingerprint, remembered.clone());
        Ok(Caller::new(remembered.who, address))
    }

    /// Somebody who did not say who they are.
    pub fn nobody(&self, address: Option<IpAddr>) -> Caller {
        Caller::new(Arc::clone(&self.0.nobody), address)
    }

    fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        // Cannot fail: a key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0.process_key) else {
            return Sha256::digest(b"").into();
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    async fn by_password(&self, username: &str, password: &str, address: Option<IpAddr>) -> Result<Remembered, Error> {
        if let Some(remembered) = self.by_identity_token(username, password, address).await? {
            return Ok(remembered);
        }
        self.0.guessing.admit(username, address)?;
        let name = username.to_owned();
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let account = connection.first(&tables::PASSWORD, &[(&name).into()], |row| {
                let kept = row.optional_text(1)?.map(str::to_owned);
                let disabled = row.optional_integer(3)?.is_some();
                let local = row.text(4)? == LOCAL;
                Ok::<_, Error>((row.integer(0)?, kept, row.integer(2)? != 0, disabled, local))
            })?;
            Ok::<_, Error>((generation, account))
        });
        let (generation, account) = found.await?;
        let known_elsewhere = account.as_ref().is_none_or(|(.., local)| !local);
        if known_elsewhere && let Some(directory) = &self.0.options.directory {
            return self.by_directory(directory, username, password, address).await;
        }
        let kept = account.as_ref().and_then(|(_, kept, ..)| kept.as_deref());
        let right = self.0.passwords.verify(password, kept).await?;
        match account {
            Some((id, _, administrator, false, _)) if right => {
                self.0.guessing.right(username, address);
                let name = username.parse().map_err(|_| Error::damaged(username))?;
                let principal = Principal::Account { id, name, administrator };
                let who = Who { principal, credential: Credential::Password, limit: Limit::NONE };
                Ok(Remembered { who: Arc::new(who), generation, until: Instant::now() + PASSWORD_BELIEVED })
            }
            _ => {
                self.0.guessing.wrong(username, address);
                Err(Error::Unauthenticated)
            }
        }
    }

    async fn by_token(
        &self,
        token: &str,
        username: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Remembered, Error> {
        // Nobody guesses 256 bits; but who tries is not to keep the database busy.
        self.0.guessing.admit("", address)?;
        let hash = Secret::hash_of(token);
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let found = connection.first(&tables::TOKEN_BY_HASH, &[(&hash[..]).into()], KeptToken::read)?;
            let who = found.map(|found| found.holder(connection)).transpose()?.flatten();
            Ok::<_, Error>((generation, who))
        });
        let (generation, who) = found.await?;
        let named = |who: &Who| username.is_none_or(|username| who.principal.name().as_deref() == Some(username));
        // A login keeps a client logged in through the token service, and nothing else.
        match who.filter(|(who, kind)| named(who) && *kind != TokenKind::Login) {
            Some((who, _)) => {
                self.record_use(&who);
                Ok(Remembered { who: Arc::new(who), generation, until: Instant::now() + TOKEN_BELIEVED })
            }
            None => {
                self.0.guessing.wrong("", address);
                Err(Error::Unauthenticated)
            }
        }
    }

    /// Who a login is for, which the token service gave to a client in place of the password.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; what the database said.
    pub(crate) async fn by_login(&self, token: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.0.guessing.admit("", address)?;
        let hash = Secret::hash_of(token);
        let found = self.0.database.read(move |connection| {
            let found = connection.first(&tables::TOKEN_BY_HASH, &[(&hash[..]).into()], KeptToken::read)?;
            Ok::<_, Error>(found.map(|found| found.holder(connection)).transpose()?.flatten())
        });
        match found.await?.filter(|(_, kind)| *kind == TokenKind::Login) {
            Some((who, _)) => {
                self.record_use(&who);
                Ok(Caller::new(Arc::new(who), address))
            }
            None => {
                self.0.guessing.wrong("", address);
                Err(Error::Unauthenticated)
            }
        }
    }

    async fn by_registry_token(&self, token: &str) -> Result<Remembered, Error> {
        let keys = self.0.keys.get(&self.0.memory, &self.0.database).await?;
        let claims = registry_token::verify(&keys, token)?;
        let (holder, issued) = (claims.who.clone(), Timestamp::from_micros(claims.iat as i64 * 1_000_000));
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            Ok::<_, Error>((generation, holder_of(connection, &holder, issued)?))
        });
        let (generation, who) = found.await?;
        let mut who = who.ok_or(Error::Unauthenticated)?;
        who.limit.access = Some(claims.access());
        let until = Instant::now() + claims.rest().min(TOKEN_BELIEVED);
        Ok(Remembered { who: Arc::new(who), generation, until })
    }

    /// Writes down that a token was used, by a task of its own and not each time.
    fn record_use(&self, who: &Who) {
        let Credential::Token(id) = &who.credential else { return };
        let due = self.0.used.get(id).is_none_or(|at| at.elapsed() > USE_RECORDED_EVERY);
        if !due {
            return;
        }
        self.0.used.insert(id.clone(), Instant::now());
        let (database, id) = (self.0.database.clone(), id.clone());
        tokio::spawn(async move {
            let written = database.write_loosely(Durability::Process, move |connection| {
                connection.execute(&tables::SET_TOKEN_USED, &[Timestamp::now().into(), (&id).into()])
            });
            if let Err(error) = written.await {
                tracing::debug!(%error, "the use of a token was not written down");
            }
        });
    }
}

/// A token, as its row has it.
struct KeptToken {
    id: String,
    kind: TokenKind,
    namespace: i64,
    robot: Option<i64>,
    limit: Limit,
    expires: Option<Timestamp>,
    owner: Name,
}

impl KeptToken {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            kind: stored(row.text(1)?)?,
            namespace: row.integer(2)?,
            robot: row.optional_integer(3)?,
            limit: Limit {
                scopes: stored_scopes(row.text(4)?)?,
                repositories: stored_patterns(row.text(5)?)?,
                access: None,
            },
            expires: row.optional_integer(6)?.map(Timestamp::from_micros),
            owner: stored(row.text(7)?)?,
        })
    }

    /// Whom it stands for, if it still stands for anybody.
    fn holder(self, connection: &Connection<'_>) -> Result<Option<(Who, TokenKind)>, Error> {
        if self.expires.is_some_and(|expires| expires <= Timestamp::now()) {
            return Ok(None);
        }
        let principal = match (self.kind, self.robot) {
            (TokenKind::Personal | TokenKind::Login, None) => account(connection, self.namespace, None)?,
            (TokenKind::Organization, None) => {
                Some(Principal::Organization { id: self.namespace, name: self.owner.clone() })
            }
            (TokenKind::Robot, Some(robot)) => robot_of(connection, robot)?,
            _ => return Err(Error::damaged(&self.id)),
        };
        let credential = Credential::Token(self.id);
        Ok(principal.map(|principal| (Who { principal, credential, limit: self.limit }, self.kind)))
    }
}

/// Whom a registry token was given to, if they are still there.
fn holder_of(connection: &Connection<'_>, holder: &Holder, issued: Timestamp) -> Result<Option<Who>, Error> {
    match holder {
        Holder::Anonymous => Ok(Some(Who::nobody())),
        Holder::Account { id } => {
            let principal = account(connection, *id, Some(issued))?;
            Ok(principal.map(|principal| Who { principal, credential: Credential::Password, limit: Limit::NONE }))
        }
        Holder::Job { rule, subject } => job::holder(connection, rule, subject),
        Holder::Token { id } => {
            let found = connection.first(&tables::TOKEN_BY_ID, &[id.into()], KeptToken::read)?;
            Ok(found.map(|found| found.holder(connection)).transpose()?.flatten().map(|(who, _)| who))
        }
    }
}

/// An account that may do something: it is there, not disabled, and what was issued at `issued` still counts.
pub(crate) fn account(
    connection: &Connection<'_>,
    id: i64,
    issued: Option<Timestamp>,
) -> Result<Option<Principal>, Error> {
    let found = connection.first(&tables::ACCOUNT_BY_ID, &[id.into()], |row| {
        let valid_from = Timestamp::from_micros(row.integer(3)?);
        // Tokens have whole seconds.
        let counts = issued.is_none_or(|issued| issued.plus(Duration::from_secs(1)) > valid_from);
        let usable = row.optional_integer(2)?.is_none() && counts;
        Ok::<_, Error>((stored(row.text(0)?)?, row.integer(1)? != 0, usable))
    })?;
    Ok(found.filter(|(_, _, usable)| *usable).map(|(name, administrator, _)| Principal::Account {
        id,
        name,
        administrator,
    }))
}

fn robot_of(connection: &Connection<'_>, id: i64) -> Result<Option<Principal>, Error> {
    let found = connection.first(&tables::ROBOT_BY_ID, &[id.into()], |row| {
        let name = RobotName::new(stored(row.text(1)?)?, stored(row.text(0)?)?);
        Ok::<_, Error>((name, row.optional_integer(3)?.is_some()))
    })?;
    Ok(found.filter(|(_, disabled)| !disabled).map(|(name, _)| Principal::Robot { id, name }))
}

pub(crate) fn stored_scopes(text: &str) -> Result<Scopes, Error> {
    Scopes::from_words(text.split_whitespace()).map_err(|_| Error::damaged(text))
}

pub(crate) fn stored_patterns(text: &str) -> Result<Vec<Pattern>, Error> {
    text.split_whitespace().map(stored).collect()
}

//! Who somebody is, by what they show.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_identity::provider::unverified_issuer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::account::LOCAL;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::elsewhere::LDAP;
use crate::holder::{KeptToken, TokenKind, holder_of};
use crate::memory::{Generation, Memory};
use crate::name::Name;
use crate::registry_token;
use crate::secret::Secret;
use crate::{Access, Error, tables};

/// How long somebody is remembered by what they showed, if nothing changes.
pub(crate) const BELIEVED: Duration = Duration::from_secs(300);
/// How long a password that was right needs no other hash, while what is kept of it stays the same.
const PROVEN: Duration = Duration::from_secs(900);
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
    /// The secret of a session, out of a cookie of ours (RFC 6265).
    Session(&'a str),
}

/// Somebody who is remembered by what they showed.
#[derive(Clone)]
pub(crate) struct Remembered {
    who: Arc<Who>,
    generation: Generation,
    until: Instant,
}

impl Remembered {
    /// Remembers `who` for so long, or as long as what they showed counts.
    pub(crate) fn new(who: Who, generation: Generation, most: Duration) -> Self {
        let left = |until: Timestamp| until.micros().saturating_sub(Timestamp::now().micros());
        let left = who.valid_until.map(|until| Duration::from_micros(left(until).try_into().unwrap_or_default()));
        let until = Instant::now() + left.unwrap_or(most).min(most);
        Self { who: Arc::new(who), generation, until }
    }
}

/// A password that was right.
#[derive(Clone)]
pub(crate) struct Proven {
    /// What was kept of it.
    kept: Arc<str>,
    until: Instant,
}

/// Somebody whose password was right.
struct Showing {
    remembered: Remembered,
    asks_second_factor: bool,
    /// The row of an account for which this is the first time in a while.
    logs_in: Option<i64>,
}

impl From<Remembered> for Showing {
    /// Of those who are known from elsewhere a second factor is asked there.
    fn from(remembered: Remembered) -> Self {
        Self { remembered, asks_second_factor: false, logs_in: None }
    }
}

/// What is known of an account that shows a password.
struct KeptAccount {
    id: i64,
    kept: Option<Arc<str>>,
    administrator: bool,
    disabled: bool,
    place: Place,
    valid_from: Timestamp,
    asks_second_factor: bool,
}

/// Where an account's password is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Directory,
    /// Those of a provider have none that could be shown to us.
    Nowhere,
}

/// The key under which somebody is remembered: a hash of what they showed, with a key of this process.
pub(crate) type Fingerprint = [u8; 32];

impl Access {
    /// Who shows this, from where.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::TooMany`] after too many wrong guesses; what the
    /// database said.
    pub async fn identify(&self, shown: Shown<'_>, address: Option<IpAddr>) -> Result<Caller, Error> {
        let fingerprint = match shown {
            Shown::Nothing => return Ok(self.nobody(address)),
            Shown::Basic { username, password } => {
                self.fingerprint(&[b"basic", username.as_bytes(), password.as_bytes()])
            }
            Shown::Bearer(token) => self.fingerprint(&[b"bearer", token.as_bytes()]),
            Shown::Session(secret) => self.fingerprint(&[b"session", secret.as_bytes()]),
        };
        // Before anything is looked up: guesses are not to be answered faster by what is remembered.
        let guessed = self.admit(shown, address)?;
        if let Some(remembered) = self.0.remembered.get(&fingerprint)
            && remembered.until > Instant::now()
            && self.0.memory.current() == Some(remembered.generation)
        {
            self.0.guessing.right(guessed.as_ref(), address);
            return Ok(Caller::new(remembered.who, address));
        }
        let remembered = match shown {
            Shown::Bearer(token) if Secret::is_token(token) => self.by_token(token, None).await?,
            Shown::Bearer(token) => self.by_registry_token(token).await?,
            Shown::Basic { username, password } if Secret::is_token(password) => {
                self.by_token(password, Some(username)).await?
            }
            Shown::Basic { username, password } => {
                let shown = self.by_password(username, password, fingerprint, address).await;
                match shown.map_err(|error| self.hinted(error))? {
                    Showing { asks_second_factor: true, .. } => return Err(Error::SecondFactorAsked),
                    Showing { remembered, logs_in, .. } => {
                        if let Some(account) = logs_in {
                            self.record_login(&Caller::new(Arc::clone(&remembered.who), address), account);
                        }
                        remembered
                    }
                }
            }
            Shown::Session(secret) => self.by_session(secret).await?,
            Shown::Nothing => return Ok(self.nobody(address)),
        };
        self.0.guessing.right(guessed.as_ref(), address);
        self.0.remembered.insert(fingerprint, remembered.clone());
        Ok(Caller::new(remembered.who, address))
    }

    /// Who has this password, and whether a second factor is asked of them beside it. To say so only after the password was right tells
    /// nothing to whoever does not know it.
    ///
    /// # Errors
    /// As [`Access::identify`]; [`Error::Unauthenticated`] for a token.
    pub(crate) async fn identify_password(
        &self,
        username: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<(Caller, bool), Error> {
        if Secret::is_token(password) {
            return Err(Error::Unauthenticated);
        }
        let guessed = self.admit(Shown::Basic { username, password }, address)?;
        let fingerprint = self.fingerprint(&[b"basic", username.as_bytes(), password.as_bytes()]);
        let shown = self.by_password(username, password, fingerprint, address).await;
        let Showing { remembered, asks_second_factor, .. } = shown.map_err(|error| self.hinted(error))?;
        // With half of the proof nobody is known yet from where they come: who has found a password may guess no faster for it.
        if !asks_second_factor {
            self.0.guessing.right(guessed.as_ref(), address);
        }
        Ok((Caller::new(remembered.who, address), asks_second_factor))
    }

    /// Whether a password may be looked at, and at whose account it is a guess.
    fn admit(&self, shown: Shown<'_>, address: Option<IpAddr>) -> Result<Option<Name>, Error> {
        let Shown::Basic { username, password } = shown else { return Ok(None) };
        if Secret::is_token(password) {
            return Ok(None);
        }
        let guessed = guessed(username, password);
        self.0.guessing.admit(guessed.as_ref(), address)?;
        Ok(guessed)
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

    async fn by_password(
        &self,
        username: &str,
        password: &str,
        fingerprint: Fingerprint,
        address: Option<IpAddr>,
    ) -> Result<Showing, Error> {
        if let Some(remembered) = self.by_identity_token(username, password, address).await? {
            return Ok(remembered.into());
        }
        let name = username.parse::<Name>().ok();
        let (generation, account) = self.password_of(name.clone()).await?;
        let asks_directory = account.as_ref().is_none_or(|account| account.place == Place::Directory);
        if asks_directory && let Some(directory) = &self.0.options.directory {
            return Ok(self.by_directory(directory, username, password, address).await?.into());
        }
        // Where the password of those is who are known from elsewhere, is not here.
        let kept = account.as_ref().filter(|account| account.place == Place::Here);
        let kept = kept.and_then(|account| account.kept.clone());
        if !self.is_proven(&fingerprint, kept.as_ref()) {
            self.prove(name.as_ref(), password, kept.as_deref(), address).await?;
        }
        // Who proved it is an account, and has a name.
        let (Some(account), Some(name), Some(kept)) = (account, name, kept) else { return Err(Error::Unauthenticated) };
        if account.disabled {
            return Err(Error::Unauthenticated);
        }
        let is_first = !self.is_proven(&fingerprint, Some(&kept));
        let principal = Principal::Account { id: account.id, name, administrator: account.administrator };
        let who = Who {
            principal,
            credential: Credential::Password,
            limit: Limit::NONE,
            valid_from: Some(account.valid_from),
            valid_until: None,
        };
        let remembered = Remembered::new(who, generation, BELIEVED);
        if is_first {
            self.0.proven.insert(fingerprint, Proven { kept, until: Instant::now() + PROVEN });
        }
        let logs_in = is_first.then_some(account.id);
        Ok(Showing { remembered, asks_second_factor: account.asks_second_factor, logs_in })
    }

    async fn password_of(&self, name: Option<Name>) -> Result<(Generation, Option<KeptAccount>), Error> {
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let Some(name) = &name else { return Ok((generation, None)) };
            let account = connection.first(&tables::PASSWORD, &[name.as_str().into()], KeptAccount::read)?;
            Ok::<_, Error>((generation, account))
        });
        found.await
    }

    /// Compares a password with what is kept, and counts it if it is wrong.
    async fn prove(
        &self,
        name: Option<&Name>,
        password: &str,
        kept: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<(), Error> {
        let turn = self.0.passwords.turn().await?;
        // Others may have been wrong while this one waited.
        self.0.guessing.admit(name, address)?;
        if !turn.verify(password, kept).await? {
            self.0.guessing.wrong(name, address);
            if let Some(name) = name {
                self.audit_denied(&self.nobody(address), "login", name.as_str());
            }
            return Err(Error::Unauthenticated);
        }
        Ok(())
    }

    fn is_proven(&self, fingerprint: &Fingerprint, kept: Option<&Arc<str>>) -> bool {
        let proven = self.0.proven.get(fingerprint);
        proven.is_some_and(|proven| proven.until > Instant::now() && Some(&proven.kept) == kept)
    }

    /// Writes down that somebody has logged in with a password.
    fn record_login(&self, caller: &Caller, account: i64) {
        self.audit_done(caller, "login", &caller.principal().name().unwrap_or_default());
        self.write_down(move |connection| {
            connection.execute(&tables::SET_LOGGED_IN, &[Timestamp::now().into(), account.into()])
        });
    }

    /// Who shows a token of ours. Nobody guesses 256 bits, so wrong ones are not counted: an old token in one job is not to slow
    /// everybody at its address.
    async fn by_token(&self, token: &str, username: Option<&str>) -> Result<Remembered, Error> {
        let (generation, who) = self.holder_by_hash(token).await?;
        let named = |who: &Who| username.is_none_or(|username| who.principal.name().as_deref() == Some(username));
        // A login keeps a client logged in through the token service, and nothing else.
        let (who, _) =
            who.filter(|(who, kind)| named(who) && *kind != TokenKind::Login).ok_or(Error::Unauthenticated)?;
        self.record_use(&who);
        Ok(Remembered::new(who, generation, BELIEVED))
    }

    /// Who a login is for, which the token service gave to a client in place of the password.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; what the database said.
    pub(crate) async fn by_login(&self, token: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        let (_, who) = self.holder_by_hash(token).await?;
        let (who, _) = who.filter(|(_, kind)| *kind == TokenKind::Login).ok_or(Error::Unauthenticated)?;
        self.record_use(&who);
        Ok(Caller::new(Arc::new(who), address))
    }

    pub(crate) async fn holder_by_hash(&self, token: &str) -> Result<(Generation, Option<(Who, TokenKind)>), Error> {
        let hash = Secret::hash_of(token);
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let found = connection.first(&tables::TOKEN_BY_HASH, &[(&hash[..]).into()], KeptToken::read)?;
            let who = found.map(|found| found.holder(connection)).transpose()?.flatten();
            Ok::<_, Error>((generation, who))
        });
        found.await
    }

    async fn by_registry_token(&self, token: &str) -> Result<Remembered, Error> {
        let keys = self.0.keys.get(&self.0.memory, &self.0.database).await?;
        let claims = registry_token::verify(&keys, token)?;
        let holder = claims.who.clone();
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            Ok::<_, Error>((generation, holder_of(connection, &holder)?))
        });
        let (generation, who) = found.await?;
        let mut who = who.ok_or(Error::Unauthenticated)?;
        who.limit.access = Some(claims.access());
        Ok(Remembered::new(who, generation, claims.rest().min(BELIEVED)))
    }

    /// Writes down that a token was used, by a task of its own and not each time.
    fn record_use(&self, who: &Who) {
        let Credential::Token(id) = &who.credential else { return };
        let due = self.0.used.get(id).is_none_or(|at| at.elapsed() > USE_RECORDED_EVERY);
        if !due {
            return;
        }
        self.0.used.insert(id.clone(), Instant::now());
        let id = id.clone();
        self.write_down(move |connection| {
            connection.execute(&tables::SET_TOKEN_USED, &[Timestamp::now().into(), (&id).into()])
        });
    }

    /// Writes down when something was used, by a task of its own: nobody waits for it, and nothing hangs on it.
    pub(crate) fn write_down(
        &self,
        work: impl FnMut(&Connection<'_>) -> Result<usize, entrepot_database::Error> + Send + 'static,
    ) {
        let database = self.0.database.clone();
        tokio::spawn(async move {
            if let Err(error) = database.write_loosely(Durability::Process, work).await {
                tracing::debug!(%error, "the use of a token or password was not written down");
            }
        });
    }
}

/// At whose account a password is a guess: in a directory names have no case. Who shows a job's identity token guesses at nobody.
fn guessed(username: &str, password: &str) -> Option<Name> {
    let is_identity_token = unverified_issuer(password).is_ok();
    if is_identity_token { None } else { username.to_lowercase().parse().ok() }
}

impl KeptAccount {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.integer(0)?,
            kept: row.optional_text(1)?.map(Arc::from),
            administrator: row.integer(2)? != 0,
            disabled: row.optional_integer(3)?.is_some(),
            place: match row.text(4)? {
                LOCAL => Place::Here,
                LDAP => Place::Directory,
                _ => Place::Nowhere,
            },
            valid_from: Timestamp::from_micros(row.integer(5)?),
            asks_second_factor: row.optional_integer(6)?.is_some() || row.optional_integer(7)?.is_some(),
        })
    }
}

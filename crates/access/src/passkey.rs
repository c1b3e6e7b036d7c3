//! Passkeys (WebAuthn): keys that devices and browsers keep for people. One proves both that somebody has the device and, where it asks for
//! a PIN or a finger, that it is they. So it does for a second factor, and it lets people in by itself.
//!
//! What is signed is a challenge that is taken once, and the site for which the browser asked: nothing that another site gets out of
//! somebody is worth anything here.

mod answer;
mod authenticator_data;
mod challenge;
mod client_data;
mod entry;
mod options;
mod public_key;
mod relying_party;

use std::net::IpAddr;
use std::time::Duration;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_mail::SecondFactorChange;
use uuid::Uuid;

use self::answer::{Made, Shown};
pub(crate) use self::challenge::Holder;
pub use self::options::PasskeyOptions;
use self::relying_party::RelyingParty;
use crate::account::checked_text;
use crate::bucket::Pace;
use crate::memory::changed;
use crate::permit::{AccountOwner, Permit};
use crate::second_factor::{self, Proof, RecoveryCode};
use crate::secret::Secret;
use crate::{Access, Error, tables};

/// How many an account may have.
const MAX_PASSKEYS: usize = 20;
/// How often browsers may be told to ask for one, from one address.
pub(crate) const ASKING: Pace = Pace { burst: 60.0, refill: Duration::from_secs(1) };

/// A passkey, as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// What it is known by.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// Whether it is not on one device alone.
    pub backed_up: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
}

impl Passkey {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            label: row.text(1)?.to_owned(),
            backed_up: row.integer(2)? != 0,
            created_at: Timestamp::from_micros(row.integer(3)?),
            used_at: row.optional_integer(4)?.map(Timestamp::from_micros),
        })
    }
}

/// A passkey that somebody shows, to be kept while a transaction runs.
#[derive(Clone)]
pub(crate) struct Claim {
    shown: Shown,
    party: RelyingParty,
    holder: Holder,
}

/// What is kept to compare with.
struct Kept {
    id: String,
    account: i64,
    public_key: Vec<u8>,
}

/// What became of a passkey that was shown.
pub(crate) enum Verdict {
    /// It is this account's.
    Right(i64),
    /// It is this account's, but something is wrong, which the log has to know.
    Wrong(i64, &'static str),
    /// It is nobody's.
    Unknown,
}

impl Access {
    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn passkeys(&self, permit: &Permit<AccountOwner>) -> Result<Vec<Passkey>, Error> {
        let id = permit.on.id;
        self.0.database.read(move |connection| connection.all(&tables::PASSKEYS, &[id.into()], Passkey::read)).await
    }

    /// What the browser of somebody is told who may show a passkey of theirs once more, before they change their second factor; nothing
    /// if they have none.
    ///
    /// # Errors
    /// [`Error::Denied`] without a session; [`Error::TooMany`]; what the database said.
    pub async fn ask_passkey_again(&self, permit: &Permit<AccountOwner>) -> Result<Option<PasskeyOptions>, Error> {
        let holder = Holder::again(second_factor::in_session(permit)?);
        let Ok(party) = self.relying_party() else { return Ok(None) };
        self.ask_one_of(party, permit.on.id, holder, permit.caller().address).await
    }

    /// Begins to make a passkey for the caller's own account. Whoever has a second factor shows it once more, and whoever has none the
    /// password: a passkey lets people in by itself.
    ///
    /// # Errors
    /// [`Error::Denied`] for another's account, one that is known from elsewhere, or without a session; [`Error::Invalid`] if what is shown
    /// is wrong; [`Error::Conflict`] if there are too many; [`Error::Unconfigured`].
    pub async fn begin_passkey(
        &self,
        permit: &Permit<AccountOwner>,
        password: &str,
        proof: Option<Proof<'_>>,
    ) -> Result<PasskeyOptions, Error> {
        let holder = Holder::making(second_factor::in_session(permit)?);
        let party = self.relying_party()?;
        let factor = self.own_second_factor(permit).await?;
        let (id, challenge) = (permit.on.id, Secret::bare()?);
        let there = self.0.database.read(move |connection| credentials(connection, id)).await?;
        if there.len() >= MAX_PASSKEYS {
            return Err(Error::Conflict(format!("there are {MAX_PASSKEYS} passkeys already; remove one first")));
        }
        let options = PasskeyOptions::make(&party, (id, &permit.on.name), &challenge, &there);
        let given = if factor.is_on() {
            self.needed(permit, proof)?
        } else if self.check_password(permit, password).await? {
            None
        } else {
            return Err(Error::invalid("current_password", "it has to be the password that counts now"));
        };
        let begin = move |connection: &Connection<'_>, _| challenge::write(connection, &challenge, holder);
        self.begin_second_factor(permit, given, begin).await?;
        Ok(options)
    }

    /// Adds the passkey that a browser has made, and returns the recovery codes if it is the account's first second factor. From then on
    /// the password alone logs in nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not what [`Access::begin_passkey`] asked for; [`Error::Conflict`] if it is there already.
    pub async fn add_passkey(
        &self,
        permit: &Permit<AccountOwner>,
        label: &str,
        answer: &str,
    ) -> Result<Vec<RecoveryCode>, Error> {
        let holder = Holder::making(second_factor::in_session(permit)?);
        let party = self.relying_party()?;
        let label = named(label)?;
        let made = Made::read(answer, &party).ok_or_else(not_made)?;
        let (id, codes) = (permit.on.id, RecoveryCode::generate()?);
        let (kept, entry) = (codes.clone(), permit.entry("passkey.add", &permit.on.name, &label));
        let written = self.0.database.write(Durability::Power, move |connection| {
            if !challenge::take(connection, &made.challenge, holder)? {
                return Ok(Added::Late);
            }
            let is_first = !connection.exists(&tables::ASKS_SECOND_FACTOR, &[id.into()])?;
            if credentials(connection, id)?.len() >= MAX_PASSKEYS || !add(connection, id, &made, &label)? {
                return Ok(Added::There);
            }
            if is_first {
                second_factor::replace_recovery_codes(connection, id, &kept)?;
                // An authenticator that was only begun was begun by somebody who had nothing to show, maybe in another session.
                connection.execute(&tables::REMOVE_AUTHENTICATOR, &[id.into()])?;
            }
            entry.write(connection)?;
            changed(connection)?;
            Ok::<_, Error>(Added::New { is_first })
        });
        let is_first = match written.await? {
            Added::Late => return Err(not_made()),
            Added::There => return Err(Error::exists("a passkey", "of this device")),
            Added::New { is_first } => is_first,
        };
        self.noticed().await?;
        let change = if is_first { SecondFactorChange::TurnedOn } else { SecondFactorChange::PasskeyAdded };
        self.tell_second_factor(&permit.on.name, change).await;
        Ok(if is_first { codes.to_vec() } else { Vec::new() })
    }

    /// Takes one passkey away. If nothing is left for a second factor, there is none from then on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`Access::remove_second_factor`].
    pub async fn remove_passkey(
        &self,
        permit: &Permit<AccountOwner>,
        passkey: &str,
        proof: Option<Proof<'_>>,
    ) -> Result<(), Error> {
        let (given, passkey) = (self.needed(permit, proof)?, passkey.to_owned());
        let entry = permit.entry("passkey.remove", &permit.on.name, &passkey);
        self.change_second_factor(permit, given, move |connection, id| {
            match connection.execute(&tables::REMOVE_PASSKEY, &[(&passkey).into(), id.into()])? {
                0 => return Err(Error::not_found("passkey", &passkey)),
                _ => entry.write(connection)?,
            }
            second_factor::end_if_none_is_left(connection, id)
        })
        .await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::PasskeyRemoved).await;
        Ok(())
    }

    /// Whether the registry has passkeys where people reach it: under a name, and over HTTPS or on the same machine.
    pub fn has_passkeys(&self) -> bool {
        self.relying_party().is_ok()
    }

    fn relying_party(&self) -> Result<RelyingParty, Error> {
        let why = "passkeys belong to the address of a registry, and this one does not know its own: its operator has to set \
                   http.public_url to https:// and a name";
        self.public_url().and_then(RelyingParty::of).ok_or_else(|| Error::Unconfigured(why.to_owned()))
    }

    /// Lets the browser of whoever `holder` is, at `address`, show a passkey of an account, if it has any.
    async fn ask_one_of(
        &self,
        party: RelyingParty,
        account: i64,
        holder: Holder,
        address: Option<IpAddr>,
    ) -> Result<Option<PasskeyOptions>, Error> {
        let there = self.0.database.read(move |connection| credentials(connection, account)).await?;
        if there.is_empty() {
            return Ok(None);
        }
        let challenge = self.write_challenge(holder, address).await?;
        Ok(Some(PasskeyOptions::show_one_of(&party, &challenge, &there)))
    }

    /// Each is kept until it is answered or too old, so there are only so many from one address.
    async fn write_challenge(&self, holder: Holder, address: Option<IpAddr>) -> Result<Secret, Error> {
        self.0.passkey_asking.take_from(address)?;
        let challenge = Secret::bare()?;
        let written = challenge.clone();
        let work = move |connection: &Connection<'_>| challenge::write(connection, &written, holder);
        self.0.database.write_loosely(Durability::Process, work).await?;
        Ok(challenge)
    }

    /// What a browser answered for a passkey, to be looked at in a transaction.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no such answer; [`Error::Unconfigured`].
    pub(crate) fn claim(&self, answer: &str, holder: Holder) -> Result<Claim, Error> {
        let party = self.relying_party()?;
        Ok(Claim { shown: Shown::parse(answer).ok_or_else(wrong)?, party, holder })
    }
}

/// What became of a passkey that was made.
enum Added {
    Late,
    There,
    New { is_first: bool },
}

/// Looks at a passkey that was shown, and takes its challenge: that is good once, whatever comes of it. The passkey has to be one that
/// `fits`, by whose it is and whether it knows who touched it.
pub(crate) fn judge(
    connection: &Connection<'_>,
    claim: &Claim,
    fits: impl FnOnce(i64, bool) -> bool,
) -> Result<Verdict, Error> {
    let Some(challenge) = claim.shown.challenge(&claim.party) else { return Ok(Verdict::Unknown) };
    let asked = challenge::take(connection, &challenge, claim.holder)?;
    let credential = claim.shown.credential();
    let Some(kept) = connection.first(&tables::PASSKEY, &[credential.into()], Kept::read)? else {
        return Ok(Verdict::Unknown);
    };
    let said = claim.shown.verify(&claim.party, &kept.public_key).filter(|said| fits(kept.account, said.verified));
    let is_own = claim.shown.user_handle().is_none_or(|handle| handle == claim.party.user_handle(kept.account));
    let Some(said) = said.filter(|_| asked && is_own) else { return Ok(Verdict::Wrong(kept.account, "passkey")) };
    // It has to count on, or not to count at all (section 6.1.1): else there are two of it.
    let counter = i64::from(said.counter);
    let parameters = [counter.into(), i64::from(said.backed_up).into(), Timestamp::now().into(), (&kept.id).into()];
    match connection.execute(&tables::USE_PASSKEY, &parameters)? {
        0 => Ok(Verdict::Wrong(kept.account, "passkey whose counter went back: there may be a copy of it")),
        _ => Ok(Verdict::Right(kept.account)),
    }
}

impl Kept {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { id: row.text(0)?.to_owned(), account: row.integer(1)?, public_key: row.blob(2)?.to_vec() })
    }
}

/// What is said of a passkey that is not right.
pub(crate) fn wrong() -> Error {
    Error::invalid("passkey", "it is none of yours, or it was waited for too long; try once more")
}

fn not_made() -> Error {
    Error::invalid("passkey", "it was not made as it should be, or it was waited for too long; begin once more")
}

fn named(label: &str) -> Result<String, Error> {
    let label = checked_text("label", label)?;
    if label.is_empty() { Err(Error::invalid("label", "it needs one, to be told from others")) } else { Ok(label) }
}

fn credentials(connection: &Connection<'_>, account: i64) -> Result<Vec<Vec<u8>>, Error> {
    connection.all(&tables::PASSKEY_CREDENTIALS, &[account.into()], |row| Ok(row.blob(0)?.to_vec()))
}

fn add(connection: &Connection<'_>, account: i64, made: &Made, label: &str) -> Result<bool, Error> {
    let id = Uuid::now_v7().to_string();
    let parameters = [
        (&id).into(),
        account.into(),
        made.credential.as_slice().into(),
        made.public_key.as_slice().into(),
        i64::from(made.counter).into(),
        i64::from(made.backed_up).into(),
        label.into(),
        Timestamp::now().into(),
    ];
    Ok(connection.execute(&tables::ADD_PASSKEY, &parameters)? > 0)
}

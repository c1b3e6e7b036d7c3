//! The second factor: what an account asks for beside the password. Codes of an authenticator, and recovery codes for when that is lost.
//!
//! Each code is taken once, in a statement that fails if it was taken meanwhile. People who are known from elsewhere are asked there.

mod recovery;
mod totp;

use std::time::SystemTime;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_mail::{Letter, SecondFactorChange};

pub use self::recovery::RecoveryCode;
use self::recovery::RecoveryHash;
pub use self::totp::AuthenticatorSecret;
use self::totp::Step;
use crate::account::LOCAL;
use crate::caller::{Caller, Credential, Principal};
use crate::memory::changed;
use crate::name::Name;
use crate::permit::{AccountOwner, Permit};
use crate::session::Evidence;
use crate::{Access, Error, tables};

/// What somebody shows for a second factor.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A code of their authenticator.
    Code(&'a str),
    /// A recovery code.
    Recovery(&'a str),
}

/// The same, to be kept while a transaction runs.
#[derive(Clone)]
pub(crate) enum Given {
    Code(String),
    Recovery(String),
}

/// What was shown and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    Code,
    /// A recovery code, and how many are left.
    Recovery(u32),
}

/// Which second factor an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whether it is asked for codes of an authenticator.
    pub authenticator: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

impl<'a> Proof<'a> {
    /// What somebody typed: a code of six digits, or a recovery code, which has letters or is longer.
    pub fn of(text: &'a str) -> Self {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace());
        if digits(text) && text.bytes().filter(u8::is_ascii_digit).count() <= 6 {
            Self::Code(text)
        } else {
            Self::Recovery(text)
        }
    }

    pub(crate) fn to_kept(self) -> Given {
        match self {
            Self::Code(code) => Given::Code(code.to_owned()),
            Self::Recovery(code) => Given::Recovery(code.to_owned()),
        }
    }

    pub(crate) fn evidence(self) -> Evidence {
        match self {
            Self::Code(_) => Evidence::SecondFactor,
            Self::Recovery(_) => Evidence::RecoveryCode,
        }
    }
}

/// What authenticators show for an account.
struct Authenticator {
    secret: AuthenticatorSecret,
    confirmed: bool,
    used: Option<Step>,
}

impl Authenticator {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            secret: AuthenticatorSecret::from_kept(row.blob(0)?)?,
            confirmed: row.optional_integer(1)?.is_some(),
            used: row.optional_integer(2)?.map(Step::from_kept),
        })
    }
}

impl Access {
    /// Which second factor an account has.
    ///
    /// # Errors
    /// What the database said.
    pub async fn second_factor(&self, permit: &Permit<AccountOwner>) -> Result<SecondFactor, Error> {
        let id = permit.on.id;
        let found = self.0.database.read(move |connection| {
            let authenticator = connection.exists(&tables::ASKS_SECOND_FACTOR, &[id.into()])?;
            Ok::<_, Error>(SecondFactor { authenticator, recovery_codes: count(&recovery_codes(connection, id)?) })
        });
        found.await
    }

    /// Begins to set up an authenticator for the caller's own account: a new secret, to be given to it. It counts once a code of it was
    /// shown ([`Access::confirm_authenticator`]).
    ///
    /// # Errors
    /// [`Error::Denied`] for another's account, one that is known from elsewhere, or without a session; [`Error::Conflict`] if there is one.
    pub async fn begin_authenticator(&self, permit: &Permit<AccountOwner>) -> Result<AuthenticatorSecret, Error> {
        in_session(permit)?;
        let account = self.account(permit).await?;
        if account.source != LOCAL {
            return Err(Error::Denied("your second factor is asked for where your password is".to_owned()));
        }
        let (id, secret) = (permit.on.id, AuthenticatorSecret::generate()?);
        let kept = secret.clone();
        let written = self.0.database.write(Durability::Power, move |connection| {
            match connection.execute(&tables::SET_AUTHENTICATOR, &[id.into(), kept.to_keep().into()])? {
                0 => Err(Error::Conflict("there is an authenticator already; take it away first".to_owned())),
                _ => Ok(()),
            }
        });
        written.await?;
        Ok(secret)
    }

    /// Lets the authenticator count whose code is shown, and returns the recovery codes. From then on the password alone logs in nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong code; [`Error::Conflict`] if none was begun, or it counts already.
    pub async fn confirm_authenticator(
        &self,
        permit: &Permit<AccountOwner>,
        code: &str,
    ) -> Result<Vec<RecoveryCode>, Error> {
        in_session(permit)?;
        let (id, code, codes) = (permit.on.id, code.to_owned(), RecoveryCode::generate()?);
        let (kept, entry) = (codes.clone(), permit.entry("second_factor.on", &permit.on.name, ""));
        let written = self.0.database.write(Durability::Power, move |connection| {
            let found = connection.first(&tables::AUTHENTICATOR, &[id.into()], Authenticator::read)?;
            let begun = found.filter(|found| !found.confirmed);
            let begun = begun.ok_or_else(|| Error::Conflict("begin with a new authenticator".to_owned()))?;
            let step = begun.secret.accept(&code, SystemTime::now(), None)?.ok_or_else(wrong)?;
            let parameters = [Timestamp::now().into(), step.to_keep().into(), id.into()];
            connection.execute(&tables::CONFIRM_AUTHENTICATOR, &parameters)?;
            replace_recovery_codes(connection, id, &kept)?;
            entry.write(connection)?;
            Ok::<_, Error>(changed(connection)?)
        });
        written.await?;
        self.noticed().await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::TurnedOn).await;
        Ok(codes.to_vec())
    }

    /// Takes the second factor away. Whoever has it shows it once more; administrators do so for others who have lost theirs.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong code; [`Error::TooMany`] after too many of them.
    pub async fn remove_second_factor(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Option<Proof<'_>>,
    ) -> Result<(), Error> {
        let given = self.needed(permit, proof)?;
        let entry = permit.entry("second_factor.off", &permit.on.name, "");
        self.change_second_factor(permit, given, move |connection, id| {
            connection.execute(&tables::REMOVE_AUTHENTICATOR, &[id.into()])?;
            connection.execute(&tables::REMOVE_RECOVERY_CODES, &[id.into()])?;
            entry.write(connection)
        })
        .await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::TurnedOff).await;
        Ok(())
    }

    /// Gives the caller's own account new recovery codes; the old ones end. They show their second factor once more.
    ///
    /// # Errors
    /// As [`Access::remove_second_factor`].
    pub async fn new_recovery_codes(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Proof<'_>,
    ) -> Result<Vec<RecoveryCode>, Error> {
        own(permit)?;
        let codes = RecoveryCode::generate()?;
        let (kept, entry) = (codes.clone(), permit.entry("second_factor.recovery_codes", &permit.on.name, ""));
        self.change_second_factor(permit, Some(proof.to_kept()), move |connection, id| {
            replace_recovery_codes(connection, id, &kept)?;
            entry.write(connection)
        })
        .await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::RecoveryCodesReplaced).await;
        Ok(codes.to_vec())
    }

    /// What has to be shown: nothing by administrators, for others.
    fn needed(&self, permit: &Permit<AccountOwner>, proof: Option<Proof<'_>>) -> Result<Option<Given>, Error> {
        if own(permit).is_err() {
            return Ok(None);
        }
        proof.map(|proof| Some(proof.to_kept())).ok_or_else(|| Error::invalid("code", "a code is needed"))
    }

    async fn change_second_factor(
        &self,
        permit: &Permit<AccountOwner>,
        given: Option<Given>,
        mut work: impl FnMut(&Connection<'_>, i64) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (id, name, address) = (permit.on.id, &permit.on.name, permit.caller().address);
        if given.is_some() {
            self.0.guessing.admit(Some(name), address)?;
        }
        let written = self.0.database.write(Durability::Power, move |connection| {
            if !connection.exists(&tables::ASKS_SECOND_FACTOR, &[id.into()])? {
                return Err(Error::Conflict("there is no second factor".to_owned()));
            }
            let right = match &given {
                Some(given) => prove(connection, id, given)?.is_some(),
                None => true,
            };
            if right {
                work(connection, id)?;
                changed(connection)?;
            }
            Ok::<_, Error>(right)
        });
        if !written.await? {
            self.0.guessing.wrong(Some(name), address);
            return Err(wrong());
        }
        self.noticed().await
    }

    async fn tell_second_factor(&self, name: &Name, change: SecondFactorChange) {
        self.tell(name, |account| Letter::SecondFactorChanged { account, change }).await;
    }

    pub(crate) async fn tell_recovery_code_used(&self, name: &Name, proved: Proved) {
        if let Proved::Recovery(left) = proved {
            self.tell_second_factor(name, SecondFactorChange::RecoveryCodeUsed { left }).await;
        }
    }
}

/// Takes what somebody shows, if it is right; then it is good no more.
pub(crate) fn prove(connection: &Connection<'_>, account: i64, given: &Given) -> Result<Option<Proved>, Error> {
    match given {
        Given::Code(code) => {
            let found = connection.first(&tables::AUTHENTICATOR, &[account.into()], Authenticator::read)?;
            let Some(found) = found.filter(|found| found.confirmed) else { return Ok(None) };
            let Some(step) = found.secret.accept(code, SystemTime::now(), found.used)? else { return Ok(None) };
            let taken = connection.execute(&tables::USE_STEP, &[step.to_keep().into(), account.into()])?;
            Ok((taken > 0).then_some(Proved::Code))
        }
        Given::Recovery(code) => {
            let kept = recovery_codes(connection, account)?;
            let Some(hash) = RecoveryHash::find(code, account, &kept).and_then(|index| kept.get(index)) else {
                return Ok(None);
            };
            let taken = connection.execute(&tables::REMOVE_RECOVERY_CODE, &[account.into(), hash.as_kept().into()])?;
            Ok((taken > 0).then_some(Proved::Recovery(count(&kept).saturating_sub(1))))
        }
    }
}

/// Whether an account has a second factor; who is known from elsewhere has it there.
pub(crate) fn has(connection: &Connection<'_>, account: i64) -> Result<bool, Error> {
    Ok(connection.exists(&tables::HAS_SECOND_FACTOR, &[account.into()])?)
}

/// What is said of a code that is not right.
pub(crate) fn wrong() -> Error {
    Error::invalid("code", "it is not right, or was used already; codes change every 30 seconds")
}

fn recovery_codes(connection: &Connection<'_>, account: i64) -> Result<Vec<RecoveryHash>, Error> {
    connection.all(&tables::RECOVERY_CODES, &[account.into()], |row| RecoveryHash::from_kept(row.blob(0)?))
}

fn count(codes: &[RecoveryHash]) -> u32 {
    u32::try_from(codes.len()).unwrap_or(u32::MAX)
}

fn replace_recovery_codes(connection: &Connection<'_>, account: i64, codes: &[RecoveryCode]) -> Result<(), Error> {
    connection.execute(&tables::REMOVE_RECOVERY_CODES, &[account.into()])?;
    for code in codes {
        connection.execute(&tables::ADD_RECOVERY_CODE, &[account.into(), code.hash(account).as_kept().into()])?;
    }
    Ok(())
}

/// Whether the caller asks about their own account.
fn own(permit: &Permit<AccountOwner>) -> Result<(), Error> {
    if is_own(permit.caller(), permit.on.id) {
        return Ok(());
    }
    Err(Error::Denied(format!("only {} may do this", permit.on.name)))
}

/// Whether the caller asks about their own account, with a browser: with a token that was found somebody could otherwise shut its owner
/// out.
fn in_session(permit: &Permit<AccountOwner>) -> Result<(), Error> {
    own(permit)?;
    match permit.caller().credential() {
        Credential::Session(_) => Ok(()),
        _ => Err(Error::Denied("a second factor is set up with a browser".to_owned())),
    }
}

fn is_own(caller: &Caller, account: i64) -> bool {
    matches!(caller.principal(), Principal::Account { id, .. } if *id == account)
}

//! The second factor: what an account asks for beside the password. Codes of an authenticator, passkeys, and recovery codes for when
//! they are lost.
//!
//! Each code is taken once, in a statement that fails if it was taken meanwhile. People who are known from elsewhere are asked there.

mod authenticator;
mod recovery;
mod totp;

use entrepot_database::{Connection, Durability};
use entrepot_mail::{Letter, SecondFactorChange};

pub use self::recovery::RecoveryCode;
use self::recovery::RecoveryHash;
pub use self::totp::AuthenticatorSecret;
use crate::account::LOCAL;
use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Principal};
use crate::memory::changed;
use crate::name::Name;
use crate::passkey::{self, Claim, Holder, Verdict};
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
    /// What a browser answered that was told to ask for a passkey.
    Passkey(&'a str),
}

/// The same, to be kept while a transaction runs.
#[derive(Clone)]
pub(crate) enum Given {
    Code(String),
    Recovery(String),
    Passkey(Box<Claim>),
}

/// What was shown and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    Code,
    /// A recovery code, and how many are left.
    Recovery(u32),
    Passkey,
}

/// What became of what was shown.
pub(crate) enum Judged {
    Right(Proved),
    /// What the log says of it.
    Wrong(&'static str),
}

const WRONG: &str = "second factor";

/// Which second factor an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whether it is asked for codes of an authenticator.
    pub authenticator: bool,
    /// How many passkeys it has.
    pub passkeys: u32,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

impl SecondFactor {
    /// Whether one is asked for.
    pub fn is_on(&self) -> bool {
        self.authenticator || self.passkeys > 0
    }
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

    pub(crate) fn evidence(self) -> Evidence {
        match self {
            Self::Code(_) | Self::Passkey(_) => Evidence::SecondFactor,
            Self::Recovery(_) => Evidence::RecoveryCode,
        }
    }
}

impl Given {
    /// What is said of it if it is not right.
    pub(crate) fn wrong(&self) -> Error {
        match self {
            Self::Code(_) | Self::Recovery(_) => wrong(),
            Self::Passkey(_) => passkey::wrong(),
        }
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
            let passkeys = connection.all(&tables::PASSKEYS, &[id.into()], |_| Ok::<_, Error>(()))?;
            Ok::<_, Error>(SecondFactor {
                authenticator: connection.exists(&tables::HAS_AUTHENTICATOR, &[id.into()])?,
                passkeys: count(&passkeys),
                recovery_codes: count(&recovery_codes(connection, id)?),
            })
        });
        found.await
    }

    /// Takes the whole second factor away: the authenticator, the passkeys, the recovery codes. Whoever has it shows it once more;
    /// administrators do so for others who have lost theirs.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong code or passkey; [`Error::TooMany`] after too many of them.
    pub async fn remove_second_factor(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Option<Proof<'_>>,
    ) -> Result<(), Error> {
        let given = self.needed(permit, proof)?;
        let entry = permit.entry("second_factor.off", &permit.on.name, "");
        self.change_second_factor(permit, given, move |connection, id| {
            connection.execute(&tables::REMOVE_AUTHENTICATOR, &[id.into()])?;
            connection.execute(&tables::REMOVE_PASSKEYS, &[id.into()])?;
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
        let given = self.needed(permit, Some(proof))?;
        let codes = RecoveryCode::generate()?;
        let (kept, entry) = (codes.clone(), permit.entry("second_factor.recovery_codes", &permit.on.name, ""));
        self.change_second_factor(permit, given, move |connection, id| {
            replace_recovery_codes(connection, id, &kept)?;
            entry.write(connection)
        })
        .await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::RecoveryCodesReplaced).await;
        Ok(codes.to_vec())
    }

    /// Which second factor the caller's own account has, to which another is to be added.
    ///
    /// # Errors
    /// [`Error::Denied`] for another's account, one that is known from elsewhere, or without a session.
    pub(crate) async fn own_second_factor(&self, permit: &Permit<AccountOwner>) -> Result<SecondFactor, Error> {
        in_session(permit)?;
        if self.account(permit).await?.source != LOCAL {
            return Err(Error::Denied("your second factor is asked for where your password is".to_owned()));
        }
        self.second_factor(permit).await
    }

    /// What has to be shown: nothing by administrators, for others.
    pub(crate) fn needed(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Option<Proof<'_>>,
    ) -> Result<Option<Given>, Error> {
        if own(permit).is_err() {
            return Ok(None);
        }
        let proof = proof.ok_or_else(needed)?;
        self.given(proof, || Ok(Holder::again(in_session(permit)?))).map(Some)
    }

    /// What somebody shows; a passkey, if `holder` was asked for one.
    pub(crate) fn given(
        &self,
        proof: Proof<'_>,
        holder: impl FnOnce() -> Result<Holder, Error>,
    ) -> Result<Given, Error> {
        Ok(match proof {
            Proof::Code(code) => Given::Code(code.to_owned()),
            Proof::Recovery(code) => Given::Recovery(code.to_owned()),
            Proof::Passkey(answer) => Given::Passkey(Box::new(self.claim(answer, holder()?)?)),
        })
    }

    /// Does `work`, for who has a second factor and shows it.
    pub(crate) async fn change_second_factor(
        &self,
        permit: &Permit<AccountOwner>,
        given: Option<Given>,
        mut work: impl FnMut(&Connection<'_>, i64) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let id = permit.on.id;
        self.shown(permit, given, move |connection, is_on| {
            if !is_on {
                return Err(none());
            }
            work(connection, id)?;
            Ok(changed(connection)?)
        })
        .await?;
        self.noticed().await
    }

    /// Does `work`, which begins to set up what does not count yet, in the caller's own account. Who has a second factor shows it.
    pub(crate) async fn begin_second_factor(
        &self,
        permit: &Permit<AccountOwner>,
        given: Option<Given>,
        mut work: impl FnMut(&Connection<'_>, i64) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (id, is_shown) = (permit.on.id, given.is_some());
        self.shown(permit, given, move |connection, is_on| {
            // It may have been turned on or off a moment ago.
            match (is_on, is_shown) {
                (true, false) => Err(needed()),
                (false, true) => Err(none()),
                _ => work(connection, id),
            }
        })
        .await
    }

    /// Does `work`, which is told whether there is a second factor, unless what was shown for that is wrong.
    async fn shown(
        &self,
        permit: &Permit<AccountOwner>,
        given: Option<Given>,
        mut work: impl FnMut(&Connection<'_>, bool) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (id, name, address) = (permit.on.id, &permit.on.name, permit.caller().address);
        let (caller, target) = (permit.caller().clone(), name.clone());
        if given.is_some() {
            self.0.guessing.admit(Some(name), address)?;
        }
        let written = self.0.database.write(Durability::Power, move |connection| {
            let is_on = connection.exists(&tables::ASKS_SECOND_FACTOR, &[id.into()])?;
            if is_on
                && let Some(given) = &given
                && let Judged::Wrong(why) = prove(connection, id, given)?
            {
                AuditEntry::new(&caller, "second_factor.show", target.as_str(), false, why).write(connection)?;
                return Ok(Some(given.wrong()));
            }
            work(connection, is_on)?;
            Ok::<_, Error>(None)
        });
        match written.await? {
            Some(wrong) => {
                self.0.guessing.wrong(Some(name), address);
                Err(wrong)
            }
            None => Ok(()),
        }
    }

    pub(crate) async fn tell_second_factor(&self, name: &Name, change: SecondFactorChange) {
        self.tell(name, |account| Letter::SecondFactorChanged { account, change }).await;
    }

    pub(crate) async fn tell_recovery_code_used(&self, name: &Name, proved: Proved) {
        if let Proved::Recovery(left) = proved {
            self.tell_second_factor(name, SecondFactorChange::RecoveryCodeUsed { left }).await;
        }
    }
}

/// Takes what somebody shows, if it is right; then it is good no more.
pub(crate) fn prove(connection: &Connection<'_>, account: i64, given: &Given) -> Result<Judged, Error> {
    let proved = match given {
        Given::Code(code) => authenticator::prove(connection, account, code)?,
        Given::Recovery(code) => prove_recovery_code(connection, account, code)?,
        Given::Passkey(claim) => match passkey::judge(connection, claim, |whose, _| whose == account)? {
            Verdict::Right(_) => Some(Proved::Passkey),
            Verdict::Wrong(_, why) => return Ok(Judged::Wrong(why)),
            Verdict::Unknown => None,
        },
    };
    Ok(proved.map_or(Judged::Wrong(WRONG), Judged::Right))
}

fn prove_recovery_code(connection: &Connection<'_>, account: i64, code: &str) -> Result<Option<Proved>, Error> {
    let kept = recovery_codes(connection, account)?;
    let Some(hash) = RecoveryHash::find(code, account, &kept).and_then(|index| kept.get(index)) else {
        return Ok(None);
    };
    let taken = connection.execute(&tables::REMOVE_RECOVERY_CODE, &[account.into(), hash.as_kept().into()])?;
    Ok((taken > 0).then_some(Proved::Recovery(count(&kept).saturating_sub(1))))
}

/// Takes the recovery codes away of an account that has no second factor any more.
pub(crate) fn end_if_none_is_left(connection: &Connection<'_>, account: i64) -> Result<(), Error> {
    if !connection.exists(&tables::ASKS_SECOND_FACTOR, &[account.into()])? {
        connection.execute(&tables::REMOVE_RECOVERY_CODES, &[account.into()])?;
    }
    Ok(())
}

/// Whether an account has a second factor; who is known from elsewhere has it there.
pub(crate) fn has(connection: &Connection<'_>, account: i64) -> Result<bool, Error> {
    Ok(connection.exists(&tables::HAS_SECOND_FACTOR, &[account.into()])?)
}

fn none() -> Error {
    Error::Conflict("there is no second factor".to_owned())
}

/// What is said if nothing is shown.
fn needed() -> Error {
    Error::invalid("code", "a code is needed")
}

/// What is said of a code that is not right.
fn wrong() -> Error {
    Error::invalid("code", "it is not right, or was used already; codes change every 30 seconds")
}

fn recovery_codes(connection: &Connection<'_>, account: i64) -> Result<Vec<RecoveryHash>, Error> {
    connection.all(&tables::RECOVERY_CODES, &[account.into()], |row| RecoveryHash::from_kept(row.blob(0)?))
}

fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}

pub(crate) fn replace_recovery_codes(
    connection: &Connection<'_>,
    account: i64,
    codes: &[RecoveryCode],
) -> Result<(), Error> {
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

/// The session with which the caller asks about their own account. It has to be a browser: with a token that was found somebody could
/// otherwise shut its owner out.
pub(crate) fn in_session(permit: &Permit<AccountOwner>) -> Result<&str, Error> {
    own(permit)?;
    match permit.caller().credential() {
        Credential::Session(id) => Ok(id),
        _ => Err(Error::Denied("a second factor is set up with a browser".to_owned())),
    }
}

fn is_own(caller: &Caller, account: i64) -> bool {
    matches!(caller.principal(), Principal::Account { id, .. } if *id == account)
}

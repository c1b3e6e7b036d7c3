//! Authenticators: set up with a code of theirs, and taken away.

use std::time::SystemTime;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_mail::SecondFactorChange;

use super::recovery::RecoveryCode;
use super::totp::{AuthenticatorSecret, Step};
use super::{Proof, Proved, end_if_none_is_left, in_session, replace_recovery_codes, wrong};
use crate::memory::changed;
use crate::permit::{AccountOwner, Permit};
use crate::{Access, Error, tables};

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
    /// Begins to set up an authenticator for the caller's own account: a new secret, to be given to it. It counts once a code of it was
    /// shown ([`Access::confirm_authenticator`]). Whoever has another second factor shows it.
    ///
    /// # Errors
    /// [`Error::Denied`] for another's account, one that is known from elsewhere, or without a session; [`Error::Conflict`] if there is one;
    /// [`Error::Invalid`] if what is shown is wrong.
    pub async fn begin_authenticator(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Option<Proof<'_>>,
    ) -> Result<AuthenticatorSecret, Error> {
        let factor = self.own_second_factor(permit).await?;
        if factor.authenticator {
            return Err(there());
        }
        let given = if factor.is_on() { self.needed(permit, proof)? } else { None };
        let secret = AuthenticatorSecret::generate()?;
        let kept = secret.clone();
        self.begin_second_factor(permit, given, move |connection, id| {
            match connection.execute(&tables::SET_AUTHENTICATOR, &[id.into(), kept.to_keep().into()])? {
                0 => Err(there()),
                _ => Ok(()),
            }
        })
        .await?;
        Ok(secret)
    }

    /// Lets the authenticator count whose code is shown, and returns the recovery codes if it is the account's first second factor. From
    /// then on the password alone logs in nowhere.
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
        let (kept, entry) = (codes.clone(), permit.entry("second_factor.on", &permit.on.name, "authenticator"));
        let written = self.0.database.write(Durability::Power, move |connection| {
            let found = connection.first(&tables::AUTHENTICATOR, &[id.into()], Authenticator::read)?;
            let begun = found.filter(|found| !found.confirmed);
            let begun = begun.ok_or_else(|| Error::Conflict("begin with a new authenticator".to_owned()))?;
            let step = begun.secret.accept(&code, SystemTime::now(), None)?.ok_or_else(wrong)?;
            let is_first = !connection.exists(&tables::ASKS_SECOND_FACTOR, &[id.into()])?;
            let parameters = [Timestamp::now().into(), step.to_keep().into(), id.into()];
            connection.execute(&tables::CONFIRM_AUTHENTICATOR, &parameters)?;
            if is_first {
                replace_recovery_codes(connection, id, &kept)?;
            }
            entry.write(connection)?;
            changed(connection)?;
            Ok::<_, Error>(is_first)
        });
        let is_first = written.await?;
        self.noticed().await?;
        let change = if is_first { SecondFactorChange::TurnedOn } else { SecondFactorChange::AuthenticatorAdded };
        self.tell_second_factor(&permit.on.name, change).await;
        Ok(if is_first { codes.to_vec() } else { Vec::new() })
    }

    /// Takes the authenticator away. If there is no passkey either, there is no second factor from then on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`Access::remove_second_factor`].
    pub async fn remove_authenticator(
        &self,
        permit: &Permit<AccountOwner>,
        proof: Option<Proof<'_>>,
    ) -> Result<(), Error> {
        let given = self.needed(permit, proof)?;
        let entry = permit.entry("second_factor.remove", &permit.on.name, "authenticator");
        self.change_second_factor(permit, given, move |connection, id| {
            if connection.execute(&tables::REMOVE_AUTHENTICATOR, &[id.into()])? == 0 {
                return Err(Error::not_found("authenticator", "of this account"));
            }
            entry.write(connection)?;
            end_if_none_is_left(connection, id)
        })
        .await?;
        self.tell_second_factor(&permit.on.name, SecondFactorChange::AuthenticatorRemoved).await;
        Ok(())
    }
}

fn there() -> Error {
    Error::Conflict("there is an authenticator already; take it away first".to_owned())
}

/// Takes a code of an account's authenticator, if it is right.
pub(super) fn prove(connection: &Connection<'_>, account: i64, code: &str) -> Result<Option<Proved>, Error> {
    let found = connection.first(&tables::AUTHENTICATOR, &[account.into()], Authenticator::read)?;
    let Some(found) = found.filter(|found| found.confirmed) else { return Ok(None) };
    let Some(step) = found.secret.accept(code, SystemTime::now(), found.used)? else { return Ok(None) };
    let taken = connection.execute(&tables::USE_STEP, &[step.to_keep().into(), account.into()])?;
    Ok((taken > 0).then_some(Proved::Code))
}

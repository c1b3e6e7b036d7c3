//! A new password for who does not know theirs any more, by a link in a letter.
//!
//! Whoever asks hears the same after the same time, whether there is such an account or not: what is to be done is done after the answer.

use std::net::IpAddr;

use entrepot_database::Durability;
use entrepot_mail::{Address, Letter};

use crate::account::{LOCAL, find as find_account, replace_password};
use crate::audit::AuditEntry;
use crate::letters::in_letter;
use crate::link::{LinkKind, Matter, find as find_link, user};
use crate::memory::changed;
use crate::name::Name;
use crate::permit::{AccountOwner, Permit, System};
use crate::rules::stored;
use crate::secret::Secret;
use crate::{Access, Error, tables};

/// Accounts of one address that get a link.
const MAX_ACCOUNTS: i64 = 5;

impl Access {
    /// Writes to a confirmed address, with a link to a new password for each account that has it. Accounts whose password is elsewhere
    /// get none. Neither the answer nor its time says whether there is any.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no address; [`Error::TooMany`] if too much was asked for from `address`;
    /// [`Error::Unconfigured`] without a way for letters.
    pub async fn ask_for_reset(&self, email: &str, address: Option<IpAddr>) -> Result<(), Error> {
        let email: Address =
            email.trim().parse().map_err(|error: entrepot_mail::Error| Error::invalid("email", error))?;
        self.mailer()?;
        self.0.letters.admit_from(address)?;
        // Who got some has one that works. To refuse would let others keep the owner from asking.
        if self.0.letters.admit_to(email.as_ref()).is_err() {
            return Ok(());
        }
        let place = self.0.letters.place()?;
        let access = self.clone();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = access.write_resets(&email, address).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "somebody who forgot a password got no letter"
                );
            }
        });
        Ok(())
    }

    async fn write_resets(&self, email: &Address, address: Option<IpAddr>) -> Result<(), Error> {
        let text = email.to_string();
        let found = self.0.database.read(move |connection| {
            connection.all(&tables::ACCOUNTS_BY_EMAIL, &[(&text).into(), MAX_ACCOUNTS.into()], |row| {
                Ok::<_, Error>((row.integer(0)?, stored::<Name>(row.text(1)?)?))
            })
        });
        for (account, name) in found.await? {
            let asks = self.nobody(address);
            let entry = AuditEntry::new(&asks, "account.ask_for_reset", name.as_str(), true, "");
            let secret = self.reset_link_for(account, &name, entry).await?;
            let letter = Letter::ResetPassword {
                account: in_letter(name.as_str())?,
                link: self.link_for_letter(LinkKind::Reset, &secret)?,
                good_for: LinkKind::Reset.lifetime(),
            };
            self.send(email.as_ref(), &letter).await?;
        }
        Ok(())
    }

    /// A link to a new password for an account, to be handed to its owner by an administrator.
    ///
    /// # Errors
    /// [`Error::Conflict`] if its password is not kept here, or it is disabled.
    pub async fn reset_link(&self, _: &Permit<System>, permit: &Permit<AccountOwner>) -> Result<Secret, Error> {
        let account = self.account(permit).await?;
        if account.source != LOCAL || account.disabled_at.is_some() {
            return Err(Error::Conflict("the account has no password here, or is disabled".to_owned()));
        }
        let entry = permit.entry("account.reset_link", &permit.on.name, "");
        self.reset_link_for(permit.on.id, &permit.on.name, entry).await
    }

    async fn reset_link_for(&self, account: i64, name: &Name, entry: AuditEntry) -> Result<Secret, Error> {
        let secret = Secret::bare()?;
        let (kept, matter) = (secret.clone(), Matter::Reset { account, name: name.clone() });
        let written = self.0.database.write(Durability::Power, move |connection| {
            matter.write(connection, &kept, LinkKind::Reset.lifetime())?;
            entry.write(connection)
        });
        written.await?;
        Ok(secret)
    }

    /// Sets a new password by a link, and returns whose it is. Everything that was issued for the old one ends; a second factor stays, and
    /// is asked for at the next login. A letter tells whose it is.
    ///
    /// # Errors
    /// [`Error::LinkGone`]; [`Error::Invalid`] for the password, which uses nothing up.
    pub async fn reset_password(&self, secret: &str, password: &str, address: Option<IpAddr>) -> Result<Name, Error> {
        // Before the password is hashed, which costs.
        self.kept_link(LinkKind::Reset, secret).await?;
        let kept_password = self.0.passwords.hash(password).await?;
        let hash = Secret::hash_of(secret);
        let written = self.0.database.write(Durability::Power, move |connection| {
            let kept = find_link(connection, LinkKind::Reset, &hash)?;
            kept.take(connection)?;
            let Matter::Reset { account, name } = kept.matter else { return Err(Error::LinkGone) };
            let (_, now) = find_account(connection, &name)?;
            if now.source != LOCAL || now.disabled_at.is_some() {
                return Err(Error::LinkGone);
            }
            replace_password(connection, account, &kept_password)?;
            let caller = user(account, &name, address);
            AuditEntry::new(&caller, "account.reset", name.as_str(), true, "").write(connection)?;
            changed(connection)?;
            Ok(name)
        });
        let name = written.await?;
        self.noticed().await?;
        self.tell_password_changed(&name).await;
        Ok(name)
    }
}

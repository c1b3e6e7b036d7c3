//! Whether letters to the address of an account arrive. Until its owner has shown it, no link to a new password goes there: it may be
//! somebody else's.

use std::net::IpAddr;

use entrepot_database::{Durability, Timestamp};
use entrepot_mail::Letter;

use crate::account::{Account, LOCAL, find as find_account};
use crate::audit::AuditEntry;
use crate::letters::in_letter;
use crate::link::{LinkKind, Matter, find as find_link, user};
use crate::name::Name;
use crate::permit::{AccountOwner, Permit};
use crate::secret::Secret;
use crate::{Access, Error, tables};

impl Access {
    /// Writes to the address of an account, with a link that confirms it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is no address, or nothing to confirm; [`Error::TooMany`]; [`Error::Unconfigured`] without a way for
    /// letters; [`Error::Unavailable`] if the letter does not go out.
    pub async fn send_confirmation(&self, permit: &Permit<AccountOwner>) -> Result<(), Error> {
        self.mailer()?;
        let Account { email, email_confirmed, source, .. } = self.account(permit).await?;
        let email = email.ok_or_else(|| Error::Conflict("the account has no address yet".to_owned()))?;
        if email_confirmed || source != LOCAL {
            return Err(Error::Conflict("there is nothing to confirm".to_owned()));
        }
        self.0.letters.admit(&email, permit.caller().address)?;
        let owner = permit.on.clone();
        let secret = Secret::bare()?;
        let letter = Letter::ConfirmAddress {
            account: in_letter(owner.name.as_str())?,
            link: self.link_for_letter(LinkKind::Confirm, &secret)?,
            good_for: LinkKind::Confirm.lifetime(),
        };
        let entry = permit.entry("account.send_confirmation", &owner.name, &email);
        let matter = Matter::Confirm { account: owner.id, name: owner.name, email: email.clone() };
        let written = self.0.database.write(Durability::Power, move |connection| {
            matter.write(connection, &secret, LinkKind::Confirm.lifetime())?;
            entry.write(connection)
        });
        written.await?;
        self.send(&email, &letter).await
    }

    /// Writes to both addresses of an account that has another one now. If that cannot be done, nothing of the change is undone; the log
    /// says so.
    pub(crate) async fn tell_new_address(&self, permit: &Permit<AccountOwner>, before: &Account) {
        if self.0.options.mailer.is_none() {
            return;
        }
        self.tell_address_changed(before).await;
        self.ask_to_confirm(permit).await;
    }

    /// Writes to the address of an account that is new. If that cannot be done, the log says so.
    pub(crate) async fn ask_to_confirm(&self, permit: &Permit<AccountOwner>) {
        if let Err(error) = self.send_confirmation(permit).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, account = permit.on.name.as_str(), "nobody was asked to confirm the address");
        }
    }

    /// Confirms an address by the link that went there, and returns whose it is. Nobody needs to be logged in for it.
    ///
    /// # Errors
    /// [`Error::LinkGone`], also if the account has another address by now.
    pub async fn confirm_address(&self, secret: &str, address: Option<IpAddr>) -> Result<Name, Error> {
        let hash = Secret::hash_of(secret);
        let written = self.0.database.write(Durability::Power, move |connection| {
            let kept = find_link(connection, LinkKind::Confirm, &hash)?;
            kept.take(connection)?;
            let Matter::Confirm { account, name, email } = kept.matter else { return Err(Error::LinkGone) };
            let parameters = [Timestamp::now().into(), account.into(), (&email).into()];
            if connection.execute(&tables::CONFIRM_EMAIL, &parameters)? == 0 {
                return Err(Error::LinkGone);
            }
            let caller = user(account, &name, address);
            AuditEntry::new(&caller, "account.confirm", name.as_str(), true, &email).write(connection)?;
            find_account(connection, &name).map(|(_, account)| account.name)
        });
        written.await
    }
}

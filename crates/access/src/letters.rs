//! Letters to people: about their account, and with links that work once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_mail::{Address, Letter, Mailer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bucket::{Buckets, Pace};
use crate::link::{Asked, LinkKind, To};
use crate::name::Name;
use crate::secret::Secret;
use crate::{Access, Account, Error, account};

/// Letters that one address gets at once.
const TO_ONE: Pace = Pace { burst: 5.0, refill: Duration::from_secs(600) };
/// Letters that are asked for from one address.
const FROM_ONE: Pace = Pace { burst: 30.0, refill: Duration::from_secs(60) };
/// Letters that are written at one time after the answer was given.
const AT_ONCE: usize = 64;

/// How many letters may be asked for. Each process counts for itself.
pub(crate) struct Pacing {
    recipients: Buckets<String>,
    addresses: Buckets<IpAddr>,
    places: Arc<Semaphore>,
}

impl Pacing {
    pub(crate) fn new() -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { recipients: Buckets::new(TO_ONE), addresses: Buckets::new(FROM_ONE), places }
    }

    /// Whether a letter to `recipient` may be asked for from `address`, and counts it.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(crate) fn admit(&self, recipient: &str, address: Option<IpAddr>) -> Result<(), Error> {
        self.admit_from(address)?;
        self.admit_to(recipient)
    }

    pub(crate) fn admit_from(&self, address: Option<IpAddr>) -> Result<(), Error> {
        self.addresses.take_from(address)
    }

    pub(crate) fn admit_to(&self, recipient: &str) -> Result<(), Error> {
        self.recipients.take(&recipient.to_lowercase())
    }

    /// A place to write letters after the answer was given.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Error::TooMany { after: Duration::from_secs(5) })
    }
}

impl Access {
    /// The way for letters.
    ///
    /// # Errors
    /// [`Error::Unconfigured`].
    pub(crate) fn mailer(&self) -> Result<&Arc<Mailer>, Error> {
        let why = "this needs letters, and the registry cannot send any: its operator has to set mail.host";
        self.0.options.mailer.as_ref().ok_or_else(|| Error::Unconfigured(why.to_owned()))
    }

    /// A link as it stands in a letter.
    ///
    /// # Errors
    /// [`Error::Unconfigured`].
    pub(crate) fn link_for_letter(&self, kind: LinkKind, secret: &Secret) -> Result<entrepot_mail::Link, Error> {
        let why = "this needs a link, and the registry does not know where people reach it: its operator has to set \
                   http.public_url";
        let url = self.public_url().ok_or_else(|| Error::Unconfigured(why.to_owned()))?;
        url.at(&kind.path(secret)).parse().map_err(|error: entrepot_mail::Error| Error::Internal(error.to_string()))
    }

    /// Hands a letter to the mail server.
    ///
    /// # Errors
    /// [`Error::Unconfigured`]; [`Error::Unavailable`], about which the log says more.
    pub(crate) async fn send(&self, to: &str, letter: &Letter) -> Result<(), Error> {
        let to: Address = to.parse().map_err(|error: entrepot_mail::Error| Error::invalid("email", error))?;
        self.mailer()?.send(&to, letter).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, letter = letter.kind(), "a letter did not go out");
            Error::Unavailable("the mail server does not take the letter; try again later".to_owned())
        })
    }

    /// Writes to somebody about their account, if there is a way for letters and they have an address. A letter that does not go out
    /// changes nothing of what was done; the log says so.
    pub(crate) async fn tell(&self, name: &Name, letter: impl FnOnce(entrepot_mail::Name) -> Letter) {
        if self.0.options.mailer.is_none() {
            return;
        }
        let text = name.clone();
        let found = self.0.database.read(move |connection| account::find(connection, &text));
        let Ok((_, account)) = found.await else { return };
        let (Some(email), Ok(name)) = (account.email, in_letter(name.as_str())) else { return };
        // The log says what is wrong.
        drop(self.send(&email, &letter(name)).await);
    }

    /// Tells somebody that their password was changed.
    pub(crate) async fn tell_password_changed(&self, name: &Name) {
        self.tell(name, |account| Letter::PasswordChanged { account }).await;
    }

    /// Tells somebody that letters go elsewhere now, at the address where they went if it was theirs.
    pub(crate) async fn tell_address_changed(&self, before: &Account) {
        let old = before.email.as_ref().filter(|_| before.email_confirmed);
        let (Some(old), Ok(account)) = (old, in_letter(before.name.as_str())) else { return };
        // The log says what is wrong.
        drop(self.send(old, &Letter::AddressChanged { account }).await);
    }

    /// Writes to whom an invitation is to.
    ///
    /// # Errors
    /// As [`Access::send`].
    pub(crate) async fn tell_invitation(&self, asked: &Asked, secret: &Secret) -> Result<(), Error> {
        let letter = Letter::Invitation {
            inviter: in_letter(&asked.inviter)?,
            organization: in_letter(asked.organization_name.as_str())?,
            team: asked.team.as_ref().map(|(_, team)| in_letter(team.as_str())).transpose()?,
            link: self.link_for_letter(LinkKind::Invitation, secret)?,
            good_for: LinkKind::Invitation.lifetime(),
        };
        match &asked.to {
            To::Email(email) => self.send(email, &letter).await,
            // Who has no address, or gets no letter, sees it when they log in.
            To::Account(_, name) => {
                self.tell(name, |_| letter).await;
                Ok(())
            }
        }
    }
}

/// A name as it stands in a letter.
///
/// # Errors
/// It has something in it that letters cannot have.
pub(crate) fn in_letter(name: &str) -> Result<entrepot_mail::Name, Error> {
    name.parse().map_err(|error: entrepot_mail::Error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_few() {
        let pacing = Pacing::new();
        let (here, there) = (Some("192.0.2.1".parse().unwrap()), Some("198.51.100.1".parse().unwrap()));
        for _ in 0..5 {
            pacing.admit("ann@acme.example", here).unwrap();
        }
        assert!(pacing.admit("Ann@Acme.example", there).is_err(), "one gets so many, whoever asks");
        for number in 0..25 {
            pacing.admit(&format!("{number}@acme.example"), here).unwrap();
        }
        assert!(pacing.admit("ben@acme.example", here).is_err(), "from one place so many are asked for");
        pacing.admit("ben@acme.example", there).unwrap();
        pacing.admit("eve@acme.example", None).unwrap();
    }
}

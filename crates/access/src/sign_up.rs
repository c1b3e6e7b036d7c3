//! Accounts that people make for themselves, where that is allowed.
//!
//! An account is made when its owner has shown that letters to their address arrive, and not before: nobody takes names for addresses
//! that are not theirs, and there is no account that may only do half of what others may. Until then what they asked for is kept with
//! the link.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use entrepot_database::{Durability, Timestamp};
use entrepot_mail::Letter;

use crate::account::{Newcomer, add as add_account, checked_email};
use crate::audit::AuditEntry;
use crate::joining::{Joined, Joining};
use crate::letters::in_letter;
use crate::link::{LinkKind, Matter, find as find_link, user};
use crate::memory::changed;
use crate::secret::Secret;
use crate::{Access, Error, tables};

/// Who may make an account for themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignUp {
    /// Nobody: administrators make accounts, and invitations do.
    #[default]
    Nobody,
    /// Everybody who can be written to.
    Anybody,
    /// Who can be written to at one of these domains, in small letters.
    Domains(Vec<String>),
}

/// A text that does not say who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has to be off, on, or domains with spaces between")]
pub struct InvalidSignUp;

impl SignUp {
    /// Whether somebody with this address may.
    ///
    /// # Errors
    /// [`Error::Denied`] if nobody may; [`Error::Invalid`] for an address elsewhere.
    fn admit(&self, email: &str) -> Result<(), Error> {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        match self {
            Self::Nobody => {
                Err(Error::Denied("nobody makes an account for themselves here; ask an administrator".to_owned()))
            }
            Self::Domains(domains) if !domains.iter().any(|known| known == domain) => {
                Err(Error::invalid("email", format!("it has to be an address at {}", domains.join(" or "))))
            }
            Self::Anybody | Self::Domains(_) => Ok(()),
        }
    }
}

impl Access {
    /// Who may make an account for themselves.
    pub fn sign_up_allowed(&self) -> &SignUp {
        &self.0.options.sign_up
    }

    /// Asks for an account: a letter goes to the address, and its link makes it. What was asked for before with the same name and
    /// address gives way to it.
    ///
    /// # Errors
    /// [`Error::Denied`] if nobody may; [`Error::Invalid`] for the address or the password; [`Error::Exists`] for the name;
    /// [`Error::TooMany`]; [`Error::Unconfigured`] without a way for letters; [`Error::Unavailable`] if the letter does not go out.
    pub async fn sign_up(&self, newcomer: Newcomer, email: &str, address: Option<IpAddr>) -> Result<(), Error> {
        let email = checked_email(email)?;
        self.0.options.sign_up.admit(&email)?;
        self.mailer()?;
        self.0.letters.admit(&email, address)?;
        let Newcomer { name, password } = newcomer;
        let password = self.0.passwords.hash(&password).await?;
        let secret = Secret::bare()?;
        let letter = Letter::ConfirmAddress {
            account: in_letter(name.as_str())?,
            link: self.link_for_letter(LinkKind::SignUp, &secret)?,
            good_for: LinkKind::SignUp.lifetime(),
        };
        let entry = AuditEntry::new(&self.nobody(address), "account.ask", name.as_str(), true, &email);
        let matter = Matter::SignUp { name: name.clone(), email: email.clone(), password };
        let written = self.0.database.write(Durability::Power, move |connection| {
            if connection.exists(&tables::NAMESPACE, &[name.as_str().into()])? {
                return Err(Error::exists("a person or organization", &name));
            }
            matter.write(connection, &secret, LinkKind::SignUp.lifetime())?;
            entry.write(connection)
        });
        written.await?;
        self.send(&email, &letter).await
    }

    /// Makes the account that somebody asked for, by the link that went to their address, and logs them in.
    ///
    /// # Errors
    /// [`Error::LinkGone`]; [`Error::Exists`] if somebody else has the name by now; [`Error::Denied`] or [`Error::Invalid`] if nobody, or
    /// nobody with this address, may any longer.
    pub async fn finish_sign_up(&self, secret: &str, joining: Joining) -> Result<Joined, Error> {
        let (hash, allowed, arriving) = (Secret::hash_of(secret), self.0.options.sign_up.clone(), joining.clone());
        let written = self.0.database.write(Durability::Power, move |connection| {
            let kept = find_link(connection, LinkKind::SignUp, &hash)?;
            kept.take(connection)?;
            let Matter::SignUp { name, email, password } = kept.matter else { return Err(Error::LinkGone) };
            allowed.admit(&email)?;
            let id = add_account(connection, &name, Some(&email), Some(&password), false)?;
            connection.execute(&tables::CONFIRM_EMAIL, &[Timestamp::now().into(), id.into(), (&email).into()])?;
            let caller = user(id, &name, arriving.address);
            AuditEntry::new(&caller, "account.sign_up", name.as_str(), true, &email).write(connection)?;
            arriving.enter(connection, id, &name)?;
            changed(connection)?;
            Ok(name)
        });
        let name = written.await?;
        self.noticed().await?;
        Ok(joining.joined(name))
    }
}

impl FromStr for SignUp {
    type Err = InvalidSignUp;

    fn from_str(text: &str) -> Result<Self, InvalidSignUp> {
        let is_domain =
            |text: &str| text.contains('.') && format!("x@{text}").parse::<entrepot_mail::Address>().is_ok();
        match text {
            "off" => Ok(Self::Nobody),
            "on" => Ok(Self::Anybody),
            domains => {
                let domains: Vec<String> = domains.split_whitespace().map(str::to_lowercase).collect();
                let all = !domains.is_empty() && domains.iter().all(|domain| is_domain(domain));
                if all { Ok(Self::Domains(domains)) } else { Err(InvalidSignUp) }
            }
        }
    }
}

impl fmt::Display for SignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("off"),
            Self::Anybody => f.write_str("on"),
            Self::Domains(domains) => f.write_str(&domains.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may() {
        for (text, who) in [
            ("off", SignUp::Nobody),
            ("on", SignUp::Anybody),
            ("acme.example", SignUp::Domains(vec!["acme.example".to_owned()])),
        ] {
            assert_eq!(text.parse::<SignUp>().unwrap(), who);
            assert_eq!(who.to_string(), text);
        }
        assert_eq!("Acme.example  b.example".parse::<SignUp>().unwrap().to_string(), "acme.example b.example");
        for text in ["", " ", "yes", "acme", "ann@acme.example", "acme.example, b.example", "*.acme.example/"] {
            assert_eq!(text.parse::<SignUp>(), Err(InvalidSignUp), "{text}");
        }
    }
}

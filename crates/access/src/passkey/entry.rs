//! How somebody comes in with a passkey alone, and how one is asked for after the password.

use std::net::IpAddr;

use entrepot_database::{Durability, Timestamp};

use super::challenge::Holder;
use super::options::PasskeyOptions;
use super::{Verdict, judge};
use crate::audit::AuditEntry;
use crate::entry::person;
use crate::link::user;
use crate::secret::Secret;
use crate::session::{Beginning, Evidence, Visit};
use crate::{Access, Error, tables};

impl Access {
    /// What a browser is told in which somebody wants to come in with a passkey. Whose it is the passkey says.
    ///
    /// `browser` is something that this browser alone has.
    ///
    /// # Errors
    /// [`Error::TooMany`]; [`Error::Unconfigured`]; what the database said.
    pub async fn ask_passkey(&self, browser: &str, address: Option<IpAddr>) -> Result<PasskeyOptions, Error> {
        let party = self.relying_party()?;
        let challenge = self.write_challenge(Holder::log_in(browser), address).await?;
        Ok(PasskeyOptions::show_any(&party, &challenge))
    }

    /// What the browser of somebody is told whose password was right, and who may show a passkey now; nothing if they have none.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if `waiting` is good no more; [`Error::TooMany`]; what the database said.
    pub async fn ask_passkey_after_password(
        &self,
        waiting: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<PasskeyOptions>, Error> {
        let Ok(party) = self.relying_party() else { return Ok(None) };
        let hash = Secret::hash_of(waiting);
        let found = self.0.database.read(move |connection| {
            let parameters = [(&hash[..]).into(), Timestamp::now().into()];
            connection.first(&tables::HALF_LOGIN, &parameters, |row| Ok::<_, Error>(row.integer(0)?))
        });
        let account = found.await?.ok_or(Error::Unauthenticated)?;
        self.ask_one_of(party, account, Holder::second_factor(waiting), address).await
    }

    /// Lets somebody in by a passkey that knows who touched it, and gives the secret of their session. `browser` is what [`Access::ask_passkey`] was given.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], whatever is wrong; [`Error::TooMany`] after too many that were; [`Error::Unconfigured`].
    pub async fn log_in_with_passkey(&self, browser: &str, answer: &str, visit: &Visit) -> Result<Secret, Error> {
        let address = visit.address;
        self.0.guessing.admit(None, address)?;
        let claim = match self.claim(answer, Holder::log_in(browser)) {
            Ok(claim) if claim.shown.user_handle().is_some() => claim,
            Err(error @ Error::Unconfigured(_)) => return Err(error),
            _ => return Err(Error::Unauthenticated),
        };
        let secret = Secret::bare()?;
        let beginning = Beginning::new(&secret, Evidence::Passkey, visit);
        let written = self.0.database.write(Durability::Power, move |connection| {
            let verdict = judge(connection, &claim, |_, verified| verified)?;
            let (id, wrong) = match verdict {
                Verdict::Right(id) => (id, None),
                Verdict::Wrong(id, why) => (id, Some(why)),
                Verdict::Unknown => return Ok(None),
            };
            let Some(who) = person(connection, id)? else { return Ok(None) };
            let caller = user(id, &who.name, address);
            if let Some(why) = wrong {
                AuditEntry::new(&caller, "login", who.name.as_str(), false, why).write(connection)?;
                return Ok(None);
            }
            beginning.log_in(connection, &caller, id, &who.name)?;
            Ok::<_, Error>(Some(who.name))
        });
        let Some(name) = written.await? else {
            self.0.guessing.wrong(None, address);
            return Err(Error::Unauthenticated);
        };
        self.0.guessing.right(Some(&name), address);
        Ok(secret)
    }
}

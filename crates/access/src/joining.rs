//! Who makes an account by a link in a browser is logged in there at once. They have no second factor yet that could be asked for. A link
//! to a new password logs nobody in: the account may have one.

use std::net::IpAddr;

use entrepot_database::Connection;

use crate::Error;
use crate::link::user;
use crate::name::Name;
use crate::secret::Secret;
use crate::session::{Beginning, Evidence, Visit};

/// From where somebody comes who makes an account by a link, and the session that begins with it.
#[derive(Clone, Default)]
pub struct Joining {
    pub(crate) address: Option<IpAddr>,
    session: Option<(Secret, Beginning)>,
}

/// Somebody who has made an account by a link.
pub struct Joined {
    /// What the account is called.
    pub name: Name,
    /// The secret of their session, if they came with a browser.
    pub session: Option<Secret>,
}

impl Joining {
    /// With a program, which logs in by itself when it has to.
    pub fn of_program(address: Option<IpAddr>) -> Self {
        Self { address, session: None }
    }

    /// With a browser, which is to be logged in.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn of_browser(visit: &Visit) -> Result<Self, Error> {
        let secret = Secret::bare()?;
        let beginning = Beginning::new(&secret, Evidence::Link, visit);
        Ok(Self { address: visit.address, session: Some((secret, beginning)) })
    }

    /// Logs in whoever has just made an account.
    pub(crate) fn enter(&self, connection: &Connection<'_>, account: i64, name: &Name) -> Result<(), Error> {
        let Some((_, beginning)) = &self.session else { return Ok(()) };
        beginning.log_in(connection, &user(account, name, self.address), account, name)
    }

    /// Who it is now.
    pub(crate) fn joined(self, name: Name) -> Joined {
        Joined { name, session: self.session.map(|(secret, _)| secret) }
    }
}

//! Challenges: what a passkey has to sign, once, in the browser and for the purpose for which it was made.

use std::time::Duration;

use entrepot_database::{Connection, Timestamp};
use sha2::{Digest, Sha256};

use crate::secret::{Secret, SecretHash};
use crate::session::later;
use crate::{Error, tables};

/// How long an answer is waited for.
pub(super) const WAITS: Duration = Duration::from_secs(300);

/// For whom and what a challenge was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder([u8; 32]);

impl Holder {
    fn of(purpose: &[u8], text: &str) -> Self {
        Self(Sha256::new().chain_update(purpose).chain_update(b"\0").chain_update(text).finalize().into())
    }

    /// A browser in which somebody wants to come in, by what its forms have.
    pub(crate) fn log_in(browser: &str) -> Self {
        Self::of(b"log in", browser)
    }

    /// Somebody whose password was right, by the secret that says so.
    pub(crate) fn second_factor(waiting: &str) -> Self {
        Self::of(b"second factor", waiting)
    }

    /// Somebody who changes their second factor in this session.
    pub(crate) fn again(session: &str) -> Self {
        Self::of(b"again", session)
    }

    /// Somebody who makes a passkey in this session.
    pub(crate) fn making(session: &str) -> Self {
        Self::of(b"making", session)
    }
}

/// Writes a challenge. Those that nobody answered in time go.
pub(super) fn write(connection: &Connection<'_>, challenge: &Secret, holder: Holder) -> Result<(), Error> {
    let now = Timestamp::now();
    connection.execute(&tables::REMOVE_EXPIRED_PASSKEY_CHALLENGES, &[now.into()])?;
    let hash = challenge.hash();
    let parameters = [(&hash[..]).into(), (&holder.0[..]).into(), later(now, WAITS).into()];
    connection.execute(&tables::ADD_PASSKEY_CHALLENGE, &parameters)?;
    Ok(())
}

/// Takes a challenge, whether or not what came with it is right; and says whether there was one.
pub(super) fn take(connection: &Connection<'_>, challenge: &SecretHash, holder: Holder) -> Result<bool, Error> {
    let parameters = [(&challenge[..]).into(), (&holder.0[..]).into(), Timestamp::now().into()];
    Ok(connection.execute(&tables::TAKE_PASSKEY_CHALLENGE, &parameters)? > 0)
}

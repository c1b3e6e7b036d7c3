//! The way to a provider: what is kept until the browser comes back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Durability, Timestamp};
use entrepot_identity::provider::Pending;
use uuid::Uuid;

use super::{Door, not_begun_here};
use crate::secret::Secret;
use crate::session::later;
use crate::{Access, Error, tables};

/// How long somebody may take at their provider.
pub(super) const WAITS: Duration = Duration::from_secs(600);

/// A browser that is to be sent to a provider.
#[derive(Debug)]
pub struct Departure {
    /// Where to.
    pub url: String,
    /// What it has to show when it comes back.
    pub browser: Secret,
}

impl Access {
    /// Begins a login at the provider `name`. Afterwards the browser wants to go to `next`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`] if the provider does not answer; [`Error::TooMany`].
    pub async fn begin_provider_login(
        &self,
        name: &str,
        next: &str,
        address: Option<IpAddr>,
    ) -> Result<Departure, Error> {
        let door = self.0.doors.find(name)?;
        self.0.doors.admit(address)?;
        let url = self.0.options.public_url.as_ref().ok_or_else(|| {
            Error::Unconfigured("http.public_url is not set, and the provider sends people back to it".to_owned())
        })?;
        let callback = url.at(&door.provider.name.callback_path());
        let scopes: Vec<_> = door.provider.scopes.iter().map(String::as_str).collect();
        let begun = door.login.begin(&callback, &scopes).await;
        let (url, pending) = begun.map_err(|refused| self.turned_away(door, &refused, address))?;
        let browser = Secret::bare()?;
        self.keep_departure(door, &pending, &browser, next).await?;
        Ok(Departure { url, browser })
    }

    async fn keep_departure(&self, door: &Door, pending: &Pending, browser: &Secret, next: &str) -> Result<(), Error> {
        let kept = serde_json::to_string(pending).map_err(|error| Error::Internal(error.to_string()))?;
        let (state, browser) = (Secret::hash_of(pending.state()), browser.hash());
        let (provider, next) = (door.provider.name.clone(), next.to_owned());
        let written = self.0.database.write(Durability::Process, move |connection| {
            let now = Timestamp::now();
            connection.execute(&tables::REMOVE_EXPIRED_DEPARTURES, &[now.into()])?;
            let id = Uuid::now_v7().to_string();
            let parameters = [
                (&id).into(),
                (&state[..]).into(),
                (&browser[..]).into(),
                provider.as_str().into(),
                (&kept).into(),
                (&next).into(),
                later(now, WAITS).into(),
            ];
            Ok::<_, Error>(connection.execute(&tables::ADD_DEPARTURE, &parameters).map(|_| ())?)
        });
        written.await
    }

    /// Takes what was kept of a login that was begun in this browser: the first answer to it has it, and no other.
    ///
    /// # Errors
    /// [`Error::Denied`] if there is none.
    pub(super) async fn take_departure(
        &self,
        door: &Arc<Door>,
        state: &str,
        browser: &str,
    ) -> Result<(Pending, String), Error> {
        let (state, browser) = (Secret::hash_of(state), Secret::hash_of(browser));
        let name = door.provider.name.clone();
        let found = self.0.database.read(move |connection| {
            let parameters =
                [(&state[..]).into(), (&browser[..]).into(), name.as_str().into(), Timestamp::now().into()];
            connection.first(&tables::DEPARTURE, &parameters, |row| {
                let pending: Pending = serde_json::from_str(row.text(0)?).map_err(|_| Error::damaged("a departure"))?;
                Ok::<_, Error>((pending, row.text(1)?.to_owned()))
            })
        });
        let departure = found.await?.ok_or_else(not_begun_here)?;
        // Only who finds it gets so far, so nobody else makes the registry write.
        let taken = self.0.database.write(Durability::Process, move |connection| {
            connection.execute(&tables::REMOVE_DEPARTURE, &[(&state[..]).into()])
        });
        match taken.await? {
            0 => Err(not_begun_here()),
            _ => Ok(departure),
        }
    }
}

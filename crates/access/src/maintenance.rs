//! Maintenance: the registry only serves pulls for a while, and says why.

use crate::account::checked_text;
use crate::permit::{Permit, System};
use crate::{Access, Error};

/// What those who push are told if nothing else is said.
const MESSAGE: &str = "this registry is being looked after: pulls go on, and pushes work again when it is done";

impl Access {
    /// Refuses every change from now on, on every replica, with `message` for those who push; pulls and logins go on. Called
    /// again, it changes the message. Returns what it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a message of more than a line; what the database said, also that it is being moved.
    pub async fn begin_maintenance(&self, permit: &Permit<System>, message: Option<&str>) -> Result<String, Error> {
        let message = match message.map(str::trim) {
            None | Some("") => MESSAGE.to_owned(),
            Some(message) => checked_text("message", message)?,
        };
        // Tokens are signed meanwhile, and the first key could not be made any more.
        self.0.keys.get(&self.0.memory, &self.0.database).await?;
        let entry = permit.entry("maintenance.begin", "registry", &message);
        self.0.database.stop_writes(&message, move |connection| entry.write(connection)).await?;
        Ok(message)
    }

    /// Lets changes go on.
    ///
    /// # Errors
    /// What the database said, also that it is being moved.
    pub async fn end_maintenance(&self, permit: &Permit<System>) -> Result<(), Error> {
        let entry = permit.entry("maintenance.end", "registry", "");
        self.0.database.allow_writes(move |connection| entry.write(connection)).await
    }

    /// What those who push are told; `None` if they may.
    ///
    /// # Errors
    /// What the database said.
    pub async fn maintenance(&self, _: &Permit<System>) -> Result<Option<String>, Error> {
        Ok(self.0.database.writes_stopped().await?)
    }
}

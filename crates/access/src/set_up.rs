//! The first administrator, by a link that is shown to whoever starts the registry.

use entrepot_database::{Connection, Durability};

use crate::account::{Newcomer, add as add_account, checked_email};
use crate::audit::AuditEntry;
use crate::joining::{Joined, Joining};
use crate::link::{LinkKind, Matter, find as find_link, user};
use crate::memory::changed;
use crate::secret::Secret;
use crate::{Access, Error, tables};

impl Access {
    /// The secret of a new link to make the first administrator; none if there is one. The link before it ends: of several replicas
    /// that start, the last one's works.
    ///
    /// # Errors
    /// What the database said.
    pub async fn set_up_link(&self) -> Result<Option<Secret>, Error> {
        let secret = Secret::bare()?;
        let kept = secret.clone();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let wanted = !is_governed(connection)?;
            if wanted {
                Matter::SetUp.write(connection, &kept, LinkKind::SetUp.lifetime())?;
            }
            Ok::<_, Error>(wanted)
        });
        Ok(written.await?.then_some(secret))
    }

    /// Makes the first administrator by the link, and logs them in. Their address has still to be confirmed.
    ///
    /// # Errors
    /// [`Error::LinkGone`], also if there is an administrator by now; [`Error::Exists`] for the name; [`Error::Invalid`] for the password
    /// or the address.
    pub async fn set_up(
        &self,
        secret: &str,
        newcomer: Newcomer,
        email: Option<&str>,
        joining: Joining,
    ) -> Result<Joined, Error> {
        // Before the password is hashed, which costs.
        self.kept_link(LinkKind::SetUp, secret).await?;
        let email = email.map(checked_email).transpose()?;
        let has_address = email.is_some();
        let password = self.0.passwords.hash(&newcomer.password).await?;
        let (hash, name, arriving) = (Secret::hash_of(secret), newcomer.name.clone(), joining.clone());
        let written = self.0.database.write(Durability::Power, move |connection| {
            let kept = find_link(connection, LinkKind::SetUp, &hash)?;
            kept.take(connection)?;
            if is_governed(connection)? {
                return Err(Error::LinkGone);
            }
            let id = add_account(connection, &name, email.as_deref(), Some(&password), true)?;
            let caller = user(id, &name, arriving.address);
            AuditEntry::new(&caller, "account.set_up", name.as_str(), true, "administrator").write(connection)?;
            arriving.enter(connection, id, &name)?;
            Ok(changed(connection)?)
        });
        written.await?;
        self.noticed().await?;
        if has_address && self.0.options.mailer.is_some() {
            self.ask_to_confirm(&self.permit_account(&Self::operator(), &newcomer.name).await?).await;
        }
        Ok(joining.joined(newcomer.name))
    }
}

/// Whether somebody governs the registry.
fn is_governed(connection: &Connection<'_>) -> Result<bool, Error> {
    Ok(connection.exists(&tables::ANY_ADMINISTRATOR, &[])?)
}

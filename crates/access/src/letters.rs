//! Letters to people about their account.

use entrepot_mail::{Address, Letter};

use crate::name::Name;
use crate::{Access, account};

impl Access {
    /// Tells somebody that their password was changed, if there is a way for letters and they have an address. A letter that does not
    /// go out changes nothing of what was done; the log says so.
    pub(crate) async fn tell_password_changed(&self, name: &Name) {
        let Some(mailer) = &self.0.options.mailer else { return };
        let text = name.clone();
        let found = self.0.database.read(move |connection| account::find(connection, &text));
        let Ok((_, account)) = found.await else { return };
        let Some(address) = account.email.and_then(|email| email.parse::<Address>().ok()) else { return };
        let Ok(account) = name.as_str().parse() else { return };
        if let Err(error) = mailer.send(&address, &Letter::PasswordChanged { account }).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, account = name.as_str(), "nobody was told that the password was changed");
        }
    }
}

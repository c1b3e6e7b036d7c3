//! Logging a client out: what it got in place of a password ends (RFC 7009).

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Principal};
use crate::holder::TokenKind;
use crate::{Access, Error};

impl Access {
    /// Ends the token of a client that was logged in, on every replica within a second. To have it is enough: whoever has it can do no
    /// less harm otherwise. One that was never there, or is gone, is ended already.
    ///
    /// # Errors
    /// [`Error::Denied`] for a token that its owner has made themselves: it may be in use elsewhere, so they end it; what the database
    /// said.
    pub async fn log_out(&self, token: &str, address: Option<IpAddr>) -> Result<(), Error> {
        let (_, found) = self.holder_by_hash(token).await?;
        let Some((who, kind)) = found else { return Ok(()) };
        let (Principal::Account { id, name, .. }, Credential::Token(token), TokenKind::Login | TokenKind::Device) =
            (&who.principal, &who.credential, kind)
        else {
            return Err(Error::Denied("whoever has made this token ends it, and logging out does not".to_owned()));
        };
        let (owner, name, token) = (*id, name.clone(), token.clone());
        let caller = Caller::new(Arc::new(who), address);
        let entry = AuditEntry::new(&caller, "logout", name.as_str(), true, "");
        match self.revoke_token(owner, &token, entry).await {
            // Somebody was faster.
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}

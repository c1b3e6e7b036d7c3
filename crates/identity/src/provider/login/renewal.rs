//! Asking a provider about somebody while they are away (OpenID Connect Core 1.0, section 12).

use std::time::SystemTime;

use super::exchange::{self, Tokens};
use super::{Login, SignedIn};
use crate::Secret;
use crate::provider::claims::Claims;
use crate::provider::refused::Refused;
use crate::provider::verify::Expected;

impl Login {
    /// Asks who `subject` is at the time `now`, with what came of their login or of the last renewal.
    ///
    /// What takes the place of `renewal` comes first, if the provider gave such a thing. It is to be kept whatever comes of the rest: the
    /// one before may be good no more.
    ///
    /// # Errors
    /// [`Refused::Ended`] if the provider answers for them no longer; otherwise it cannot be asked, or not be understood.
    pub async fn renew(
        &self,
        renewal: &Secret,
        subject: &str,
        now: SystemTime,
    ) -> (Option<Secret>, Result<SignedIn, Refused>) {
        match exchange::by_renewal(self, renewal).await {
            Ok(tokens) => (tokens.renewal(), self.still_signed_in(&tokens, subject, now).await),
            Err(refused) => (None, Err(refused)),
        }
    }

    async fn still_signed_in(&self, tokens: &Tokens, subject: &str, now: SystemTime) -> Result<SignedIn, Refused> {
        let Some(token) = tokens.id_token() else {
            // There is nothing to be completed: this is all that the provider says.
            let told = exchange::userinfo(self, tokens, subject).await?;
            let told = told.ok_or_else(|| self.issuer.unavailable("its answer has no identity token"))?;
            return self.made_of(Claims::told(self.issuer.url().as_str(), subject, told), tokens);
        };
        // The nonce of the login may be in it or not (section 12.2); what says that it is an answer to us is that it came from there.
        let expected = Expected::audience(&self.registration.client_id);
        let claims = self.issuer.verify(token, &expected, now).await?;
        if claims.subject() != subject {
            return Err(Refused::claim("sub", "is another than when the person logged in"));
        }
        self.signed_in(claims, tokens).await
    }
}

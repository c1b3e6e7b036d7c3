//! Logging in with a browser: the authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636, RFC 9700).

mod check;
mod exchange;
mod logout;
mod pending;
mod person;
mod registration;
mod renewal;

use std::time::SystemTime;

use reqwest::Url;
use serde::Deserialize;

use self::exchange::Tokens;
pub use self::logout::LoggedOut;
pub use self::pending::Pending;
pub use self::registration::{ClaimNames, Registration, SecretIn};
use super::claims::Claims;
use super::discovery::OFFLINE_ACCESS;
use super::issuer::Issuer;
use super::refused::Refused;
use super::shown::Shown;
use super::verify::Expected;
use crate::{Person, Secret};

/// The longest code that is sent on, in bytes.
const MAX_CODE_BYTES: usize = 8 * 1024;

/// Logging in at one provider, where we are registered, and asking it later whether that still holds.
#[derive(Debug, Clone)]
pub struct Login {
    issuer: Issuer,
    registration: Registration,
}

/// What a browser brings back from the provider: the query of the redirect URI.
#[derive(Clone, Default, Deserialize)]
pub struct Answer {
    /// What is exchanged for a token.
    pub code: Option<String>,
    /// The state that the browser was sent away with.
    pub state: Option<String>,
    /// The provider's name for itself (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who it is.
    pub person: Person,
    /// All that the provider says of them: the claims of the identity token, and those that the provider adds elsewhere.
    pub claims: Claims,
    /// What [`Login::renew`] takes, if the provider gave such a thing. It takes the place of the one before.
    pub renewal: Option<Secret>,
}

impl Login {
    /// Logging in at `issuer`, as we are registered there.
    pub fn new(issuer: Issuer, registration: Registration) -> Self {
        Self { issuer, registration }
    }

    /// Begins a login: where to send the browser, and what to keep for when it comes back.
    ///
    /// `scopes` are asked for beside `openid`, and `offline_access` where the provider has that. It has to know `redirect_uri`.
    ///
    /// # Errors
    /// The provider cannot be asked where that is, or nobody logs in there.
    pub async fn begin(&self, redirect_uri: &str, scopes: &[&str]) -> Result<(String, Pending), Refused> {
        let known = self.issuer.known().await?;
        let mut url = self.endpoint(known.discovery.authorization.as_ref(), "authorization")?;
        let pending = Pending::new(redirect_uri);
        let mut scope = vec!["openid"];
        let offline = known.discovery.offers_offline_access.then_some(OFFLINE_ACCESS);
        for name in scopes.iter().copied().chain(offline) {
            if !scope.contains(&name) {
                scope.push(name);
            }
        }
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", pending.state())
            .append_pair("nonce", pending.nonce())
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        if let Some(prompt) = &self.registration.prompt {
            url.query_pairs_mut().append_pair("prompt", prompt);
        }
        Ok((url.into(), pending))
    }

    /// Ends a login at the time `now` with what the browser brought back. `pending` is good for one time.
    ///
    /// # Errors
    /// Why nobody is logged in.
    pub async fn finish(&self, answer: &Answer, pending: Pending, now: SystemTime) -> Result<SignedIn, Refused> {
        let code = self.code(answer, &pending).await?;
        let tokens = exchange::by_code(self, code, &pending).await?;
        let expected = Expected::audience(&self.registration.client_id).nonce(pending.nonce());
        let token = tokens.id_token().ok_or_else(|| self.issuer.unavailable("its answer has no identity token"))?;
        let claims = self.issuer.verify(token, &expected, now).await?;
        self.signed_in(claims, &tokens).await
    }

    /// Who it is, by the claims that came with `tokens` and what the provider adds to them.
    async fn signed_in(&self, mut claims: Claims, tokens: &Tokens) -> Result<SignedIn, Refused> {
        let names = &self.registration.claims;
        if !person::is_complete(claims.all(), names)
            && let Some(more) = exchange::userinfo(self, tokens, claims.subject()).await?
        {
            claims = claims.completed_by(more);
        }
        self.made_of(claims, tokens)
    }

    /// Who it is, by these claims alone.
    fn made_of(&self, claims: Claims, tokens: &Tokens) -> Result<SignedIn, Refused> {
        let person = person::person(&claims, &self.registration.claims)?;
        Ok(SignedIn { person, claims, renewal: tokens.renewal() })
    }

    /// The code, if this is the answer to the login that was begun.
    async fn code<'a>(&self, answer: &'a Answer, pending: &Pending) -> Result<&'a str, Refused> {
        if !pending.is_answered_by(answer.state.as_deref().unwrap_or_default()) {
            return Err(Refused::State);
        }
        // A code of one provider must not be sent to another (RFC 9700, section 4.4).
        let names_itself = self.issuer.known().await?.discovery.names_itself;
        let other = || Refused::OtherProvider { issuer: self.issuer.url().to_string() };
        match answer.iss.as_deref() {
            Some(issuer) if issuer != self.issuer.url().as_str() => return Err(other()),
            None if names_itself => return Err(other()),
            _ => {}
        }
        if let Some(error) = &answer.error {
            return Err(self.refusal(error, answer.error_description.as_deref()));
        }
        let code = answer.code.as_deref().unwrap_or_default();
        if code.is_empty() || code.len() > MAX_CODE_BYTES {
            return Err(Refused::Malformed("the provider's answer has no code"));
        }
        Ok(code)
    }

    fn endpoint(&self, url: Option<&Url>, endpoint: &'static str) -> Result<Url, Refused> {
        url.cloned().ok_or_else(|| Refused::NoEndpoint { issuer: self.issuer.url().to_string(), endpoint })
    }

    fn refusal(&self, error: &str, description: Option<&str>) -> Refused {
        let said = match description {
            Some(description) => format!("{} ({})", Shown(error), Shown(description)),
            None => Shown(error).to_string(),
        };
        Refused::Provider { issuer: self.issuer.url().to_string(), said }
    }
}

impl std::fmt::Debug for Answer {
    /// Without the code, which is good for a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("iss", &self.iss).field("error", &self.error).finish_non_exhaustive()
    }
}

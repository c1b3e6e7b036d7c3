//! Who looks at a page.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrepot_access::{Caller, Error, Name, Principal, Shown, Visit};
use hmac::{Hmac, KeyInit, Mac};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Uri};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Web;
use super::cookie::Cookie;
use super::failure::Failure;
use super::next::Next;
use crate::origin::Origin;

/// Somebody with a browser.
pub(super) struct Visitor {
    /// Who they are, by the session of their cookie.
    pub(super) caller: Caller,
    /// From where they come.
    pub(super) address: Option<IpAddr>,
    /// What their browser calls itself.
    agent: String,
    /// Where they have reached the registry.
    pub(super) origin: Origin,
    /// Which page they want.
    pub(super) uri: Uri,
    /// Where they are, if that is a page to come back to.
    here: Next,
    /// Whether anybody can log in.
    pub(super) accounts: bool,
    /// The secret that their browser shares with us: of their session or, if they are not logged in, of the browser alone.
    key: String,
    /// Whether the browser has still to be given it.
    is_new: bool,
}

impl Visitor {
    async fn of(parts: &Parts, web: &Web) -> Result<Self, Failure> {
        let address = web.proxies.client_of(&parts.extensions, &parts.headers);
        let origin = Origin::of_parts(parts, &web.proxies);
        let accounts = web.access.has_accounts().await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let agent = agent.to_owned();
        let (caller, (key, is_new)) = match session(parts, web, &origin, address).await? {
            Some((caller, secret)) => (caller, (secret, false)),
            None => (web.access.nobody(address), visit(&parts.headers, &origin)?),
        };
        let uri = parts.uri.clone();
        let here =
            if parts.method == Method::GET { uri.path_and_query().map_or("/", PathAndQuery::as_str) } else { "/" };
        let here = Next::wanted(here);
        Ok(Self { caller, address, agent, origin, uri, here, accounts, key, is_new })
    }

    /// From where they come, and with what, for a session to be.
    pub(super) fn visit(&self) -> Visit {
        Visit { address: self.address, agent: self.agent.clone() }
    }

    /// Their name, if they are logged in.
    pub(super) fn name(&self) -> Option<&Name> {
        match self.caller.principal() {
            Principal::Account { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Their name.
    ///
    /// # Errors
    /// [`Failure::LogIn`], which leads back to the page.
    pub(super) fn person(&self) -> Result<&Name, Failure> {
        self.name().ok_or_else(|| Failure::LogIn(self.here.clone()))
    }

    /// What their forms have to have: nobody else can know it, and it tells nothing of the secret.
    pub(super) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.mac())
    }

    /// Whether `token` is of a form that this browser was shown.
    pub(super) fn has_shown(&self, token: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        bool::from(given.ct_eq(&self.mac()))
    }

    fn mac(&self) -> Vec<u8> {
        // Cannot fail: a key of any length will do.
        let mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes());
        mac.map(|mac| mac.chain_update(b"form").finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// The cookie that their browser has still to be given.
    pub(super) fn cookie(&self) -> Option<HeaderValue> {
        if self.is_new { Cookie::Visit.set(&self.key, self.origin.is_https()) } else { None }
    }
}

/// Who a browser's session is of, and its secret. One that has ended is as good as none.
async fn session(
    parts: &Parts,
    web: &Web,
    origin: &Origin,
    address: Option<IpAddr>,
) -> Result<Option<(Caller, String)>, Error> {
    let Some(secret) = Cookie::Session.read(&parts.headers, origin.is_https()) else { return Ok(None) };
    match web.access.identify(Shown::Session(secret), address).await {
        Ok(caller) => Ok(Some((caller, secret.to_owned()))),
        Err(Error::Unauthenticated) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The secret of a browser in which nobody is logged in, and whether it is new.
fn visit(headers: &HeaderMap, origin: &Origin) -> Result<(String, bool), Error> {
    if let Some(key) = Cookie::Visit.read(headers, origin.is_https()) {
        return Ok((key.to_owned(), false));
    }
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| Error::Internal(format!("no random numbers: {error}")))?;
    Ok((URL_SAFE_NO_PAD.encode(bytes), true))
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failure> {
        Self::of(parts, web).await
    }
}

//! Tokens, from Swift's own login or from Keystone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use opendal::{Buffer, HttpTransporter};
use reqsign_core::time::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::tidy;
use super::SwiftLogin;
use crate::error::Error;
use crate::objects::failure::{explained, failure};

const OPERATION: &str = "log in to";
const PATIENCE: Duration = Duration::from_secs(20);
/// A token that ends within this time is renewed, as what is begun with it may take as long.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// A token, and where it leads.
#[derive(Debug)]
pub(super) struct Token {
    /// Marked as sensitive.
    pub(super) text: HeaderValue,
    pub(super) storage_url: String,
    /// From when on it is to be renewed.
    renew: Option<Instant>,
}

/// Gets tokens, and keeps the last one. Who asks while one is being got waits for it.
#[derive(Debug)]
pub(super) struct Tokens {
    http: HttpTransporter,
    login: SwiftLogin,
    region: Option<String>,
    last: Mutex<Option<Arc<Token>>>,
}

impl Tokens {
    pub(super) fn new(http: HttpTransporter, login: SwiftLogin, region: Option<String>) -> Self {
        Self { http, login, region, last: Mutex::default() }
    }

    /// One that holds for a while.
    pub(super) async fn current(&self) -> Result<Arc<Token>, Error> {
        let mut last = self.last.lock().await;
        let Some(token) = &*last else { return self.renew(&mut last).await };
        if token.renew.is_none_or(|renew| Instant::now() < renew) {
            return Ok(Arc::clone(token));
        }
        let old = Arc::clone(token);
        match self.renew(&mut last).await {
            // The margin is there so that a login that is away for a moment hurts nobody.
            Err(error) if error.is_temporary() => {
                tracing::warn!(%error, "a token of Swift is about to end and cannot be renewed");
                Ok(old)
            }
            result => result,
        }
    }

    /// Another one than `refused`.
    pub(super) async fn instead_of(&self, refused: &Token) -> Result<Arc<Token>, Error> {
        let mut last = self.last.lock().await;
        match &*last {
            Some(token) if token.text != refused.text => Ok(Arc::clone(token)),
            _ => self.renew(&mut last).await,
        }
    }

    async fn renew(&self, last: &mut Option<Arc<Token>>) -> Result<Arc<Token>, Error> {
        let token = Arc::new(self.log_in().await?);
        *last = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn log_in(&self) -> Result<Token, Error> {
        match &self.login {
            SwiftLogin::V1 { user, key, .. } => {
                let request = Request::get(self.login.address()).header("x-auth-user", user).header(
                    "x-auth-key",
                    sensitive(key.expose_secret()).ok_or_else(|| self.odd("the key has odd characters"))?,
                );
                let response = self.send(request.body(Buffer::new())).await?;
                self.read_v1(response.headers())
            }
            SwiftLogin::Password { user, password, project, .. } => {
                let identity = json!({ "methods": ["password"], "password": { "user": {
                    "name": user.0, "domain": { "name": user.1 }, "password": password.expose_secret() } } });
                let scope = json!({ "project": { "name": project.0, "domain": { "name": project.1 } } });
                self.keystone(&json!({ "auth": { "identity": identity, "scope": scope } })).await
            }
            SwiftLogin::Application { id, secret, .. } => {
                let identity = json!({ "methods": ["application_credential"],
                    "application_credential": { "id": id, "secret": secret.expose_secret() } });
                self.keystone(&json!({ "auth": { "identity": identity } })).await
            }
        }
    }

    fn read_v1(&self, headers: &HeaderMap) -> Result<Token, Error> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let token = text("x-auth-token").or_else(|| text("x-storage-token"));
        let token = token.and_then(sensitive).ok_or_else(|| self.odd("the answer has no X-Auth-Token"))?;
        let url = text("x-storage-url").ok_or_else(|| self.odd("the answer has no X-Storage-Url"))?;
        let seconds = text("x-auth-token-expires").and_then(|seconds| seconds.parse().ok());
        Ok(Token { text: token, storage_url: tidy(url), renew: seconds.map(|s| renew_after(Duration::from_secs(s))) })
    }

    async fn keystone(&self, body: &Value) -> Result<Token, Error> {
        let request = Request::post(format!("{}/auth/tokens", tidy(self.login.address())))
            .header("content-type", "application/json")
            .body(Buffer::from(body.to_string()));
        let response = self.send(request).await?;
        let token = response.headers().get("x-subject-token").and_then(|token| token.to_str().ok()).and_then(sensitive);
        let token = token.ok_or_else(|| self.odd("the answer has no X-Subject-Token"))?;
        let answer: Answer = serde_json::from_slice(&response.body().to_bytes())
            .map_err(|error| self.odd(&format!("the answer is not understood: {error}")))?;
        let url = answer.storage_url(self.region.as_deref());
        let url = url.ok_or_else(|| self.odd("its catalogue has no public object store in this region"))?;
        let expires = answer.token.expires_at.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        let left =
            expires.map(|time| Duration::from_secs((time.as_second() - Timestamp::now().as_second()).max(0) as u64));
        Ok(Token { text: token, storage_url: tidy(url), renew: left.map(renew_after) })
    }

    async fn send(&self, request: http::Result<Request<Buffer>>) -> Result<Response<Buffer>, Error> {
        let request = request.map_err(|error| self.odd(&error.to_string()))?;
        let answer = tokio::time::timeout(PATIENCE, self.http.send(request)).await;
        let response = answer.map_err(|_| Error::Unavailable(self.explain("it did not answer in time")))?;
        let response = response.map_err(|error| failure(OPERATION, self.login.address(), &error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(Error::Denied(self.explain(&format!("{status}: it does not take the user or the secret"))))
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Error::Unavailable(self.explain(&status.to_string())))
            }
            status => Err(self.odd(&status.to_string())),
        }
    }

    fn odd(&self, why: &str) -> Error {
        Error::Io(self.explain(why))
    }

    fn explain(&self, why: &str) -> crate::error::Failure {
        explained(OPERATION, self.login.address(), why)
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Before the end of a token that lives for `left`, but not at once again if it is short.
fn renew_after(left: Duration) -> Instant {
    Instant::now() + left.saturating_sub(MARGIN).max(left / 2)
}

/// What Keystone answers.
#[derive(Deserialize)]
struct Answer {
    token: Scope,
}

#[derive(Deserialize)]
struct Scope {
    expires_at: Option<String>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    r#type: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    region: Option<String>,
    url: String,
}

impl Answer {
    fn storage_url(&self, region: Option<&str>) -> Option<&str> {
        let stores = self.token.catalog.iter().filter(|service| service.r#type == "object-store");
        let fits = |endpoint: &&Endpoint| {
            endpoint.interface == "public" && region.is_none_or(|region| endpoint.region.as_deref() == Some(region))
        };
        stores.flat_map(|service| &service.endpoints).find(fits).map(|endpoint| endpoint.url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_read() {
        let answer: Answer = serde_json::from_value(json!({ "token": {
            "expires_at": "2026-01-01T00:00:00.000000Z",
            "catalog": [
                { "type": "identity", "endpoints": [{ "interface": "public", "region": "one", "url": "http://no" }] },
                { "type": "object-store", "endpoints": [
                    { "interface": "admin", "region": "one", "url": "http://admin" },
                    { "interface": "public", "region": "one", "url": "http://one" },
                    { "interface": "public", "region": "two", "url": "http://two" } ] } ] } }))
        .unwrap();
        assert_eq!(answer.storage_url(None), Some("http://one"));
        assert_eq!(answer.storage_url(Some("two")), Some("http://two"));
        assert_eq!(answer.storage_url(Some("three")), None);
        assert!(answer.token.expires_at.unwrap().parse::<Timestamp>().is_ok());
    }

    #[test]
    fn tokens_are_renewed_before_they_end() {
        let day = Duration::from_secs(86_400);
        let after = renew_after(day) - Instant::now();
        assert!(after < day - MARGIN && after > day - 2 * MARGIN, "{after:?}");
        let after = renew_after(Duration::from_secs(60)) - Instant::now();
        assert!(after <= Duration::from_secs(30), "{after:?}");
    }
}

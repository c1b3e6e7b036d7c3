//! Requests to a registry, with whatever it wants to see.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use reqwest::header::{ACCEPT, LINK, RANGE, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::login::{Login, UpstreamAddress, may_take_secrets};
use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, an answer has broken off.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is sent that gets no answer.
const ATTEMPTS: u32 = 4;
/// What is waited for before it is sent again, and twice that each time after.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A registry that is asked; clones share what it was shown.
#[derive(Clone)]
pub(super) struct Asked(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    address: UpstreamAddress,
    login: Option<Login>,
    /// What was shown last with success, for each repository.
    shown: Mutex<HashMap<String, Shown>>,
}

#[derive(Clone)]
enum Shown {
    Password,
    Token(String),
}

/// What a token service says; some say it under both names.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Asked {
    pub(super) fn new(address: UpstreamAddress, login: Option<Login>, ca_file: Option<&Path>) -> Result<Self, Error> {
        if login.is_some() && !address.takes_secrets() {
            return Err(Error::NoSource(format!(
                "{address} is not encrypted, so no password is sent there: use https://"
            )));
        }
        let client = match ca_file {
            Some(path) => trusting(path)?.build(),
            // Without encryption no certificate has to be checked, but where a redirect leads.
            None if !address.is_encrypted() => {
                let ours = || builder().no_proxy();
                ours().build().or_else(|_| ours().tls_certs_only([]).build())
            }
            None => builder().build(),
        };
        let client = client.map_err(|error| Error::NoSource(format!("cannot ask {address}: {}", explained(&error))))?;
        Ok(Self(Arc::new(Inner { client, address, login, shown: Mutex::default() })))
    }

    /// What is there; `None` if it says that nothing is.
    pub(super) async fn get(&self, target: &str, accept: &str) -> Result<Option<Response>, Error> {
        self.found(Method::GET, target, accept).await
    }

    /// The same without its content.
    pub(super) async fn head(&self, target: &str, accept: &str) -> Result<Option<Response>, Error> {
        self.found(Method::HEAD, target, accept).await
    }

    /// The bytes of something from one on.
    pub(super) async fn from(&self, target: &str, first: u64) -> Result<Response, Error> {
        let answer = self.ask(target, || {
            let request = self.0.client.get(self.0.address.url(target));
            if first == 0 { request } else { request.header(RANGE, format!("bytes={first}-")) }
        });
        let answer = answer.await?;
        let wanted = if first == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
        if answer.status() == wanted { Ok(answer) } else { Err(self.unreadable(target, answer.status())) }
    }

    /// All of an answer, of at most `limit` bytes.
    pub(super) async fn content(&self, mut answer: Response, limit: u64) -> Result<Bytes, Error> {
        let mut content = BytesMut::new();
        let target = answer.url().path().to_owned();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreadable(&target, explained(&error)))? {
            if (content.len() + chunk.len()) as u64 > limit {
                return Err(self.unreadable(&target, format!("it has more than {limit} bytes")));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content.freeze())
    }

    pub(super) fn unreadable(&self, target: &str, why: impl std::fmt::Display) -> Error {
        Error::unreadable(self.0.address.url(target), why)
    }

    pub(super) fn no_source(&self, why: impl std::fmt::Display) -> Error {
        Error::NoSource(format!("cannot import from {}: {why}", self.0.address))
    }

    async fn found(&self, method: Method, target: &str, accept: &str) -> Result<Option<Response>, Error> {
        let answer = self.ask(target, || {
            let request = self.0.client.request(method.clone(), self.0.address.url(target));
            if accept.is_empty() { request } else { request.header(ACCEPT, accept) }
        });
        let answer = answer.await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.no_source(format!(
                "it does not let us read {target} ({}): say as whom, with --username and --password-file",
                answer.status()
            ))),
            status => Err(self.unreadable(target, status)),
        }
    }

    /// Sends a request, and again with what is wanted to be seen.
    async fn ask(&self, target: &str, request: impl Fn() -> RequestBuilder) -> Result<Response, Error> {
        let repository = repository_of(target);
        let shown = self.0.shown.lock().get(repository).cloned();
        let answer = self.send(target, || self.showing(request(), shown.as_ref())).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // Whoever else a redirect leads to has no say in what is shown, and where.
        let ours = self.0.address.is_origin_of(answer.url());
        let wanted = header(&answer, WWW_AUTHENTICATE.as_str()).filter(|_| ours).map(str::to_owned);
        let Some(wanted) = wanted else { return Ok(answer) };
        let Some(shown) = self.credential(&wanted).await? else { return Ok(answer) };
        let answer = self.send(target, || self.showing(request(), Some(&shown))).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            self.0.shown.lock().insert(repository.to_owned(), shown);
        }
        Ok(answer)
    }

    /// Sends a request, and again if the line breaks.
    async fn send(&self, what: &str, request: impl Fn() -> RequestBuilder) -> Result<Response, Error> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            if let Ok(answer) = request().send().await {
                return Ok(answer);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        // Without an answer it is away, and that for everything.
        request().send().await.map_err(|error| self.no_source(format!("{what}: {}", explained(&error))))
    }

    fn showing(&self, request: RequestBuilder, shown: Option<&Shown>) -> RequestBuilder {
        match (shown, &self.0.login) {
            (Some(Shown::Token(token)), _) => request.bearer_auth(token),
            (Some(Shown::Password), Some(login)) => request.basic_auth(&login.name, Some(&login.password)),
            _ => request,
        }
    }

    /// What a challenge wants to see; `None` if there is nothing to show.
    async fn credential(&self, challenge: &str) -> Result<Option<Shown>, Error> {
        let Some((scheme, rest)) = challenge.split_once(' ') else { return Ok(None) };
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(self.0.login.as_ref().map(|_| Shown::Password));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(None);
        }
        let parameters = parameters(rest);
        let Some(realm) = parameters.get("realm").and_then(|realm| realm.parse::<Url>().ok()) else { return Ok(None) };
        let query: Vec<_> =
            ["service", "scope"].into_iter().filter_map(|name| Some((name, *parameters.get(name)?))).collect();
        let mut realm = realm;
        realm.query_pairs_mut().extend_pairs(query);
        let login = self.0.login.as_ref().filter(|_| may_take_secrets(&realm));
        let asked = || {
            let request = self.0.client.get(realm.clone());
            match login {
                Some(login) => request.basic_auth(&login.name, Some(&login.password)),
                None => request,
            }
        };
        let answer = self.send("its token service", asked).await?;
        if answer.status() != StatusCode::OK {
            return Ok(None);
        }
        let content = self.content(answer, 1024 * 1024).await?;
        let token: Token =
            serde_json::from_slice(&content).map_err(|error| self.no_source(format!("its token service: {error}")))?;
        Ok(token.token.or(token.access_token).map(Shown::Token))
    }
}

fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // Bytes of blobs may be elsewhere; what is shown does not go there.
        .redirect(Policy::limited(5))
        .referer(false)
}

/// Trusts the certificates in a file, and no others.
fn trusting(path: &Path) -> Result<ClientBuilder, Error> {
    let failed = |why: String| Error::NoSource(format!("cannot use {}: {why}", path.display()));
    let content = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&content).map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is no certificate in it".to_owned()));
    }
    Ok(builder().tls_certs_only(certificates))
}

/// A header as text.
pub(super) fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Where a list goes on (RFC 8288): a path, or an address whose path counts.
pub(super) fn next_page(answer: &Response) -> Option<String> {
    let link = header(answer, LINK.as_str())?;
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    if !rest.contains("next") {
        return None;
    }
    let next = answer.url().join(target).ok()?;
    let query = next.query().map(|query| format!("?{query}")).unwrap_or_default();
    next.path().starts_with("/v2/").then(|| format!("{}{query}", next.path()))
}

/// The part of a target that a credential is for.
fn repository_of(target: &str) -> &str {
    let rest = target.strip_prefix("/v2/").unwrap_or(target);
    ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .iter()
        .find_map(|middle| rest.split_once(middle).map(|(name, _)| name))
        .unwrap_or_default()
}

/// The parameters of a challenge (RFC 9110, section 11.3).
fn parameters(text: &str) -> HashMap<&str, &str> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"').and_then(|value| value.split_once('"')) {
            Some((value, after)) => (value, after),
            None => value.split_once(',').unwrap_or((value, "")),
        };
        found.insert(name.trim().trim_start_matches(',').trim(), value);
        rest = after;
    }
    found
}

/// The innermost cause, without the address: that may be signed.
pub(super) fn explained(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_have_parameters() {
        let found = parameters(
            r#"realm="https://auth.acme.example/token",service="registry",scope="repository:a/b:pull,push""#,
        );
        assert_eq!(found["realm"], "https://auth.acme.example/token");
        assert_eq!(found["scope"], "repository:a/b:pull,push");
        assert_eq!(parameters("realm=x, service=y")["service"], "y");
    }

    #[test]
    fn a_credential_is_for_a_repository() {
        assert_eq!(repository_of("/v2/acme/app/manifests/v1"), "acme/app");
        assert_eq!(repository_of("/v2/acme/app/tags/list?n=5"), "acme/app");
        assert_eq!(repository_of("/v2/_catalog?n=500"), "");
    }
}

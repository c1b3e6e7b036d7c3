//! How providers are asked.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, RequestBuilder, StatusCode, Url};

/// The longest answer that is read, in bytes. Key sets with certificates have some 20 KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The HTTP client for all providers; a clone is the same client.
///
/// It follows no redirect: a provider is what answers at its own address, and a redirect would take a code, a secret or a
/// token to another one. That is why it is made here and not merely handed in.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

/// What a provider answered, of bounded size.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// With the trusted certificates, proxies and user agent of `builder`.
    ///
    /// # Errors
    /// The builder cannot make a client.
    pub fn new(builder: ClientBuilder) -> Result<Self, reqwest::Error> {
        builder.redirect(Policy::none()).referer(false).build().map(Self)
    }

    /// That trusts the system's authorities and those in `ca_file`. The roots are given explicitly: left to itself, the library
    /// refuses to start on a machine without any.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate; one sentence.
    pub fn trusting(ca_file: Option<&Path>) -> Result<Self, String> {
        let system = rustls_native_certs::load_native_certs().certs;
        // One that is not understood would not have matched anyway.
        let mut roots: Vec<_> = system.iter().flat_map(|certificate| Certificate::from_der(certificate)).collect();
        if let Some(path) = ca_file {
            let unusable = |why: String| format!("{}: {why}", path.display());
            let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
            let own = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
            if own.is_empty() {
                return Err(unusable("it has no certificate".to_owned()));
            }
            roots.extend(own);
        }
        let builder = reqwest::Client::builder().user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")));
        Self::new(builder.tls_certs_only(roots)).map_err(|error| error.to_string())
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.0.get(url).header("accept", "application/json")
    }

    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.0.post(url).header("accept", "application/json")
    }
}

/// Sends a request and reads its answer, in `longest` altogether; says in a few words why that is not possible.
pub(super) async fn send(request: RequestBuilder, longest: Duration) -> Result<Reply, String> {
    let mut response = request.timeout(longest).send().await.map_err(|error| explain(&error))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(format!("it answers with a redirect ({}), which is not followed", status.as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("its answer has more than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, body })
}

/// Without the URL, which may have a code in it.
fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_none() { "the request failed".to_owned() } else { cause.to_string() }
}

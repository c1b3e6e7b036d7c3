//! A registry that is asked over the network.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};

use crate::answer::{Answer, Refusal};
use crate::credential::Credential;
use crate::error::Error;
use crate::server::Server;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one request with its answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer that is read, in bytes. A page of a list has a few hundred KiB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A registry elsewhere, and what is shown to it.
#[derive(Debug)]
pub(crate) struct There {
    client: reqwest::Client,
    server: Server,
    credential: Credential,
}

impl There {
    pub(crate) fn new(server: Server, credential: Credential, ca_file: Option<&Path>) -> Result<Self, Error> {
        // A redirect would take the token elsewhere.
        let builder = reqwest::Client::builder()
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .referer(false);
        let client = trusting(builder, &server, ca_file)?.build();
        let client = client.map_err(|error| Error::Unreachable { server: server.to_string(), why: explain(&error) })?;
        Ok(Self { client, server, credential })
    }

    /// Who is asked.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Answer, Error> {
        let (head, body) = request.into_parts();
        let url = self.server.url(&head.uri.to_string()).map_err(|why| self.no_answer(why))?;
        let mut headers = head.headers;
        if let Some(value) = self.credential.value() {
            headers.insert(AUTHORIZATION, value.clone());
        }
        // A request without content says so where content is expected.
        let body = (!body.is_empty() || head.method != Method::GET).then_some(body);
        let request = self.client.request(head.method, url).headers(headers);
        let sent = body.into_iter().fold(request, reqwest::RequestBuilder::body).send().await;
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(self.no_answer(format!("it sends elsewhere ({status}), where the token is not to go")));
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if content.len() + chunk.len() > MAX_ANSWER {
                return Err(self.no_answer(format!("its answer has more than {MAX_ANSWER} bytes")));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, content: content.into() })
    }

    /// What the registry would not do.
    pub(crate) fn refused(&self, refusal: Refusal) -> Error {
        let Refusal { unauthenticated, of_api, sentence } = refusal;
        if !of_api {
            return self.no_answer(sentence);
        }
        if unauthenticated && self.credential.value().is_none() {
            return Error::Refused(format!(
                "{} wants to know who asks: put a token into ENTREPOT_TOKEN, or name its file with --token-file",
                self.server
            ));
        }
        Error::Refused(sentence)
    }

    pub(crate) fn no_answer(&self, why: String) -> Error {
        Error::NoAnswer { server: self.server.to_string(), why }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        Error::Unreachable { server: self.server.to_string(), why: explain(error) }
    }
}

/// Certificates are checked against those in `ca_file`, and without one against the system's. Without encryption there is nothing
/// to check, and no proxy may come between.
fn trusting(builder: ClientBuilder, server: &Server, ca_file: Option<&Path>) -> Result<ClientBuilder, Error> {
    if !server.is_encrypted() {
        return Ok(builder.tls_certs_only([]).no_proxy());
    }
    let Some(path) = ca_file else { return Ok(builder) };
    let content = fs::read(path).map_err(|error| Error::file(path, error))?;
    let certificates = Certificate::from_pem_bundle(&content).map_err(|error| Error::file(path, error))?;
    if certificates.is_empty() {
        return Err(Error::file(path, "there is no certificate in it"));
    }
    Ok(builder.tls_certs_only(certificates))
}

/// The cause, without the URL, which may have names in it.
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

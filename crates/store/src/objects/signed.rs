//! Requests to S3 and OSS that the library has no call for, signed here.

use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, StatusCode};
use opendal::raw::ServiceOperation;
use opendal::{Buffer, HttpTransporter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_core::Signer;
use serde::Deserialize;

use super::failure::{explained, failure};
use crate::error::Error;

/// What stays as it is in a path or query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
const PATIENCE: Duration = Duration::from_secs(60);

/// A bucket, and by whose rules requests to it are signed.
#[derive(Debug)]
pub(crate) struct Signed {
    http: HttpTransporter,
    signing: Signing,
    /// The bucket's address, without a slash at its end.
    address: String,
}

/// By whose rules.
#[derive(Clone, Debug)]
pub(crate) enum Signing {
    S3(Signer<reqsign_aws_v4::Credential>),
    Oss(Signer<reqsign_aliyun_oss::Credential>),
    /// For addresses alone.
    Azure(Signer<reqsign_azure_storage::Credential>),
}

impl Signing {
    /// Signs a request; with `valid_for`, in its address, for anybody who has that.
    pub(super) async fn sign(&self, parts: &mut Parts, valid_for: Option<Duration>) -> Result<(), String> {
        let signed = match self {
            Self::S3(signer) => signer.sign(parts, valid_for).await,
            Self::Oss(signer) => signer.sign(parts, valid_for).await,
            Self::Azure(signer) => signer.sign(parts, valid_for).await,
        };
        // The rest of what it says may have more in it than is good for a log.
        signed.map_err(|error| format!("the request cannot be signed ({}); look at the credentials", error.kind()))
    }
}

impl Signed {
    pub(super) fn new(http: HttpTransporter, signing: Signing, address: String) -> Self {
        Self { http, signing, address }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether the addresses of this store must be signed here: of OSS the library knows only an older way, of Azure one
    /// that permits too much.
    pub(super) fn signs_addresses(&self) -> bool {
        matches!(self.signing, Signing::Oss(_) | Signing::Azure(_))
    }

    /// Whether the store keeps what is unfinished, and lists it.
    pub(super) fn lists_unfinished(&self) -> bool {
        matches!(self.signing, Signing::Oss(_) | Signing::S3(_))
    }

    /// An address at which anybody can read the object at `path` for so long.
    pub(super) async fn url(&self, path: &str, valid_for: Duration) -> Result<String, Error> {
        let invalid = |why: String| Error::Io(explained("sign an address of", &self.address, why));
        let address = format!("{}/{}", self.address, encoded(path));
        // What is signed for Azure is container and blob, wherever the server is.
        let signed_for = match (&self.signing, self.address.rsplit_once('/')) {
            (Signing::Azure(_), Some((_, container))) => format!("https://azure.invalid/{container}/{}", encoded(path)),
            _ => address.clone(),
        };
        let request = Request::get(signed_for).body(());
        let (mut parts, ()) = request.map_err(|error| invalid(error.to_string()))?.into_parts();
        self.signing.sign(&mut parts, Some(valid_for)).await.map_err(invalid)?;
        Ok(format!("{address}?{}", parts.uri.query().unwrap_or_default()))
    }

    /// Sends a request without a body; `rest` is what follows the bucket's address.
    pub(super) async fn send(
        &self,
        method: Method,
        rest: &str,
        name: &'static str,
        operation: &'static str,
    ) -> Result<(StatusCode, String), Error> {
        let invalid = |why: String| Error::Io(explained(operation, &self.address, why));
        let uri = format!("{}{rest}", self.address);
        let request = Request::builder().method(method).uri(uri).extension(ServiceOperation(name)).body(());
        let (mut parts, ()) = request.map_err(|error| invalid(error.to_string()))?.into_parts();
        self.signing.sign(&mut parts, None).await.map_err(invalid)?;
        let request = Request::from_parts(parts, Buffer::new());
        let response = tokio::time::timeout(PATIENCE, self.http.send(request)).await;
        let response = response.map_err(|_| {
            let why = format!("no answer within {} seconds", PATIENCE.as_secs());
            Error::Unavailable(explained(operation, &self.address, why))
        })?;
        let response = response.map_err(|error| failure(operation, &self.address, &error))?;
        let body = String::from_utf8_lossy(&response.body().to_bytes()).into_owned();
        Ok((response.status(), body))
    }

    pub(super) fn refused(&self, operation: &'static str, status: StatusCode, body: &str) -> Error {
        /// The answer of S3 and OSS to what they refuse.
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        struct Refusal {
            code: String,
            message: String,
        }
        let Refusal { code, message } = quick_xml::de::from_str(body).unwrap_or_default();
        let failure = explained(operation, &self.address, format!("{status} {code} {message}").trim_end());
        match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Error::Denied(failure),
            StatusCode::NOT_FOUND => Error::Missing(failure),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Error::Unavailable(failure)
            }
            _ => Error::Io(failure),
        }
    }
}

/// As a part of a path or query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

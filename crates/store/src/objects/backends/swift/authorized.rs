//! Gives every request to Swift a token that holds: the library knows only one that never changes.

use http::{HeaderName, Request, Response, StatusCode};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter};

use super::token::Tokens;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Sends by another transport, with the current token.
pub(super) struct Authorized {
    inner: HttpTransporter,
    tokens: Tokens,
}

impl Authorized {
    pub(super) fn new(inner: HttpTransporter, tokens: Tokens) -> Self {
        Self { inner, tokens }
    }
}

impl HttpTransport for Authorized {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        let token = self.tokens.current().await.map_err(denied)?;
        let mut first = request.clone();
        first.headers_mut().insert(X_AUTH_TOKEN, token.text.clone());
        let response = self.inner.fetch(first).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // It was revoked, or the store has forgotten it: memcached lost it, or was restarted.
        let token = self.tokens.instead_of(&token).await.map_err(denied)?;
        let mut second = request;
        second.headers_mut().insert(X_AUTH_TOKEN, token.text.clone());
        self.inner.fetch(second).await
    }
}

fn denied(error: crate::Error) -> Error {
    let kind =
        if matches!(error, crate::Error::Denied(_)) { ErrorKind::PermissionDenied } else { ErrorKind::Unexpected };
    Error::new(kind, "no token from Swift's login").with_temporary(error.is_temporary()).set_source(error)
}

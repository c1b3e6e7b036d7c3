//! What is wrong, in the form of OAuth (RFC 6749, section 5.2).

use axum::Json;
use axum::response::{IntoResponse, Response};
use entrepot_access::Error;
use entrepot_database::Kind;
use http::{StatusCode, header};
use serde_json::json;

use crate::v2::error::STOPPED_RETRY;

/// Why something is not done.
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    description: String,
    /// When it is worth another try, in seconds.
    after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into(), after: None }
    }

    /// The request is not as it has to be.
    pub(crate) fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    fn later(status: StatusCode, description: impl Into<String>, after: u64) -> Self {
        Self { status, after: Some(after), ..Self::new("temporarily_unavailable", description) }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { .. } => Self::request(error.to_string()),
            Error::Denied(why) => Self::new("unsupported_token_type", why),
            Error::TooMany { after } => {
                Self::later(StatusCode::TOO_MANY_REQUESTS, error.to_string(), after.as_secs().max(1))
            }
            Error::Database(error) if error.kind() == Kind::ReadOnly => {
                Self::later(StatusCode::SERVICE_UNAVAILABLE, error.message(), STOPPED_RETRY)
            }
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a program could not be logged in or out");
                Self::later(StatusCode::SERVICE_UNAVAILABLE, "the registry is busy; try again", 1)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
        if let Some(after) = self.after {
            response.headers_mut().insert(header::RETRY_AFTER, after.into());
        }
        response
    }
}

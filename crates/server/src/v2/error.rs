//! The one place that knows both what the core refuses and how the distribution API says it.

use entrepot_oci::{ErrorCode, InvalidReference};
use entrepot_registry::gate::Denied;
use entrepot_registry::{BadTarget, Error};
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::InvalidPath;
use crate::body::Body;

/// An answer with an error body (distribution-spec, "Error Codes").
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    entries: Vec<Entry>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What went wrong here, for the log and not for the client.
    cause: Option<Error>,
}

#[derive(Debug, Serialize)]
struct Entry {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    detail: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    errors: &'a [Entry],
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self::detailed(status, code, message, Value::Null)
    }

    fn detailed(status: StatusCode, code: ErrorCode, message: impl Into<String>, detail: Value) -> Self {
        let entry = Entry { code: code.as_str(), message: message.into(), detail };
        Self(Box::new(Parts { status, entries: vec![entry], headers: Vec::new(), cause: None }))
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The methods that a path knows, when it was asked for another.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this path takes {allow}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
            .with_header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// Why a DELETE failed; where deleting is switched off, `allow` says what the path takes besides (RFC 9110, section
    /// 15.5.6: a 405 has an `Allow`).
    pub(crate) fn of_delete(error: Error, allow: &'static str) -> Self {
        match error {
            Error::DeleteDisabled => Self::from(error).with_header(header::ALLOW, HeaderValue::from_static(allow)),
            other => other.into(),
        }
    }

    /// A failure that is the registry's: little for the client, all for the log.
    fn internal(cause: Error) -> Self {
        let (status, code, message) = if is_full(&cause) {
            (StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Unavailable, "the registry's disk is full; tell its operator")
        } else if let Some(reason) = stopped(&cause) {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, reason)
        } else if cause.is_temporary() {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, "the registry is busy; try again")
        } else {
            let message = "the registry failed to do this; its log has the details under this request's id";
            (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, message)
        };
        let mut error = Self::new(status, code, message);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            error = error.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        error.0.cause = Some(cause);
        error
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let Parts { status, entries, headers, cause } = *self.0;
        if let Some(cause) = &cause {
            let chain = chain(cause);
            tracing::error!(status = status.as_u16(), error = chain, "a request failed");
        }
        // Cannot fail: strings and JSON values.
        let body = serde_json::to_vec(&Answer { errors: &entries }).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().extend(headers);
        response
    }
}

fn is_full(error: &Error) -> bool {
    match error {
        Error::Store(error) => matches!(error, entrepot_store::Error::Full(_)),
        Error::Database(error) => error.kind() == entrepot_database::Kind::Full,
        _ => false,
    }
}

/// Why an operator has stopped all writes, in the words that were given for those who push.
fn stopped(error: &Error) -> Option<&str> {
    match error {
        Error::Database(error) if error.kind() == entrepot_database::Kind::ReadOnly => Some(error.message()),
        _ => None,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (status, code, detail) = match &error {
            Error::RepositoryUnknown(name) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown, json!({ "name": name })),
            Error::BlobUnknown(digest) => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, json!({ "digest": digest })),
            Error::ManifestUnknown(reference) => {
                (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, json!({ "reference": reference.to_string() }))
            }
            Error::UploadUnknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown, Value::Null),
            Error::OutOfOrder { size, .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid, json!({ "size": size }))
            }
            Error::UploadTaken => (StatusCode::CONFLICT, ErrorCode::BlobUploadInvalid, Value::Null),
            Error::Interrupted { size } => {
                (StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, json!({ "size": size }))
            }
            Error::LengthMismatch { stated, actual } => {
                (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, json!({ "stated": stated, "actual": actual }))
            }
            Error::DigestMismatch(mismatch) => (
                StatusCode::BAD_REQUEST,
                ErrorCode::DigestInvalid,
                json!({ "stated": mismatch.stated, "actual": mismatch.actual }),
            ),
            Error::BlobTooLarge { limit } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid, json!({ "limit": limit }))
            }
            Error::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, Value::Null),
            Error::ManifestTargets(bad) => return bad_targets(bad),
            Error::PreconditionFailed { current } => {
                (StatusCode::PRECONDITION_FAILED, ErrorCode::Denied, json!({ "current": current }))
            }
            Error::InUse(used) => {
                (StatusCode::CONFLICT, ErrorCode::Denied, json!({ "digest": used.digest, "user": used.user }))
            }
            Error::DeleteDisabled => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, Value::Null),
            Error::Store(_) | Error::Database(_) | Error::Unanswered(_) | Error::Damaged(_) => {
                return Self::internal(error);
            }
        };
        Self::detailed(status, code, message, detail)
    }
}

/// One entry for each blob or manifest, so that a client can push just what is missing (code-5).
fn bad_targets(bad: &[BadTarget]) -> ApiError {
    let entries = bad.iter().map(|target| match target {
        BadTarget::Missing(digest) => Entry {
            code: ErrorCode::ManifestBlobUnknown.as_str(),
            message: format!("the manifest names {digest}, which this repository does not have"),
            detail: json!({ "digest": digest }),
        },
        BadTarget::Size { digest, stated, actual } => Entry {
            code: ErrorCode::ManifestInvalid.as_str(),
            message: format!("the manifest says that {digest} has {stated} bytes, but it has {actual}"),
            detail: json!({ "digest": digest, "stated": stated, "actual": actual }),
        },
    });
    // A manifest of 4 MiB can name tens of thousands; the first hundred say enough.
    let entries = entries.take(100).collect();
    ApiError(Box::new(Parts { status: StatusCode::BAD_REQUEST, entries, headers: Vec::new(), cause: None }))
}

impl From<InvalidPath> for ApiError {
    fn from(error: InvalidPath) -> Self {
        let (status, code) = match &error {
            InvalidPath::Unknown => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
            InvalidPath::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            InvalidPath::Digest(_) | InvalidPath::Reference(InvalidReference::Digest(_)) => {
                (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid)
            }
            InvalidPath::Reference(InvalidReference::Tag(_)) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
            InvalidPath::Upload => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<Denied> for ApiError {
    fn from(error: Denied) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, error.to_string())
    }
}

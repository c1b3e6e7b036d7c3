//! The one place that knows both what the core refuses and how the distribution API says it.

use entrepot_access::{Caller, Exhausted, SERVICE};
use entrepot_oci::{ErrorCode, InvalidReference};
use entrepot_registry::gate::Action;
use entrepot_registry::{BadTarget, Error};
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::InvalidPath;
use crate::body::Body;
use crate::origin::Origin;
use crate::rate;

/// When it is worth another try where an operator has stopped all changes, in seconds.
pub(crate) const STOPPED_RETRY: u64 = 30;
/// What the list of repositories takes.
const CATALOG: &str = "registry:catalog:*";

/// What a client is asked to show, when it has shown nothing or too little.
#[derive(Debug)]
enum Challenge {
    /// Anything.
    LogIn,
    /// A token that is good for this scope.
    Scope(String),
    /// A token that is good for this scope; the one that it showed is for less.
    MoreScope(String),
    /// Another token or password: what it showed is not valid.
    Valid,
}

/// An answer with an error body (distribution-spec, "Error Codes").
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    entries: Vec<Entry>,
    headers: Vec<(HeaderName, HeaderValue)>,
    challenge: Option<Challenge>,
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
        Self(Box::new(Parts { status, entries: vec![entry], headers: Vec::new(), challenge: None, cause: None }))
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
        if let Some(reason) = stopped(&cause) {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, reason)
                .with_header(header::RETRY_AFTER, STOPPED_RETRY);
        }
        let (status, code, message) = if is_full(&cause) {
            (StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Unavailable, "the registry's disk is full; tell its operator")
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

    /// What access refuses to `caller`, or cannot do.
    pub(crate) fn refused(refusal: entrepot_access::Error, caller: &Caller) -> Self {
        use entrepot_access::Error as Refusal;
        let message = refusal.to_string();
        let unauthorized = |message, challenge| {
            let mut error = Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
            error.0.challenge = Some(challenge);
            error
        };
        match refusal {
            Refusal::RepositoryDenied { action, repository, .. } => {
                let actions = match action {
                    Action::Push => "pull,push",
                    other => other.as_str(),
                };
                let scope = format!("repository:{}:{actions}", repository.as_str());
                match (caller.is_anonymous(), caller.is_limited()) {
                    (_, true) => unauthorized(message, Challenge::MoreScope(scope)),
                    (true, false) => unauthorized(message, Challenge::Scope(scope)),
                    (false, false) => Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message),
                }
            }
            Refusal::Unauthenticated => unauthorized("log in to do this".to_owned(), Challenge::LogIn),
            Refusal::WrongPassword { .. } | Refusal::SecondFactorAsked => unauthorized(message, Challenge::LogIn),
            // In this API it is the list of repositories that has no name to be denied by.
            Refusal::Denied(_) if caller.is_limited() => {
                unauthorized(message, Challenge::MoreScope(CATALOG.to_owned()))
            }
            Refusal::Denied(_) if caller.is_anonymous() => unauthorized(message, Challenge::Scope(CATALOG.to_owned())),
            Refusal::TooMany { after } => Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
                .with_header(header::RETRY_AFTER, after.as_secs().max(1)),
            Refusal::Invalid { .. } => Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message),
            Refusal::Database(error) => Error::Database(error).into(),
            Refusal::Internal(what) => Error::Damaged(what).into(),
            Refusal::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("5")),
            Refusal::Denied(_)
            | Refusal::NotFound { .. }
            | Refusal::LinkGone
            | Refusal::Exists { .. }
            | Refusal::Conflict(_)
            | Refusal::QuotaReached { .. }
            | Refusal::Unconfigured(_) => Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message),
        }
    }

    /// There were too many requests.
    pub(crate) fn exhausted(exhausted: &Exhausted) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, exhausted.to_string())
            .with_header(header::RETRY_AFTER, exhausted.seconds());
        rate::headers(&exhausted.allowance).fold(error, |error, (name, value)| error.with_header(name, value))
    }

    /// What a client showed is not valid, or it has shown too much of that.
    pub(crate) fn unidentified(error: entrepot_access::Error, nobody: &Caller) -> Self {
        use entrepot_access::Error as Refusal;
        let invalid =
            matches!(error, Refusal::Unauthenticated | Refusal::WrongPassword { .. } | Refusal::SecondFactorAsked);
        let message = error.to_string();
        let mut answer = Self::refused(error, nobody);
        if invalid {
            answer = Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
            answer.0.challenge = Some(Challenge::Valid);
        }
        answer
    }

    /// The answer to a request that came to `origin`.
    pub(crate) fn answer(mut self, origin: &Origin) -> Response<Body> {
        if let Some(challenge) = self.0.challenge.take() {
            self.0.headers.push((header::WWW_AUTHENTICATE, challenge.header(origin)));
        }
        self.into_response()
    }

    fn into_response(self) -> Response<Body> {
        let Parts { status, entries, headers, cause, challenge: _ } = *self.0;
        if let Some(cause) = &cause {
            tracing::error!(status = status.as_u16(), error = cause as &dyn std::error::Error, "a request failed");
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

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (status, code, detail) = match &error {
            Error::RepositoryUnknown(name) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown, json!({ "name": name })),
            Error::BlobUnknown(digest) => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, json!({ "digest": digest })),
            // Not there, for whoever pushes: then they push it again, and it is mended.
            Error::BlobQuarantined(digest) => {
                (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, json!({ "digest": digest, "damaged": true }))
            }
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
            Error::QuotaReached(full) => {
                let detail = json!({ "namespace": full.namespace, "used": full.used, "allowed": full.allowed });
                (StatusCode::FORBIDDEN, ErrorCode::Denied, detail)
            }
            Error::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, Value::Null),
            Error::ManifestTargets(bad) => return bad_targets(bad),
            Error::TagImmutable(tag) => (StatusCode::FORBIDDEN, ErrorCode::Denied, json!({ "tag": tag.as_str() })),
            Error::PreconditionFailed { current } => {
                (StatusCode::PRECONDITION_FAILED, ErrorCode::Denied, json!({ "current": current }))
            }
            // Of the trash, which the distribution API does not know.
            Error::TrashUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, Value::Null),
            Error::Taken(_) => (StatusCode::CONFLICT, ErrorCode::Denied, Value::Null),
            Error::InUse(used) => {
                (StatusCode::CONFLICT, ErrorCode::Denied, json!({ "digest": used.digest, "user": used.user }))
            }
            Error::DeleteDisabled => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, Value::Null),
            Error::Store(_) | Error::Database(_) | Error::Unanswered(_) | Error::OtherStore | Error::Damaged(_) => {
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
    ApiError(Box::new(Parts {
        status: StatusCode::BAD_REQUEST,
        entries,
        headers: Vec::new(),
        challenge: None,
        cause: None,
    }))
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

impl Challenge {
    /// `WWW-Authenticate` (RFC 6750, section 3, and docker's token specification).
    fn header(&self, origin: &Origin) -> HeaderValue {
        let mut text = format!("Bearer realm=\"{origin}/token\",service=\"{SERVICE}\"");
        match self {
            Self::LogIn => {}
            Self::Scope(scope) => text.push_str(&format!(",scope=\"{scope}\"")),
            Self::MoreScope(scope) => text.push_str(&format!(",scope=\"{scope}\",error=\"insufficient_scope\"")),
            Self::Valid => text.push_str(",error=\"invalid_token\""),
        }
        super::header(&text)
    }
}

//! The one place that knows both what access and the core refuse and how the JSON API says it: problem details (RFC 9457).

use axum::response::{IntoResponse, Response};
use entrepot_access::{Error as Refusal, Exhausted};
use entrepot_database::Kind as DatabaseKind;
use entrepot_registry::{CatalogError, Error as CoreError};
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::Cause;
use crate::rate;
use crate::v2::error::STOPPED_RETRY;

/// An answer that says what is wrong. `type` is an address on the API's own page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// The status code.
    #[serde(serialize_with = "code")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What is wrong here, in a sentence.
    detail: Box<str>,
    /// Which field of the body, the query or the path is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Box<str>>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What a client over the network is not told.
    #[serde(skip)]
    cause: Option<Cause>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn code<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

/// A kind of problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Its place on the page.
    pub(super) anchor: &'static str,
    /// The address of that place.
    address: &'static str,
    /// Its name.
    pub(super) title: &'static str,
    /// The status with which it comes.
    pub(super) status: StatusCode,
}

macro_rules! kinds {
    ($($name:ident = $anchor:literal $status:ident $title:literal;)+) => {
        $(const $name: Kind = Kind {
            anchor: $anchor,
            address: concat!("/api#", $anchor),
            title: $title,
            status: StatusCode::$status,
        };)+
        /// Every kind, for the page.
        pub(super) const KINDS: &[Kind] = &[$($name),+];
    };
}

kinds! {
    INVALID = "invalid" UNPROCESSABLE_ENTITY "A value is not acceptable";
    UNAUTHENTICATED = "unauthenticated" UNAUTHORIZED "Log in to do this";
    DENIED = "denied" FORBIDDEN "You may not do this";
    NOT_FOUND = "not-found" NOT_FOUND "There is no such thing, or you may not know of it";
    LINK = "link" GONE "The link does not work, or no longer";
    METHOD = "method" METHOD_NOT_ALLOWED "This path does not take this method";
    EXISTS = "exists" CONFLICT "There is already such a thing";
    CONFLICT = "conflict" CONFLICT "Things would be left in a state that they must not have";
    CHANGED = "changed" PRECONDITION_FAILED "It is not as If-Match says";
    QUOTA = "quota" FORBIDDEN "The namespace has all that it may have";
    IMMUTABLE = "immutable" FORBIDDEN "The tag stays as it is";
    TOO_LARGE = "too-large" PAYLOAD_TOO_LARGE "The body is too large";
    NOT_JSON = "not-json" UNSUPPORTED_MEDIA_TYPE "The body has to be JSON";
    TOO_MANY = "too-many" TOO_MANY_REQUESTS "Too many attempts";
    INTERNAL = "internal" INTERNAL_SERVER_ERROR "The registry failed to do this";
    UNCONFIGURED = "unconfigured" NOT_IMPLEMENTED "What this needs is not configured";
    UNAVAILABLE = "unavailable" SERVICE_UNAVAILABLE "The registry cannot do this now";
    FULL = "full" INSUFFICIENT_STORAGE "The registry's disk is full";
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<Box<str>>) -> Self {
        Self {
            kind: kind.address,
            title: kind.title,
            status: kind.status,
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
            cause: None,
        }
    }

    fn caused_by(self, cause: &(dyn std::error::Error + 'static)) -> Self {
        Self { cause: Some(Cause::of(cause)), ..self }
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A part of the request that cannot be understood.
    pub(super) fn unreadable(field: impl Into<Box<str>>, why: impl Into<Box<str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(INVALID, why) }
    }

    pub(super) fn not_json() -> Self {
        Self::new(NOT_JSON, "the body has to be JSON, with Content-Type: application/json")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(TOO_LARGE, format!("the body did not arrive whole, or has more than {limit} bytes"))
    }

    pub(super) fn nothing_here() -> Self {
        Self::new(NOT_FOUND, "there is nothing at this path; /api has the list of those that there are")
    }

    pub(super) fn without_content() -> Self {
        Self::new(UNCONFIGURED, "what is in repositories only the registry that runs can tell")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(METHOD, "this path does not take this method")
    }

    pub(super) fn changed() -> Self {
        Self::new(CHANGED, "it has changed since you looked; look at it again")
    }

    /// The status code.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong here, in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Its headers, which are part of the answer in whatever form that is.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Whoever asks may show something.
    fn unauthenticated(detail: impl Into<Box<str>>) -> Self {
        Self::new(UNAUTHENTICATED, detail)
            .with_header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"entrepot\", charset=\"UTF-8\""),
            )
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"entrepot\""))
    }

    /// A failure that is the registry's: little for the client, all for the log.
    pub(super) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request of the API failed");
        Self::new(INTERNAL, "the registry failed to do this; its log has the details under this request's id")
            .caused_by(cause)
    }

    fn unavailable(detail: impl Into<Box<str>>, seconds: u64) -> Self {
        Self::new(UNAVAILABLE, detail).with_header(header::RETRY_AFTER, seconds)
    }

    fn of_database(error: &entrepot_database::Error) -> Self {
        match error.kind() {
            DatabaseKind::Full => Self::new(FULL, "the registry's disk is full; tell its operator").caused_by(error),
            DatabaseKind::ReadOnly => Self::unavailable(error.message(), STOPPED_RETRY),
            DatabaseKind::Busy | DatabaseKind::Unavailable => {
                Self::unavailable("the registry is busy; try again", 1).caused_by(error)
            }
            DatabaseKind::Io | DatabaseKind::Migration | DatabaseKind::Constraint | DatabaseKind::Other => {
                Self::internal(error)
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Unauthenticated | Refusal::WrongPassword { .. } | Refusal::SecondFactorAsked => {
                Self::unauthenticated(detail)
            }
            Refusal::RepositoryDenied { who: None, .. } => Self::unauthenticated(detail),
            Refusal::RepositoryDenied { .. } | Refusal::Denied(_) => Self::new(DENIED, detail),
            Refusal::TooMany { after } => {
                Self::new(TOO_MANY, detail).with_header(header::RETRY_AFTER, after.as_secs().max(1))
            }
            Refusal::NotFound { .. } => Self::new(NOT_FOUND, detail),
            Refusal::LinkGone => Self::new(LINK, detail),
            Refusal::Exists { .. } => Self::new(EXISTS, detail),
            Refusal::Invalid { field, .. } => Self { field: Some(field.into()), ..Self::new(INVALID, detail) },
            Refusal::Conflict(_) => Self::new(CONFLICT, detail),
            Refusal::QuotaReached { .. } => Self::new(QUOTA, detail),
            Refusal::Unconfigured(_) => Self::new(UNCONFIGURED, detail),
            Refusal::Unavailable(_) => Self::unavailable(detail, 5),
            Refusal::Database(error) => Self::of_database(&error),
            Refusal::Internal(_) => Self::internal(&refusal),
        }
    }
}

impl From<&Exhausted> for Problem {
    fn from(exhausted: &Exhausted) -> Self {
        let problem = Self::new(TOO_MANY, exhausted.to_string()).with_header(header::RETRY_AFTER, exhausted.seconds());
        rate::headers(&exhausted.allowance).fold(problem, |problem, (name, value)| problem.with_header(name, value))
    }
}

impl From<CoreError> for Problem {
    fn from(error: CoreError) -> Self {
        let detail = error.to_string();
        match error {
            CoreError::RepositoryUnknown(_)
            | CoreError::BlobUnknown(_)
            | CoreError::BlobQuarantined(_)
            | CoreError::ManifestUnknown(_)
            | CoreError::TrashUnknown(_)
            | CoreError::UploadUnknown => Self::new(NOT_FOUND, detail),
            CoreError::OutOfOrder { .. }
            | CoreError::Interrupted { .. }
            | CoreError::LengthMismatch { .. }
            | CoreError::DigestMismatch(_)
            | CoreError::ManifestInvalid(_)
            | CoreError::ManifestTargets(_) => Self::new(INVALID, detail),
            CoreError::BlobTooLarge { .. } => Self::new(TOO_LARGE, detail),
            CoreError::PreconditionFailed { .. } => Self::new(CHANGED, detail),
            CoreError::TagImmutable(_) => Self::new(IMMUTABLE, detail),
            CoreError::QuotaReached(_) => Self::new(QUOTA, detail),
            CoreError::UploadTaken | CoreError::InUse(_) | CoreError::Taken(_) => Self::new(CONFLICT, detail),
            CoreError::DeleteDisabled => Self::new(UNCONFIGURED, detail),
            CoreError::Store(entrepot_store::Error::Full(_)) => {
                Self::new(FULL, "the registry's disk is full; tell its operator")
            }
            CoreError::Store(ref cause) if cause.is_temporary() => {
                Self::unavailable("the registry is busy; try again", 1)
            }
            CoreError::Database(cause) => Self::of_database(&cause),
            CoreError::Unanswered(_) => Self::unavailable("the registry is busy; try again", 1),
            CoreError::Store(_) | CoreError::OtherStore | CoreError::Damaged(_) => Self::internal(&error),
        }
    }
}

impl From<CatalogError<Refusal>> for Problem {
    fn from(error: CatalogError<Refusal>) -> Self {
        match error {
            CatalogError::Core(error) => error.into(),
            CatalogError::Policy(refusal) => refusal.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Cannot fail: strings and a number.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

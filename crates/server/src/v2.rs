//! The OCI distribution API and the dialect of it that docker speaks. Handlers read the request, ask the core and say what
//! it answered.

mod base;
mod blobs;
mod conditional;
pub(crate) mod endpoint;
pub(crate) mod error;
mod listing;
mod manifests;
mod query;
mod redirect;
mod referrers;
mod uploads;

use std::sync::Arc;

use entrepot_access::{Access, Caller};
use entrepot_oci::{Digest, RepositoryName};
use entrepot_registry::Registry;
use entrepot_registry::gate::{Gate, Grant, Permission};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response};

use self::endpoint::Endpoint;
use self::error::ApiError;
pub(crate) use self::manifests::named;
pub(crate) use self::redirect::Redirects;
use crate::body::Body;
use crate::net::RequestBody;
use crate::rate::RateLimits;

pub(crate) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

pub(crate) type Answer = Result<Response<Body>, ApiError>;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct V2 {
    pub(crate) registry: Registry,
    pub(crate) gate: Gate<Access>,
    pub(crate) max_manifest_bytes: u64,
    pub(crate) redirects: Arc<Redirects>,
    pub(crate) rates: RateLimits,
}

impl V2 {
    /// Every route of the API, on one page.
    pub(crate) async fn answer(&self, caller: &Caller, endpoint: Endpoint, request: Request<RequestBody>) -> Answer {
        let method = request.method().clone();
        match (endpoint, &method) {
            (Endpoint::Base, &Method::GET | &Method::HEAD) => base::get(self, caller).await,
            (Endpoint::Catalog, &Method::GET) => listing::catalog(self, caller, &request).await,
            (Endpoint::Tags(name), &Method::GET) => listing::tags(self, caller, name, &request).await,
            (Endpoint::Manifest(name, reference), &Method::GET | &Method::HEAD) => {
                manifests::get(self, caller, name, &reference, &request).await
            }
            (Endpoint::Manifest(name, reference), &Method::PUT) => {
                manifests::put(self, caller, name, reference, request).await
            }
            (Endpoint::Manifest(name, reference), &Method::DELETE) => {
                manifests::delete(self, caller, name, reference).await
            }
            (Endpoint::Blob(name, digest), &Method::GET | &Method::HEAD) => {
                blobs::get(self, caller, name, &digest, &request).await
            }
            (Endpoint::Blob(name, digest), &Method::DELETE) => blobs::delete(self, caller, name, &digest).await,
            (Endpoint::Uploads(name), &Method::POST) => uploads::post(self, caller, name, request).await,
            (Endpoint::Upload(name, id), &Method::GET | &Method::HEAD) => uploads::get(self, caller, name, id).await,
            (Endpoint::Upload(name, id), &Method::PATCH) => uploads::patch(self, caller, name, id, request).await,
            (Endpoint::Upload(name, id), &Method::PUT) => uploads::put(self, caller, name, id, request).await,
            (Endpoint::Upload(name, id), &Method::DELETE) => uploads::delete(self, caller, name, id).await,
            (Endpoint::Referrers(name, digest), &Method::GET) => {
                referrers::get(self, caller, name, &digest, &request).await
            }
            (endpoint, _) => Err(ApiError::method_not_allowed(allow(&endpoint))),
        }
    }

    /// Asks the gate.
    async fn authorize<P: Permission>(
        &self,
        caller: &Caller,
        repository: RepositoryName,
    ) -> Result<Grant<P>, ApiError> {
        self.gate.authorize(caller, repository).await.map_err(|refusal| ApiError::refused(refusal, caller))
    }

    /// Where what was done is written down.
    fn access(&self) -> &Access {
        self.gate.policy()
    }
}

fn allow(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Base => "GET, HEAD",
        Endpoint::Catalog | Endpoint::Tags(_) | Endpoint::Referrers(..) => "GET",
        Endpoint::Manifest(..) => "GET, HEAD, PUT, DELETE",
        Endpoint::Blob(..) => "GET, HEAD, DELETE",
        Endpoint::Uploads(_) => "POST",
        Endpoint::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
    }
}

/// A header value out of text that was validated to be visible ASCII.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

fn digest_header(digest: &Digest) -> HeaderValue {
    digest.with_text(header)
}

//! The JSON API for whoever has the data itself: the same requests and answers as over the network, in this process and without a
//! socket. So a command does one thing, wherever the registry is.

use axum::Router;
use bytes::Bytes;
use entrepot_access::Access;
use entrepot_registry::gate::Gate;
use http::{Request, Response};
use tower::ServiceExt;

use crate::api::{self, Api, Asker};
use crate::client::Proxies;

/// Longest answer in bytes: a page of a list has a few hundred KiB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The API of people, organizations, tokens and rules, for the operator.
///
/// What is in repositories it cannot tell, as the blobs are with the registry that runs.
#[derive(Clone, Debug)]
pub struct Operator(Router);

/// What a failure comes from, among the extensions of an answer: clients over the network are told less.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

impl Operator {
    /// The API over what `access` knows.
    pub fn new(access: Access) -> Self {
        let (gate, proxies) = (Gate::new(access), Proxies::new(Vec::new()));
        Self(api::router_without_documents(Api { registry: None, gate, proxies, asker: Asker::Operator }))
    }

    /// Answers a request, whatever it shows, as the operator's. An answer that is longer than 16 MiB comes without its content.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let Ok(response) = self.0.clone().oneshot(request.map(axum::body::Body::from)).await;
        let (parts, body) = response.into_parts();
        let content = axum::body::to_bytes(body, MAX_ANSWER).await.unwrap_or_default();
        Response::from_parts(parts, content)
    }
}

impl Cause {
    /// An error and what is behind it.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        Self(text)
    }
}

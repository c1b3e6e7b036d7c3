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

#[cfg(test)]
mod tests {
    use entrepot_access::{Anonymous, Options};
    use entrepot_database::{Database, Room};
    use http::{StatusCode, header};
    use serde_json::Value;

    use super::*;

    fn over(directory: &tempfile::TempDir, rooms: &'static [Room]) -> Operator {
        let database = Database::open(&directory.path().join("x.db"), rooms).unwrap();
        Operator::new(Access::new(Options::new(Anonymous::Nothing), database).unwrap())
    }

    async fn get(operator: &Operator, path: &str) -> Response<Bytes> {
        let request = Request::get(path).header(header::AUTHORIZATION, "Basic nonsense");
        operator.answer(request.body(Bytes::new()).unwrap()).await
    }

    #[tokio::test]
    async fn whatever_is_shown_it_is_the_operator_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let operator = over(&directory, &[entrepot_registry::ROOM, entrepot_access::ROOM]);
        let me: Value = serde_json::from_slice(get(&operator, "/api/v1/me").await.body()).unwrap();
        assert_eq!((&me["kind"], &me["administrator"]), (&"operator".into(), &true.into()));
        for (path, status) in [
            ("/api/v1/accounts", StatusCode::OK),
            ("/api/v1/accounts/ann", StatusCode::NOT_FOUND),
            ("/api/v1/nothing", StatusCode::NOT_FOUND),
            // What is in repositories is with the registry that runs.
            ("/api/v1/tags/acme/app", StatusCode::NOT_IMPLEMENTED),
            ("/api/v1/manifests/v1/acme/app", StatusCode::NOT_IMPLEMENTED),
        ] {
            assert_eq!(get(&operator, path).await.status(), status, "{path}");
        }
    }

    #[tokio::test]
    async fn the_operator_hears_what_a_failure_comes_from() {
        let directory = tempfile::tempdir().unwrap();
        let answer = get(&over(&directory, &[]), "/api/v1/accounts").await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!String::from_utf8_lossy(answer.body()).contains("no such table"));
        let Cause(text) = answer.extensions().get().unwrap();
        assert!(text.contains("no such table"), "{text}");
    }
}

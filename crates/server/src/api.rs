//! The JSON API. Handlers take a request apart, ask for a permit or a grant, make one call, and wrap its answer.
//!
//! Whoever asks shows it with `Authorization`. A repository's name has slashes, so it is always the rest of a path.

mod accounts;
mod audit;
mod collection;
mod document;
mod edit;
mod explain;
mod extract;
mod grants;
mod hub;
mod invitations;
mod job_rules;
mod keys;
mod links;
mod maintenance;
mod manifests;
mod me;
mod namespaces;
mod organizations;
mod page;
mod problem;
mod quota;
mod repositories;
mod retention;
mod robots;
mod routes;
mod second_factor;
mod sessions;
mod sizes;
mod tag_history;
mod teams;
mod tokens;
mod trash;
mod words;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use entrepot_access::{Access, Exhausted};
use entrepot_registry::Registry;
use entrepot_registry::gate::Gate;
use http::header::{self, HeaderValue};

pub(crate) use self::hub::serves as hub_serves;
pub(crate) use self::problem::Problem;
use self::routes::Routes;
use crate::client::Proxies;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Api {
    /// What is in repositories, if the bytes are at hand.
    pub(crate) registry: Option<Registry>,
    pub(crate) gate: Gate<Access>,
    pub(crate) proxies: Proxies,
    pub(crate) asker: Asker,
}

/// Who is behind the requests of a router. It is a property of the router and of nothing in a request, so that none that comes over
/// the network can be taken for the operator's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    /// Whoever the request shows that it is from.
    Shown,
    /// Whoever has the data itself.
    Operator,
}

impl Api {
    fn access(&self) -> &Access {
        self.gate.policy()
    }

    fn registry(&self) -> Result<&Registry, Problem> {
        self.registry.as_ref().ok_or_else(Problem::without_content)
    }
}

/// The API and its documents.
pub(crate) fn router(api: Api) -> Router {
    let routes = routes::hub::add(routes());
    let documents = document::router(&routes);
    answering(routes, api).merge(documents)
}

/// What the API answers where there were too many requests.
pub(crate) fn exhausted(exhausted: &Exhausted) -> Response {
    Problem::from(exhausted).into_response()
}

/// The API alone.
pub(crate) fn router_without_documents(api: Api) -> Router {
    answering(routes(), api)
}

fn routes() -> Routes {
    use routes::{content, machines, organizations, people, undoing};
    let all = [
        people::people,
        people::links,
        organizations::invitations,
        organizations::organizations_and_teams,
        machines::tokens_and_robots,
        machines::jobs,
        content::add,
        undoing::add,
    ];
    all.into_iter().fold(Routes::default(), |routes, add: fn(Routes) -> Routes| add(routes))
}

fn answering(routes: Routes, api: Api) -> Router {
    let nothing_here = || async { Problem::nothing_here() };
    routes
        .router
        .route("/api/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::map_response(private))
        .with_state(api)
}

/// Answers are for who asked, and are not kept unless they say so.
async fn private(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

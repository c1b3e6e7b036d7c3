//! What the API says of itself: an OpenAPI document, and a page to read it.

mod html;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::header::{self, HeaderName};
use utoipa::ToSchema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Schema};

use super::problem::Problem;
use super::routes::Routes;

const ABOUT: &str = "Accounts, organizations, tokens and permissions of this registry, and what is in its repositories. Log in with \
     a name and a password or token (Basic), or with a token alone (Bearer). Times are UTC, sizes are bytes. A repository's name \
     is always the rest of the path, with its slashes as they are.";
/// The page brings all that it shows, and runs nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// The routes that show what `routes` are.
pub(super) fn router(routes: &Routes) -> Router {
    let document = document(routes.paths.clone(), routes.schemas.clone());
    // Cannot fail: strings, numbers and lists of them.
    let json = serde_json::to_value(document).unwrap_or_default();
    let page = Bytes::from(html::page(&json));
    let json = Bytes::from(json.to_string());
    Router::new()
        .route("/api/v1/openapi.json", get(move || async move { answer("application/json", json) }))
        .route("/api", get(move || async move { answer("text/html; charset=utf-8", page) }))
}

fn answer(content_type: &'static str, body: Bytes) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, body)
}

fn document(paths: Paths, schemas: impl IntoIterator<Item = (String, RefOr<Schema>)>) -> OpenApi {
    let info = InfoBuilder::new().title("Entrepot").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .schema(Problem::name(), <Problem as utoipa::PartialSchema>::schema())
        .security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)))
        .security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .build();
    let ways = ["basic", "bearer"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    let ways = ways.into_iter().chain([SecurityRequirement::default()]);
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).security(Some(ways)).build()
}

//! Lists of tags (end-8) and repositories.

use entrepot_access::Caller;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Pull;
use entrepot_registry::{CatalogError, Page};
use http::header::{self, HeaderValue};
use http::{Request, Response};
use serde::Serialize;

use super::error::ApiError;
use super::query::{Query, next_page};
use super::{Answer, V2, header as header_value};
use crate::body::Body;
use crate::net::RequestBody;

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a RepositoryName,
    tags: &'a [String],
}

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [String],
}

/// `GET /v2/<name>/tags/list`
pub(super) async fn tags(v2: &V2, caller: &Caller, name: RepositoryName, request: &Request<RequestBody>) -> Answer {
    let grant = v2.authorize::<Pull>(caller, name).await?;
    let query = Query::of(request.uri());
    let limit = query.limit()?;
    let page = v2.registry.list_tags(&grant, query.get("last").map(str::to_owned), limit).await?;
    let path = format!("/v2/{}/tags/list", grant.repository());
    Ok(answer(&Tags { name: grant.repository(), tags: &page.entries }, &path, &page, limit))
}

/// `GET /v2/_catalog`
pub(super) async fn catalog(v2: &V2, caller: &Caller, request: &Request<RequestBody>) -> Answer {
    let refused = |refusal| ApiError::refused(refusal, caller);
    let grant = v2.gate.authorize_catalog(caller).map_err(refused)?;
    let query = Query::of(request.uri());
    let limit = query.limit()?;
    let listed = v2.registry.list_repositories(&grant, query.get("last").map(str::to_owned), limit).await;
    let page = listed.map_err(|error| match error {
        CatalogError::Core(error) => error.into(),
        CatalogError::Policy(refusal) => refused(refusal),
    })?;
    Ok(answer(&Catalog { repositories: &page.entries }, "/v2/_catalog", &page, limit))
}

fn answer(list: &impl Serialize, path: &str, page: &Page<String>, limit: Option<usize>) -> Response<Body> {
    // Cannot fail: strings.
    let mut response = Response::new(Body::from(serde_json::to_vec(list).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let (true, Some(last)) = (page.more, page.entries.last()) {
        let n = limit.unwrap_or(page.entries.len()).to_string();
        headers.insert(header::LINK, header_value(&next_page(path, &[("last", last), ("n", &n)])));
    }
    response
}

//! The routes of Docker Hub that other people's tools use, over the same calls: logging in, and lists of repositories and tags.
//!
//! Only what the registry knows is answered: there are no pull counts, and no architecture of an image that no index names. Lists
//! are numbered pages there, which take the whole list each time, so lists end after [`MAX_ENTRIES`].

mod image;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use entrepot_access::{
    Credential, Error as Refusal, LIBRARY, NewToken, Principal, RepositorySettings, Scopes, Shown, Visibility,
};
use entrepot_oci::RepositoryName;
use entrepot_registry::Error as CoreError;
use entrepot_registry::gate::Pull;
use http::{StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

pub(super) use self::image::HubTag;
use self::image::of_entry;
use super::Api;
use super::extract::{Address, Asked, At, Body, Reached, Who};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use crate::time::rfc3339;

/// Longest list.
const MAX_ENTRIES: usize = 10_000;
/// How long a token is good that is given for a password.
const LOGIN_LIFETIME: Duration = Duration::from_hours(1);

/// Whether a path below `/v2/` that is none of the distribution API may be one of these.
pub(crate) fn serves(path: &str) -> bool {
    path == "/v2/users/login" || path == "/v2/users/login/" || path.starts_with("/v2/repositories/")
}

/// A name and a password or token.
#[derive(Deserialize, ToSchema)]
#[schema(as = HubLogin)]
pub(super) struct Login {
    /// The name of a person, a robot or an organization.
    username: String,
    /// The password, or a token in its place.
    password: String,
}

/// What to show from now on, as `Authorization: JWT …` or `Bearer …`.
#[derive(Serialize, ToSchema)]
#[schema(as = HubToken)]
pub(super) struct LoggedIn {
    /// A token for reading that is good for an hour; who showed a token gets that one back.
    token: String,
}

/// Which part of a list.
#[derive(Deserialize)]
pub(super) struct Numbered {
    #[serde(default)]
    page: usize,
    page_size: Option<usize>,
    ordering: Option<String>,
}

/// A part of a list.
#[derive(Serialize)]
pub(super) struct HubPage<T> {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

/// A repository, in Hub's words.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HubRepository {
    /// The person or organization; library for names of one component.
    namespace: String,
    /// The rest of the name.
    name: String,
    /// Who made it.
    user: String,
    /// Always image.
    repository_type: &'static str,
    /// Always 1: active.
    status: u8,
    /// Always active.
    status_description: &'static str,
    /// Whether only those see it who were given a role.
    is_private: bool,
    /// When it was made.
    date_registered: String,
}

impl From<RepositorySettings> for HubRepository {
    fn from(settings: RepositorySettings) -> Self {
        let (namespace, name) = settings.name.as_str().split_once('/').unwrap_or((LIBRARY, settings.name.as_str()));
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            user: settings.created_by,
            repository_type: "image",
            status: 1,
            status_description: "active",
            is_private: settings.visibility == Visibility::Private,
            date_registered: rfc3339(settings.created_at),
        }
    }
}

impl Numbered {
    fn range(&self) -> std::ops::Range<usize> {
        let size = self.page_size.unwrap_or(10).clamp(1, 100);
        let first = (self.page.max(1) - 1).saturating_mul(size);
        first..first.saturating_add(size)
    }

    /// The page that begins at `origin` and `uri`, out of a list with `count` entries.
    fn page<T>(&self, origin: &str, uri: &Uri, count: usize, results: Vec<T>) -> HubPage<T> {
        let at = |page: usize| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let given = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            query.extend_pairs(given.filter(|(key, _)| key != "page"));
            query.append_pair("page", &page.to_string());
            format!("{origin}{}?{}", uri.path(), query.finish())
        };
        let (page, range) = (self.page.max(1), self.range());
        let next = (range.end < count).then(|| at(page + 1));
        HubPage { count, next, previous: (page > 1).then(|| at(page - 1)), results }
    }
}

/// `POST /v2/users/login`
pub(super) async fn login(
    State(api): State<Api>,
    Address(address): Address,
    body: Result<Body<Login>, Problem>,
) -> Result<Response, HubProblem> {
    let Body(Login { username, password }) = body?;
    let shown = Shown::Basic { username: &username, password: &password };
    let caller = api.access().identify(shown, address).await?;
    let token = match (caller.principal(), caller.credential()) {
        (Principal::Account { name, .. }, Credential::Password) => {
            let permit = api.access().permit_account(&caller, name).await?;
            let scopes = Scopes::from_words(["pull"]).map_err(|error| Refusal::Internal(error.to_string()))?;
            let label = "Docker Hub login".to_owned();
            let new = NewToken { label, scopes, repositories: Vec::new(), lifetime: Some(LOGIN_LIFETIME) };
            api.access().create_personal_token(&permit, new).await?.1.reveal().to_owned()
        }
        _ => password,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(LoggedIn { token })).into_response())
}

/// `GET /v2/repositories/{namespace}/`
pub(super) async fn repositories(
    State(api): State<Api>,
    Reached(origin): Reached,
    uri: Uri,
    who: Result<Who, Problem>,
    namespace: Result<At<Parsed<NamespaceName>>, Problem>,
    numbered: Result<Asked<Numbered>, Problem>,
) -> Result<Json<HubPage<HubRepository>>, HubProblem> {
    let (Who(caller), At(Parsed(namespace)), Asked(numbered)) = (who?, namespace?, numbered?);
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let (page, next) = api.access().repositories(&caller, namespace.as_str(), last, MAX_ENTRIES).await?;
        found.extend(page);
        last = next;
        if last.is_none() || found.len() >= MAX_ENTRIES {
            break;
        }
    }
    let (count, range) = (found.len(), numbered.range());
    let results = found.into_iter().skip(range.start).take(range.len()).map(HubRepository::from).collect();
    Ok(Json(numbered.page(&origin, &uri, count, results)))
}

/// `GET /v2/repositories/{namespace}/{repository}/`
pub(super) async fn repository(
    State(api): State<Api>,
    who: Result<Who, Problem>,
    name: Result<At<(Parsed<NamespaceName>, String)>, Problem>,
) -> Result<Json<HubRepository>, HubProblem> {
    let (Who(caller), At((Parsed(namespace), repository))) = (who?, name?);
    Ok(Json(api.access().repository(&caller, &full_name(&namespace, &repository)?).await?.into()))
}

/// `GET /v2/repositories/{namespace}/{repository}/tags/`, the tags that were set last first, or by name with `ordering=name`.
pub(super) async fn tags(
    State(api): State<Api>,
    Reached(origin): Reached,
    uri: Uri,
    who: Result<Who, Problem>,
    name: Result<At<(Parsed<NamespaceName>, String)>, Problem>,
    numbered: Result<Asked<Numbered>, Problem>,
) -> Result<Json<HubPage<HubTag>>, HubProblem> {
    let (Who(caller), At((Parsed(namespace), repository)), Asked(numbered)) = (who?, name?, numbered?);
    let grant = api.gate.authorize::<Pull>(&caller, full_name(&namespace, &repository)?).await?;
    let mut found = api.registry()?.list_tag_entries(&grant, None, Some(MAX_ENTRIES)).await?.entries;
    if numbered.ordering.as_deref() != Some("name") {
        found.sort_by_key(|entry| std::cmp::Reverse(entry.updated_at));
    }
    let (count, range) = (found.len(), numbered.range());
    let mut results = Vec::new();
    for entry in found.into_iter().skip(range.start).take(range.len()) {
        results.push(of_entry(api.registry()?, &grant, entry).await?);
    }
    Ok(Json(numbered.page(&origin, &uri, count, results)))
}

/// Hub's repositories without a namespace of their own are in `library`.
fn full_name(namespace: &NamespaceName, repository: &str) -> Result<RepositoryName, Problem> {
    let name = match namespace.as_str() {
        LIBRARY => repository.to_owned(),
        namespace => format!("{namespace}/{repository}"),
    };
    name.parse().map_err(|error: entrepot_oci::InvalidName| Problem::unreadable("repository", error.to_string()))
}

/// What is wrong, as Hub's tools and those of the distribution API find it.
pub(super) struct HubProblem(Problem);

impl From<Problem> for HubProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Refusal> for HubProblem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<CoreError> for HubProblem {
    fn from(error: CoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for HubProblem {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let code = match problem.status() {
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "DENIED",
            StatusCode::NOT_FOUND => "NAME_UNKNOWN",
            StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
            _ => "UNSUPPORTED",
        };
        let detail = problem.detail();
        let body = json!({ "message": detail, "detail": detail, "errors": [{ "code": code, "message": detail }] });
        let mut response = (problem.status(), Json(body)).into_response();
        for (name, value) in problem.headers() {
            response.headers_mut().append(name, value.clone());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_library_have_one_component() {
        let of = |namespace: &str, repository: &str| {
            full_name(&namespace.parse().unwrap(), repository).map(|name| name.as_str().to_owned()).ok()
        };
        assert_eq!(of("library", "hello-world").as_deref(), Some("hello-world"));
        assert_eq!(of("acme", "app").as_deref(), Some("acme/app"));
        assert_eq!(of("acme", "APP"), None);
    }

    #[test]
    fn pages_are_numbered() {
        let uri: Uri = "/v2/repositories/acme/?page_size=2&page=2".parse().unwrap();
        let numbered = Numbered { page: 2, page_size: Some(2), ordering: None };
        let page = numbered.page("http://localhost:5000", &uri, 5, vec![1, 2]);
        assert_eq!(page.next.as_deref(), Some("http://localhost:5000/v2/repositories/acme/?page_size=2&page=3"));
        assert_eq!(page.previous.as_deref(), Some("http://localhost:5000/v2/repositories/acme/?page_size=2&page=1"));
        assert_eq!(Numbered { page: 3, ..numbered }.page("", &uri, 5, vec![1]).next, None);
    }
}

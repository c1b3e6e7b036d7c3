//! Repositories: who may see them, and what is in them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use entrepot_access::{RepositorySettings, Visibility};
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Pull;
use entrepot_registry::{Error as CoreError, Page as CorePage, TagEntry};
use http::header::HeaderMap;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Asked, At, Body, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use super::{Api, edit};
use crate::time::rfc3339;

/// A repository.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Repository)]
pub(super) struct RepositoryView {
    /// Its name.
    name: String,
    /// public or private.
    visibility: String,
    /// Who made it; empty for somebody who did not say.
    created_by: String,
    /// When.
    created_at: String,
}

/// A repository to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewRepository)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRepositoryBody {
    /// Its name.
    #[schema(value_type = String, example = "acme/app")]
    name: Parsed<RepositoryName>,
    /// public or private; what its namespace has for new ones, if it is absent.
    #[schema(value_type = Option<String>)]
    visibility: Option<Parsed<Visibility>>,
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
#[schema(as = RepositoryChange)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// public or private.
    #[schema(value_type = String)]
    visibility: Parsed<Visibility>,
}

/// A tag and the manifest that it shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tag)]
pub(super) struct TagView {
    /// The tag.
    name: String,
    /// The digest of its manifest.
    digest: String,
    /// The media type of that.
    media_type: String,
    /// Its size in bytes, without what it names.
    size: u64,
    /// When the tag was set.
    updated_at: String,
}

impl From<RepositorySettings> for RepositoryView {
    fn from(settings: RepositorySettings) -> Self {
        Self {
            name: settings.name.as_str().to_owned(),
            visibility: settings.visibility.to_string(),
            created_by: settings.created_by,
            created_at: rfc3339(settings.created_at),
        }
    }
}

impl From<TagEntry> for TagView {
    fn from(entry: TagEntry) -> Self {
        Self {
            name: entry.name,
            digest: entry.digest.to_string(),
            media_type: entry.media_type,
            size: entry.size,
            updated_at: rfc3339(entry.updated_at),
        }
    }
}

/// `GET /api/v1/namespaces/{namespace}/repositories`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<RepositoryView>>, Problem> {
    let listed = api.access().repositories(&caller, namespace.as_str(), paging.after(), paging.limit()).await;
    let (found, last) = listed?;
    Ok(Json(Page::new(&uri, found.into_iter().map(RepositoryView::from).collect(), last)))
}

/// `POST /api/v1/repositories`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    Body(NewRepositoryBody { name: Parsed(name), visibility }): Body<NewRepositoryBody>,
) -> Result<(StatusCode, Json<RepositoryView>), Problem> {
    let permit = api.access().permit_repository(&caller, &name).await?;
    let visibility = visibility.map(|Parsed(visibility)| visibility);
    let made = api.access().create_repository(&permit, visibility).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// `GET /api/v1/repositories/{name}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let settings = api.access().repository(&caller, &name).await?;
    Ok(edit::show(&headers, &RepositoryView::from(settings)))
}

/// `PATCH /api/v1/repositories/{name}`
pub(super) async fn change(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
    headers: HeaderMap,
    Body(ChangeBody { visibility: Parsed(visibility) }): Body<ChangeBody>,
) -> Result<Response, Problem> {
    let permit = api.access().permit_repository(&caller, &name).await?;
    let now = api.access().repository_settings(&permit).await?;
    let unless_changed = edit::expects(&headers, &RepositoryView::from(now.clone()))?.then_some(now);
    let changed = api.access().change_visibility(&permit, visibility, unless_changed).await?;
    Ok(edit::show(&HeaderMap::new(), &RepositoryView::from(changed)))
}

/// `GET /api/v1/tags/{name}`
pub(super) async fn tags(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TagView>>, Problem> {
    let grant = api.gate.authorize::<Pull>(&caller, name.clone()).await?;
    let listed = api.registry()?.list_tag_entries(&grant, paging.after(), Some(paging.limit())).await;
    let CorePage { entries, more } = match listed {
        Err(CoreError::RepositoryUnknown(_)) => {
            // One that was made and not pushed to is there, and has no tags.
            api.access().repository(&caller, &name).await?;
            CorePage { entries: Vec::new(), more: false }
        }
        listed => listed?,
    };
    let last = more.then(|| entries.last().map(|entry| entry.name.clone())).flatten();
    Ok(Json(Page::new(&uri, entries.into_iter().map(TagView::from).collect(), last)))
}

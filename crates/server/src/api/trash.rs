//! What was deleted from repositories, and bringing it back.

use axum::Json;
use axum::extract::State;
use entrepot_oci::{Digest, RepositoryName};
use entrepot_registry::gate::Delete;
use entrepot_registry::{Restored, TrashEntry, TrashId};
use http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;
use crate::v2::named;

/// Something that was deleted together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrashEntry)]
pub(super) struct TrashView {
    /// Its id.
    id: String,
    /// tag, manifest or repository.
    kind: &'static str,
    /// The tag, or the digest of the manifest; null for a repository.
    name: Option<String>,
    /// The tags that were deleted with it.
    tags: Vec<String>,
    /// When it was deleted.
    deleted_at: String,
    /// By whom, if that is known.
    deleted_by: Option<String>,
}

/// What was brought back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Restored)]
pub(super) struct RestoredView {
    /// Digests of manifests.
    manifests: Vec<String>,
    /// Tags.
    tags: Vec<String>,
    /// Tags that show something else by now, and were left as they are.
    taken: Vec<String>,
}

impl From<TrashEntry> for TrashView {
    fn from(entry: TrashEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            kind: entry.kind.as_str(),
            name: entry.name,
            tags: entry.tags,
            deleted_at: rfc3339(entry.deleted_at),
            deleted_by: entry.deleted_by,
        }
    }
}

impl From<Restored> for RestoredView {
    fn from(Restored { manifests, tags, taken }: Restored) -> Self {
        Self { manifests: manifests.iter().map(Digest::to_string).collect(), tags, taken }
    }
}

/// An entry, where it is in the path.
type OfEntry = (Parsed<TrashId>, Parsed<RepositoryName>);

/// `GET /api/v1/trash/{name}`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TrashView>>, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    let after = paging.after().map(|after| after.parse()).transpose();
    let after = after.map_err(|_| Problem::unreadable("query", "after is no entry of the trash".to_owned()))?;
    let page = api.registry()?.list_trash(&grant, after, Some(paging.limit())).await?;
    let last = page.more.then(|| page.entries.last().map(|entry| entry.id.to_string())).flatten();
    Ok(Json(Page::new(&uri, page.entries.into_iter().map(TrashView::from).collect(), last)))
}

/// `POST /api/v1/trash-entries/{entry}/{name}`
pub(super) async fn restore(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(entry), Parsed(name))): At<OfEntry>,
) -> Result<Json<RestoredView>, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    let restored = api.registry()?.restore_from_trash(&grant, entry).await?;
    api.access().audit_done(&caller, "restore", &named(&grant, &entry.to_string()));
    Ok(Json(restored.into()))
}

/// `DELETE /api/v1/trash-entries/{entry}/{name}`
pub(super) async fn empty(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(entry), Parsed(name))): At<OfEntry>,
) -> Result<StatusCode, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    api.registry()?.empty_trash(&grant, entry).await?;
    api.access().audit_done(&caller, "empty-trash", &named(&grant, &entry.to_string()));
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/repositories/{name}`
pub(super) async fn remove_repository(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
) -> Result<StatusCode, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    api.registry()?.delete_repository(&grant).await?;
    api.access().audit_done(&caller, "delete", grant.repository().as_str());
    Ok(StatusCode::NO_CONTENT)
}

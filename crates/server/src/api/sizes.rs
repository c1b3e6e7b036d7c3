//! How many bytes a repository, a namespace or the registry has.

use axum::Json;
use axum::extract::State;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Delete;
use entrepot_registry::{Sizes, Total};
use http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};

/// What a repository has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sizes)]
pub(super) struct SizesView {
    /// Its manifests, also those in the trash.
    manifests: u64,
    /// Its blobs.
    blobs: u64,
    /// The bytes of both: what counts against a quota.
    bytes: u64,
    /// Those of blobs that other repositories of the namespace have too: deleting this one gives none of them back to it.
    shared_bytes: u64,
    /// What the namespace has less when the repository is deleted and gone from the trash.
    frees_bytes: u64,
    /// Those of blobs that only manifests in the trash need.
    trash_bytes: u64,
    /// Those of blobs that no manifest needs: the collection takes them away.
    unneeded_bytes: u64,
}

impl From<Sizes> for SizesView {
    fn from(Sizes { manifests, blobs, bytes, shared, frees, in_trash, unneeded }: Sizes) -> Self {
        Self {
            manifests,
            blobs,
            bytes,
            shared_bytes: shared,
            frees_bytes: frees,
            trash_bytes: in_trash,
            unneeded_bytes: unneeded,
        }
    }
}

/// What a repository of a namespace has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RepositorySizes)]
pub(super) struct RepositorySizesView {
    /// Its name.
    repository: String,
    #[serde(flatten)]
    sizes: SizesView,
}

/// What several repositories have together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TotalSizes)]
pub(super) struct TotalView {
    /// How many they are, without those in the trash.
    repositories: u64,
    /// Their manifests, also those in the trash.
    manifests: u64,
    /// Their blobs, each once.
    blobs: u64,
    /// The bytes of both.
    bytes: u64,
    /// The same with each blob as often as a repository has it: what counts against a quota.
    counted_bytes: u64,
    /// Those of blobs that several of them have: deleting one of these repositories gives none of them back.
    shared_bytes: u64,
    /// Those of blobs that only manifests in the trash need.
    trash_bytes: u64,
    /// Those of blobs that no manifest needs: the collection takes them away.
    unneeded_bytes: u64,
}

impl From<Total> for TotalView {
    fn from(Total { repositories, manifests, blobs, bytes, counted, shared, in_trash, unneeded }: Total) -> Self {
        Self {
            repositories,
            manifests,
            blobs,
            bytes,
            counted_bytes: counted,
            shared_bytes: shared,
            trash_bytes: in_trash,
            unneeded_bytes: unneeded,
        }
    }
}

/// `GET /api/v1/sizes`
pub(super) async fn total(State(api): State<Api>, Who(caller): Who) -> Result<Json<TotalView>, Problem> {
    api.access().permit_system(&caller)?;
    Ok(Json(api.registry()?.total(None).await?.into()))
}

/// `GET /api/v1/namespaces/{namespace}/sizes/total`
pub(super) async fn total_of_namespace(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
) -> Result<Json<TotalView>, Problem> {
    api.access().permit_namespace(&caller, namespace.as_str()).await?;
    Ok(Json(api.registry()?.total(Some(namespace.as_str())).await?.into()))
}

/// `GET /api/v1/namespaces/{namespace}/sizes`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<RepositorySizesView>>, Problem> {
    api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let found = api.registry()?.sizes_within(namespace.as_str(), paging.after(), paging.limit()).await?;
    let last = found.entries.last().filter(|_| found.more).map(|(name, _)| name.to_string());
    let view = |(name, sizes): (RepositoryName, Sizes)| RepositorySizesView {
        repository: name.to_string(),
        sizes: sizes.into(),
    };
    Ok(Json(Page::new(&uri, found.entries.into_iter().map(view).collect(), last)))
}

/// `GET /api/v1/sizes/{name}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
) -> Result<Json<SizesView>, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    Ok(Json(api.registry()?.sizes(&grant).await?.into()))
}

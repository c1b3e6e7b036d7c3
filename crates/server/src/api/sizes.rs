//! How many bytes a repository has.

use axum::Json;
use axum::extract::State;
use entrepot_oci::RepositoryName;
use entrepot_registry::Sizes;
use entrepot_registry::gate::Delete;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Who};
use super::problem::Problem;
use super::words::Parsed;

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

/// `GET /api/v1/sizes/{name}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<RepositoryName>>,
) -> Result<Json<SizesView>, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    Ok(Json(api.registry()?.sizes(&grant).await?.into()))
}

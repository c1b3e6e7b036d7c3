//! What a person, an organization or the library may have, and has.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body, Who};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};

/// What a namespace may have.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Quota)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaBody {
    /// So many bytes in all repositories together; null, or nothing, is without limit.
    max_bytes: Option<u64>,
    /// So many repositories; null, or nothing, is without limit.
    max_repositories: Option<u32>,
}

/// What a namespace may have, and what it has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuotaAndUsage)]
pub(super) struct QuotaView {
    /// So many bytes in all repositories together; null is without limit.
    max_bytes: Option<u64>,
    /// So many repositories; null is without limit.
    max_repositories: Option<u32>,
    /// Bytes of the blobs and manifests of all repositories, of each as often as a repository has it.
    used_bytes: u64,
    /// Repositories that there are.
    used_repositories: u64,
}

/// `GET /api/v1/namespaces/{namespace}/quota`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
) -> Result<Json<QuotaView>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let (quota, usage) = api.access().quota(&permit).await?;
    Ok(Json(QuotaView {
        max_bytes: quota.max_bytes,
        max_repositories: quota.max_repositories,
        used_bytes: usage.bytes,
        used_repositories: usage.repositories,
    }))
}

/// `PUT /api/v1/namespaces/{namespace}/quota`
pub(super) async fn set(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(body): Body<QuotaBody>,
) -> Result<StatusCode, Problem> {
    let system = api.access().permit_system(&caller)?;
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let QuotaBody { max_bytes, max_repositories } = body;
    api.access().set_quota(&system, &permit, entrepot_access::Quota { max_bytes, max_repositories }).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Garbage collection: what it does, what it would do, and why something is kept.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use entrepot_oci::{Digest, RepositoryName};
use entrepot_registry::gate::Pull;
use entrepot_registry::{Collected, Explanation, Fate, Step};
use http::StatusCode;
use serde::Serialize;
use tracing::Instrument;
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Who};
use super::page::Page;
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;

/// How long a request waits for the end of a collection, which goes on afterwards.
const PATIENCE: Duration = Duration::from_secs(30);

/// One thing that a collection does.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionStep)]
pub(super) struct StepView {
    /// What is done: condemn blob, unlink blob, condemn manifest, remove manifest or remove bytes.
    what: String,
    /// The repository; null for the bytes of a blob.
    repository: Option<String>,
    /// Of what it is done with.
    digest: String,
    /// How many bytes that has.
    bytes: u64,
    /// Why.
    reason: String,
}

/// What a collection did, or would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Collection)]
pub(super) struct CollectionView {
    /// Its steps; the first 10,000, if there are more.
    steps: Vec<StepView>,
    /// Blobs and manifests that were condemned.
    condemned: u64,
    /// Manifests that were removed.
    manifests: u64,
    /// Blobs that repositories have no more, counted in each.
    unlinked: u64,
    /// Blobs whose bytes were removed.
    blobs: u64,
    /// Their bytes.
    bytes: u64,
}

/// What becomes of a blob or a manifest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionExplanation)]
pub(super) struct ExplanationView {
    /// In which repository.
    repository: String,
    /// blob or manifest.
    kind: &'static str,
    /// kept, looked at or condemned.
    fate: &'static str,
    /// When it is looked at or goes.
    at: Option<String>,
    /// Why.
    reason: String,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            what: step.deed.phrase().to_owned(),
            repository: step.repository,
            digest: step.digest.to_string(),
            bytes: step.bytes,
            reason: step.reason.to_string(),
        }
    }
}

impl From<Collected> for CollectionView {
    fn from(collected: Collected) -> Self {
        let Collected { steps, condemned, manifests, unlinked, blobs, bytes } = collected;
        let steps = steps.into_iter().map(StepView::from).collect();
        Self { steps, condemned, manifests, unlinked, blobs, bytes }
    }
}

impl From<Explanation> for ExplanationView {
    fn from(explanation: Explanation) -> Self {
        let (fate, at) = match explanation.fate {
            Fate::Kept => ("kept", None),
            Fate::LookedAt(at) => ("looked at", Some(rfc3339(at))),
            Fate::Goes(at) => ("condemned", Some(rfc3339(at))),
        };
        let kind = if explanation.is_manifest { "manifest" } else { "blob" };
        let (repository, reason) = (explanation.repository.to_string(), explanation.reason.to_string());
        Self { repository, kind, fate, at, reason }
    }
}

/// `GET /api/v1/gc`: what a collection would do now.
pub(super) async fn preview(State(api): State<Api>, Who(caller): Who) -> Result<Json<CollectionView>, Problem> {
    api.access().permit_system(&caller)?;
    Ok(Json(api.registry()?.preview_collection().await?.into()))
}

/// `POST /api/v1/gc`: one now. It goes on when who asked goes away, or has waited for long enough.
pub(super) async fn run(
    State(api): State<Api>,
    Who(caller): Who,
) -> Result<(StatusCode, Json<Option<CollectionView>>), Problem> {
    api.access().permit_system(&caller)?;
    let registry = api.registry()?.clone();
    let collecting = tokio::spawn(async move { registry.collect().await }.in_current_span());
    match tokio::time::timeout(PATIENCE, collecting).await {
        Err(_) => Ok((StatusCode::ACCEPTED, Json(None))),
        Ok(ended) => {
            let collected = ended.map_err(|error| Problem::internal(&error))??;
            Ok((StatusCode::OK, Json(Some(collected.into()))))
        }
    }
}

/// `GET /api/v1/gc/explain/{digest}`: in the first hundred repositories that have it.
pub(super) async fn explain_everywhere(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(digest)): At<Parsed<Digest>>,
) -> Result<Json<Page<ExplanationView>>, Problem> {
    api.access().permit_system(&caller)?;
    let explained = api.registry()?.explain_everywhere(&digest).await?;
    Ok(Json(Page::whole(explained.into_iter().map(ExplanationView::from).collect())))
}

/// `GET /api/v1/gc/explain/{digest}/{name}`
pub(super) async fn explain(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(digest), Parsed(name))): At<(Parsed<Digest>, Parsed<RepositoryName>)>,
) -> Result<Json<Page<ExplanationView>>, Problem> {
    let grant = api.gate.authorize::<Pull>(&caller, name).await?;
    let explained = api.registry()?.explain(&grant, &digest).await?;
    Ok(Json(Page::whole(explained.into_iter().map(ExplanationView::from).collect())))
}

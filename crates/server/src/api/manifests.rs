//! Manifests, by tag or digest.

use axum::Json;
use axum::extract::State;
use entrepot_oci::{Reference, RepositoryName};
use entrepot_registry::StoredManifest;
use entrepot_registry::gate::{Delete, Pull};
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Who};
use super::problem::Problem;
use super::words::Parsed;
use crate::v2::named;

/// A manifest, as it was pushed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Manifest)]
pub(super) struct ManifestView {
    /// Its digest.
    digest: String,
    /// Its media type.
    media_type: String,
    /// Its size in bytes, without what it names.
    size: usize,
    /// The digest of the manifest that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What is in it.
    #[schema(value_type = Object)]
    content: Box<RawValue>,
}

impl TryFrom<&StoredManifest> for ManifestView {
    type Error = Problem;

    fn try_from(manifest: &StoredManifest) -> Result<Self, Problem> {
        let text = String::from_utf8_lossy(&manifest.content).into_owned();
        let content = RawValue::from_string(text).map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            digest: manifest.digest.to_string(),
            media_type: manifest.media_type.clone(),
            size: manifest.content.len(),
            subject: manifest.subject.map(|subject| subject.to_string()),
            content,
        })
    }
}

/// A manifest, where it is in the path.
type OfManifest = (Parsed<Reference>, Parsed<RepositoryName>);

/// `GET /api/v1/manifests/{reference}/{name}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(reference), Parsed(name))): At<OfManifest>,
) -> Result<Json<ManifestView>, Problem> {
    let grant = api.gate.authorize::<Pull>(&caller, name).await?;
    let manifest = api.registry()?.get_manifest(&grant, &reference).await?;
    Ok(Json(ManifestView::try_from(&*manifest)?))
}

/// `DELETE /api/v1/manifests/{reference}/{name}`: of a tag, or of a manifest with all its tags.
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(reference), Parsed(name))): At<OfManifest>,
) -> Result<StatusCode, Problem> {
    let grant = api.gate.authorize::<Delete>(&caller, name).await?;
    match &reference {
        Reference::Tag(tag) => api.registry()?.delete_tag(&grant, tag).await?,
        Reference::Digest(digest) => api.registry()?.delete_manifest(&grant, digest).await?,
    }
    api.access().audit_done(&caller, "delete", &named(&grant, &reference.to_string()));
    Ok(StatusCode::NO_CONTENT)
}

//! The keys that sign registry tokens.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Body, Who};
use super::problem::Problem;

/// How the keys are to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// The older keys do not count any more from now on: whoever has a registry token asks for another.
    #[serde(default)]
    at_once: bool,
}

/// `POST /api/v1/keys/rotate`
pub(super) async fn rotate(
    State(api): State<Api>,
    Who(caller): Who,
    Body(rotation): Body<Rotation>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_system(&caller)?;
    api.access().rotate_keys(&permit, rotation.at_once).await?;
    Ok(StatusCode::NO_CONTENT)
}

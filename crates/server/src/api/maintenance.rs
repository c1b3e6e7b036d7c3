//! Maintenance: whether the registry serves pulls alone. These routes change that also while it does.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Body, Who};
use super::problem::Problem;

/// What those who push are told.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMaintenance)]
#[serde(deny_unknown_fields)]
pub(super) struct MaintenanceBody {
    /// A line of 200 characters at most; null, or nothing, is the registry's own words.
    message: Option<String>,
}

/// Whether the registry serves pulls alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Maintenance)]
pub(super) struct MaintenanceView {
    /// Whether changes are refused.
    on: bool,
    /// What those hear who want to change something; null if they may.
    message: Option<String>,
}

impl From<Option<String>> for MaintenanceView {
    fn from(message: Option<String>) -> Self {
        Self { on: message.is_some(), message }
    }
}

/// `GET /api/v1/maintenance`
pub(super) async fn get(State(api): State<Api>, Who(caller): Who) -> Result<Json<MaintenanceView>, Problem> {
    let permit = api.access().permit_system(&caller)?;
    Ok(Json(api.access().maintenance(&permit).await?.into()))
}

/// `PUT /api/v1/maintenance`
pub(super) async fn begin(
    State(api): State<Api>,
    Who(caller): Who,
    Body(body): Body<MaintenanceBody>,
) -> Result<Json<MaintenanceView>, Problem> {
    let permit = api.access().permit_system(&caller)?;
    let message = api.access().begin_maintenance(&permit, body.message.as_deref()).await?;
    Ok(Json(Some(message).into()))
}

/// `DELETE /api/v1/maintenance`
pub(super) async fn end(State(api): State<Api>, Who(caller): Who) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_system(&caller)?;
    api.access().end_maintenance(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Robots of a person or an organization.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Name, Robot};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use crate::time::rfc3339;

/// A robot.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Robot)]
pub(super) struct RobotView {
    /// Its name, with whose it is: acme+deploy.
    name: String,
    /// What it is for.
    description: String,
    /// Whether it can do nothing, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
}

/// A robot to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewRobot)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRobotBody {
    /// The part of its name that follows the '+'.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// What it is for.
    #[serde(default)]
    description: String,
}

impl From<Robot> for RobotView {
    fn from(robot: Robot) -> Self {
        Self {
            name: robot.name.to_string(),
            description: robot.description,
            disabled_at: robot.disabled_at.map(rfc3339),
        }
    }
}

/// A robot, where it is in the path.
type OfRobot = (Parsed<NamespaceName>, Parsed<Name>);

/// `GET /api/v1/namespaces/{namespace}/robots`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<RobotView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let found = api.access().robots(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |robot| robot.name.robot().to_string())))
}

/// `POST /api/v1/namespaces/{namespace}/robots`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(NewRobotBody { name: Parsed(name), description }): Body<NewRobotBody>,
) -> Result<(StatusCode, Json<RobotView>), Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().create_robot(&permit, &name, &description).await?;
    let name = format!("{}+{name}", namespace.as_str());
    Ok((StatusCode::CREATED, Json(RobotView { name, description, disabled_at: None })))
}

/// `DELETE /api/v1/namespaces/{namespace}/robots/{robot}`
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(robot))): At<OfRobot>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().remove_robot(&permit, &robot).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/namespaces/{namespace}/robots/{robot}/disable`
pub(super) async fn disable(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(robot))): At<OfRobot>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().set_robot_disabled(&permit, &robot, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/namespaces/{namespace}/robots/{robot}/enable`
pub(super) async fn enable(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(robot))): At<OfRobot>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().set_robot_disabled(&permit, &robot, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

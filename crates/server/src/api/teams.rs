//! Teams of an organization: who is in them, by hand and through groups elsewhere.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Name, Team, TeamGroup, TeamMember};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{Line, Parsed};

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Team)]
pub(super) struct TeamView {
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
}

/// A team to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTeam)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTeamBody {
    /// Its name.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// What it is for.
    #[serde(default)]
    description: String,
}

/// Somebody in a team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamMember)]
pub(super) struct TeamMemberView {
    /// Who.
    account: String,
    /// Whether an owner has put them into it; else they are in it through a group elsewhere alone.
    by_hand: bool,
}

/// A group elsewhere whose members are in a team when they log in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TeamGroup)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupBody {
    /// Where: ldap, or oidc: and the provider.
    source: String,
    /// What it is called there.
    name: String,
}

/// Which group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichGroup {
    source: Parsed<Line>,
    name: Parsed<Line>,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self { name: team.name.to_string(), description: team.description }
    }
}

impl From<TeamMember> for TeamMemberView {
    fn from(TeamMember { account, by_hand }: TeamMember) -> Self {
        Self { account: account.to_string(), by_hand }
    }
}

impl From<TeamGroup> for GroupBody {
    fn from(group: TeamGroup) -> Self {
        Self { source: group.source, name: group.name }
    }
}

/// A team, where it is in the path.
type OfTeam = (Parsed<Name>, Parsed<Name>);

/// `GET /api/v1/organizations/{organization}/teams`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(organization)): At<Parsed<Name>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TeamView>>, Problem> {
    let permit = api.access().permit_member(&caller, &organization).await?;
    let found = api.access().teams(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |team| team.name.to_string())))
}

/// `POST /api/v1/organizations/{organization}/teams`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(organization)): At<Parsed<Name>>,
    Body(NewTeamBody { name: Parsed(name), description }): Body<NewTeamBody>,
) -> Result<(StatusCode, Json<TeamView>), Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().create_team(&permit, &name, &description).await?;
    Ok((StatusCode::CREATED, Json(TeamView { name: name.to_string(), description })))
}

/// `DELETE /api/v1/organizations/{organization}/teams/{team}`
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team))): At<OfTeam>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().remove_team(&permit, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/organizations/{organization}/teams/{team}/members`
pub(super) async fn members(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team))): At<OfTeam>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TeamMemberView>>, Problem> {
    let permit = api.access().permit_member(&caller, &organization).await?;
    let found = api.access().team_members(&permit, &team, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |member| member.account.to_string())))
}

/// `PUT /api/v1/organizations/{organization}/teams/{team}/members/{account}`
pub(super) async fn add_member(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team), Parsed(account))): At<(Parsed<Name>, Parsed<Name>, Parsed<Name>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().add_team_member(&permit, &team, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/organizations/{organization}/teams/{team}/members/{account}`
pub(super) async fn remove_member(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team), Parsed(account))): At<(Parsed<Name>, Parsed<Name>, Parsed<Name>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().remove_team_member(&permit, &team, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/organizations/{organization}/teams/{team}/groups`
pub(super) async fn groups(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team))): At<OfTeam>,
) -> Result<Json<Page<GroupBody>>, Problem> {
    let permit = api.access().permit_member(&caller, &organization).await?;
    let found = api.access().team_groups(&permit, &team).await?;
    Ok(Json(Page::whole(found.into_iter().map(GroupBody::from).collect())))
}

/// `PUT /api/v1/organizations/{organization}/teams/{team}/groups`
pub(super) async fn add_group(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team))): At<OfTeam>,
    Body(GroupBody { source, name }): Body<GroupBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().add_team_group(&permit, &team, TeamGroup { source, name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/organizations/{organization}/teams/{team}/groups?source=&name=`
pub(super) async fn remove_group(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(organization), Parsed(team))): At<OfTeam>,
    Asked(WhichGroup { source: Parsed(Line(source)), name: Parsed(Line(name)) }): Asked<WhichGroup>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    api.access().remove_team_group(&permit, &team, TeamGroup { source, name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Organizations and who is in them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use entrepot_access::{Member, Membership, Name, NamespaceChange, Organization, Principal, Visibility};
use http::header::HeaderMap;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Asked, At, Body, Who, invalid};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{Line, Parsed};
use super::{Api, edit};
use crate::time::rfc3339;

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub(super) struct OrganizationView {
    /// Its name.
    name: String,
    /// What it is called.
    display_name: String,
    /// Of its new repositories: public or private.
    default_visibility: String,
    /// Whether its people need a second factor: without one they have no rights through it.
    second_factor: bool,
    /// Since when there is it.
    created_at: String,
}

/// Somebody in an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(super) struct MemberView {
    /// Who.
    account: String,
    /// As what: owner or member.
    role: &'static str,
}

/// An organization to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewOrganization)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrganizationBody {
    /// Its name.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// Who shall own it; whoever makes it, if nobody is named.
    #[schema(value_type = Option<String>)]
    owner: Option<Parsed<Name>>,
}

/// What shall be different; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = OrganizationChange)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// What it is called.
    display_name: Option<String>,
    /// Of its new repositories: public or private.
    #[schema(value_type = Option<String>)]
    default_visibility: Option<Parsed<Visibility>>,
    /// Whether its people need a second factor. Whoever asks for it has to have one.
    second_factor: Option<bool>,
}

/// As what somebody is in an organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = Membership)]
#[serde(deny_unknown_fields)]
pub(super) struct MembershipBody {
    /// owner or member.
    #[schema(value_type = String)]
    role: Parsed<Membership>,
}

/// Which organizations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Everybody's, for administrators.
    #[serde(default)]
    all: bool,
    limit: Option<usize>,
    after: Option<Parsed<Line>>,
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        Self {
            name: organization.name.to_string(),
            display_name: organization.display_name,
            default_visibility: organization.default_visibility.to_string(),
            second_factor: organization.second_factor,
            created_at: rfc3339(organization.created_at),
        }
    }
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self { account: member.account.to_string(), role: member.role.as_str() }
    }
}

/// `GET /api/v1/organizations`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    Asked(which): Asked<Which>,
    uri: Uri,
) -> Result<Json<Page<OrganizationView>>, Problem> {
    let paging = Paging::new(which.limit, which.after);
    let found = match which.all {
        true => {
            let permit = api.access().permit_system(&caller)?;
            api.access().organizations(&permit, paging.after(), paging.probe()).await?
        }
        false => api.access().own_organizations(&caller, paging.after(), paging.probe()).await?,
    };
    Ok(Json(paging.page(&uri, found, |organization| organization.name.to_string())))
}

/// `POST /api/v1/organizations`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    Body(NewOrganizationBody { name: Parsed(name), owner }): Body<NewOrganizationBody>,
) -> Result<(StatusCode, Json<OrganizationView>), Problem> {
    let owner = match (owner, caller.principal()) {
        (Some(Parsed(owner)), _) => owner,
        (None, Principal::Account { name, .. }) => name.clone(),
        (None, Principal::Anonymous) => return Err(entrepot_access::Error::Unauthenticated.into()),
        (
            None,
            Principal::Operator | Principal::Robot { .. } | Principal::Job { .. } | Principal::Organization { .. },
        ) => {
            return Err(invalid("owner", "an organization is owned by a person; name one"));
        }
    };
    let made = api.access().create_organization(&caller, &name, &owner).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// `GET /api/v1/organizations/{organization}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = api.access().permit_member(&caller, &name).await?;
    let organization = api.access().organization(&permit, &name).await?;
    Ok(edit::show(&headers, &OrganizationView::from(organization)))
}

/// `PATCH /api/v1/organizations/{organization}`
pub(super) async fn change(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    headers: HeaderMap,
    Body(body): Body<ChangeBody>,
) -> Result<Response, Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    let inside = api.access().permit_member(&caller, &name).await?;
    let now = api.access().organization(&inside, &name).await?;
    let unless_changed = edit::expects(&headers, &OrganizationView::from(now.clone()))?.then_some(now);
    let default_visibility = body.default_visibility.map(|Parsed(visibility)| visibility);
    let ChangeBody { display_name, second_factor, .. } = body;
    let change = NamespaceChange { display_name, default_visibility, second_factor, unless_changed };
    api.access().change_organization(&permit, change).await?;
    let changed = api.access().organization(&inside, &name).await?;
    Ok(edit::show(&HeaderMap::new(), &OrganizationView::from(changed)))
}

/// `GET /api/v1/organizations/{organization}/members`
pub(super) async fn members(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<MemberView>>, Problem> {
    let permit = api.access().permit_member(&caller, &name).await?;
    let found = api.access().members(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |member| member.account.to_string())))
}

/// `PUT /api/v1/organizations/{organization}/members/{account}`
pub(super) async fn set_member(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(name), Parsed(account))): At<(Parsed<Name>, Parsed<Name>)>,
    Body(MembershipBody { role: Parsed(role) }): Body<MembershipBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    api.access().set_member(&permit, &account, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/organizations/{organization}/members/{account}`
pub(super) async fn remove_member(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(name), Parsed(account))): At<(Parsed<Name>, Parsed<Name>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    api.access().remove_member(&permit, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

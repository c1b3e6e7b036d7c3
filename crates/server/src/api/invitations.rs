//! Invitations to organizations.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Invitation, Invited, Membership, Name, NewInvitation};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::extract::{Asked, At, Body, Who, invalid};
use super::links::SecretBody;
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;

/// An invitation that stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(super) struct InvitationView {
    /// Its id, which is no secret.
    id: String,
    /// Where to.
    organization: String,
    /// Into which team of it, if not only into the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// As what: owner or member.
    role: &'static str,
    /// The account that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The address that the letter went to, if no account is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Who asks.
    inviter: String,
    /// Since when.
    created_at: String,
    /// Until when it can be accepted.
    expires_at: String,
}

/// An invitation to be: to an account or to an address.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewInvitation)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvitationBody {
    /// The account that is asked.
    #[schema(value_type = Option<String>)]
    account: Option<Parsed<Name>>,
    /// The address whose owner is asked, with or without an account.
    email: Option<String>,
    /// As what: owner or member, which it is if nothing is said.
    #[schema(value_type = Option<String>)]
    role: Option<Parsed<Membership>>,
    /// Into which team, if not only into the organization.
    #[schema(value_type = Option<String>)]
    team: Option<Parsed<Name>>,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        let (account, email) = match invitation.to {
            Invited::Account(name) => (Some(name.to_string()), None),
            Invited::Email(email) => (None, Some(email)),
        };
        Self {
            id: invitation.id,
            organization: invitation.organization.to_string(),
            team: invitation.team.map(|team| team.to_string()),
            role: invitation.role.as_str(),
            account,
            email,
            inviter: invitation.inviter,
            created_at: rfc3339(invitation.created_at),
            expires_at: rfc3339(invitation.expires_at),
        }
    }
}

/// `GET /api/v1/organizations/{organization}/invitations`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    let found = api.access().invitations(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |invitation| invitation.id.clone())))
}

/// `POST /api/v1/organizations/{organization}/invitations`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Body(NewInvitationBody { account, email, role, team }): Body<NewInvitationBody>,
) -> Result<(StatusCode, Json<InvitationView>), Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    let to = match (account, email) {
        (Some(Parsed(account)), None) => Invited::Account(account),
        (None, Some(email)) => Invited::Email(email),
        _ => return Err(invalid("account", "say either the account or the address of who is asked")),
    };
    let role = role.map_or(Membership::Member, |Parsed(role)| role);
    let new = NewInvitation { to, role, team: team.map(|Parsed(team)| team) };
    let made = api.access().invite(&permit, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// `DELETE /api/v1/organizations/{organization}/invitations/{id}`
pub(super) async fn revoke(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(name), id)): At<(Parsed<Name>, Uuid)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_organization(&caller, &name).await?;
    api.access().revoke_invitation(&permit, &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/invitations`
pub(super) async fn own(
    State(api): State<Api>,
    Who(caller): Who,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let found = api.access().own_invitations(&caller, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |invitation| invitation.id.clone())))
}

/// `POST /api/v1/invitations/{id}/accept`
pub(super) async fn accept_own(
    State(api): State<Api>,
    Who(caller): Who,
    At(id): At<Uuid>,
) -> Result<Json<InvitationView>, Problem> {
    Ok(Json(api.access().accept_own_invitation(&caller, &id.to_string()).await?.into()))
}

/// `DELETE /api/v1/invitations/{id}`
pub(super) async fn decline(State(api): State<Api>, Who(caller): Who, At(id): At<Uuid>) -> Result<StatusCode, Problem> {
    api.access().decline_invitation(&caller, &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/links/accept`
pub(super) async fn accept(
    State(api): State<Api>,
    Who(caller): Who,
    Body(SecretBody { secret }): Body<SecretBody>,
) -> Result<Json<InvitationView>, Problem> {
    Ok(Json(api.access().accept_invitation(&caller, &secret).await?.into()))
}

//! What people do by links that work once. Their secrets come in bodies: what is in a path or a query is in logs.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Joining, Link, LinkKind, Name, Newcomer, Purpose};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Address, At, Body, Reached, Who};
use super::invitations::InvitationView;
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;

/// What a link is for, and what it is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Link)]
pub(super) struct LinkView {
    /// set-up, sign-up, confirm, reset or invitation.
    kind: &'static str,
    /// Whose account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationView>,
    /// Until when it works.
    expires_at: String,
}

/// A link, by its secret: the last part of its address.
#[derive(Deserialize, ToSchema)]
#[schema(as = LinkSecret)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretBody {
    /// The secret.
    pub(super) secret: String,
}

/// A link that somebody wants to look at.
#[derive(Deserialize, ToSchema)]
#[schema(as = LookedAt)]
#[serde(deny_unknown_fields)]
pub(super) struct LookBody {
    /// set-up, sign-up, confirm, reset or invitation: the last part but one of its address.
    #[schema(value_type = String)]
    kind: Parsed<LinkKind>,
    /// The secret.
    secret: String,
}

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignUp)]
#[serde(deny_unknown_fields)]
pub(super) struct SignUpBody {
    /// The account's name.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// Where the letter goes with the link that makes it.
    email: String,
    /// The password for it.
    password: String,
}

/// Somebody who forgot their password.
#[derive(Deserialize, ToSchema)]
#[schema(as = Forgotten)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgottenBody {
    /// The confirmed address of the account.
    email: String,
}

/// A new password, by a link.
#[derive(Deserialize, ToSchema)]
#[schema(as = Reset)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetBody {
    /// The link's secret.
    secret: String,
    /// The new password.
    password: String,
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[schema(as = SetUp)]
#[serde(deny_unknown_fields)]
pub(super) struct SetUpBody {
    /// The secret of the link that the registry showed when it started.
    secret: String,
    /// The account's name.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// Its password.
    password: String,
    /// Where letters go.
    email: Option<String>,
}

/// An account made by an invitation.
#[derive(Deserialize, ToSchema)]
#[schema(as = Join)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinBody {
    /// The invitation's secret.
    secret: String,
    /// The account's name.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// Its password.
    password: String,
}

/// Whose account a link was about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsedLink {
    /// The account's name.
    account: String,
}

/// A link to be handed to somebody.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeLink {
    /// Its address. Nobody can show it again.
    link: String,
    /// For how long it works.
    lifetime_seconds: u64,
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        let expires_at = rfc3339(link.expires_at);
        let view = |kind: LinkKind, account: Option<Name>, email| Self {
            kind: kind.as_str(),
            account: account.map(|account| account.to_string()),
            email,
            invitation: None,
            expires_at,
        };
        match link.purpose {
            Purpose::SetUp => view(LinkKind::SetUp, None, None),
            Purpose::SignUp { account, email } => view(LinkKind::SignUp, Some(account), Some(email)),
            Purpose::Confirm { account, email } => view(LinkKind::Confirm, Some(account), Some(email)),
            Purpose::Reset { account } => view(LinkKind::Reset, Some(account), None),
            Purpose::Invitation(invitation) => {
                Self { invitation: Some(invitation.into()), ..view(LinkKind::Invitation, None, None) }
            }
        }
    }
}

fn used(account: &Name) -> Json<UsedLink> {
    Json(UsedLink { account: account.to_string() })
}

type Made = Result<(StatusCode, Json<UsedLink>), Problem>;

/// `POST /api/v1/sign-up`
pub(super) async fn sign_up(
    State(api): State<Api>,
    Address(address): Address,
    Body(SignUpBody { name: Parsed(name), email, password }): Body<SignUpBody>,
) -> Result<StatusCode, Problem> {
    api.access().sign_up(Newcomer { name, password }, &email, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/reset`
pub(super) async fn forgotten(
    State(api): State<Api>,
    Address(address): Address,
    Body(ForgottenBody { email }): Body<ForgottenBody>,
) -> Result<StatusCode, Problem> {
    api.access().ask_for_reset(&email, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/links/look`
pub(super) async fn look(
    State(api): State<Api>,
    Body(LookBody { kind: Parsed(kind), secret }): Body<LookBody>,
) -> Result<Json<LinkView>, Problem> {
    Ok(Json(api.access().link(kind, &secret).await?.into()))
}

/// `POST /api/v1/links/set-up`
pub(super) async fn set_up(
    State(api): State<Api>,
    Address(address): Address,
    Body(SetUpBody { secret, name: Parsed(name), password, email }): Body<SetUpBody>,
) -> Made {
    let (newcomer, joining) = (Newcomer { name, password }, Joining::of_program(address));
    let joined = api.access().set_up(&secret, newcomer, email.as_deref(), joining).await?;
    Ok((StatusCode::CREATED, used(&joined.name)))
}

/// `POST /api/v1/links/sign-up`
pub(super) async fn finish_sign_up(
    State(api): State<Api>,
    Address(address): Address,
    Body(SecretBody { secret }): Body<SecretBody>,
) -> Made {
    let joined = api.access().finish_sign_up(&secret, Joining::of_program(address)).await?;
    Ok((StatusCode::CREATED, used(&joined.name)))
}

/// `POST /api/v1/links/confirm`
pub(super) async fn confirm(
    State(api): State<Api>,
    Address(address): Address,
    Body(SecretBody { secret }): Body<SecretBody>,
) -> Result<Json<UsedLink>, Problem> {
    Ok(used(&api.access().confirm_address(&secret, address).await?))
}

/// `POST /api/v1/links/reset`
pub(super) async fn reset(
    State(api): State<Api>,
    Address(address): Address,
    Body(ResetBody { secret, password }): Body<ResetBody>,
) -> Result<Json<UsedLink>, Problem> {
    Ok(used(&api.access().reset_password(&secret, &password, address).await?))
}

/// `POST /api/v1/links/join`
pub(super) async fn join(
    State(api): State<Api>,
    Address(address): Address,
    Body(JoinBody { secret, name: Parsed(name), password }): Body<JoinBody>,
) -> Made {
    let (newcomer, joining) = (Newcomer { name, password }, Joining::of_program(address));
    let joined = api.access().join(&secret, newcomer, joining).await?;
    Ok((StatusCode::CREATED, used(&joined.name)))
}

/// `POST /api/v1/accounts/{account}/confirmation`
pub(super) async fn send_confirmation(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().send_confirmation(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/accounts/{account}/reset-link`
pub(super) async fn reset_link(
    State(api): State<Api>,
    Who(caller): Who,
    Reached(origin): Reached,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<(StatusCode, Json<MadeLink>), Problem> {
    let (system, permit) = (api.access().permit_system(&caller)?, api.access().permit_account(&caller, &name).await?);
    let path = LinkKind::Reset.path(&api.access().reset_link(&system, &permit).await?);
    let link = api.access().public_url().map_or_else(|| format!("{origin}{path}"), |url| url.at(&path));
    Ok((StatusCode::CREATED, Json(MadeLink { link, lifetime_seconds: LinkKind::Reset.lifetime().as_secs() })))
}

//! People.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use entrepot_access::{Account, AccountChange, Name, NewAccount, NewPassword, Visibility};
use http::header::HeaderMap;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Asked, At, Body, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::Parsed;
use super::{Api, edit};
use crate::own::prove;
use crate::time::rfc3339;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    /// Their name.
    name: String,
    /// What they are called.
    display_name: String,
    /// Where letters to them go.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Whether they have shown that they get them.
    email_confirmed: bool,
    /// Whether they govern the registry.
    administrator: bool,
    /// Whether they can do nothing, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
    /// Where they are known from: local, ldap, or oidc: and a provider.
    source: String,
    /// Of their new repositories: public or private.
    default_visibility: String,
    /// Since when there is the account.
    created_at: String,
    /// When they last logged in with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    logged_in_at: Option<String>,
}

/// A person to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewAccount)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccountBody {
    /// Their name: a-z and 0-9, with '.', '_' or '-' between.
    #[schema(value_type = String)]
    name: Parsed<Name>,
    /// Where letters to them go.
    email: Option<String>,
    /// Without one they cannot log in with one.
    password: Option<String>,
    /// Whether they shall govern the registry.
    #[serde(default)]
    administrator: bool,
}

/// What shall be different; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = AccountChange)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// What they are called.
    display_name: Option<String>,
    /// Where letters to them go. Another one has to be confirmed.
    email: Option<String>,
    /// The password that counts now; needed for another address of one's own account.
    current_password: Option<String>,
    /// Of their new repositories: public or private.
    #[schema(value_type = Option<String>)]
    default_visibility: Option<Parsed<Visibility>>,
}

/// A password for an account.
#[derive(Deserialize, ToSchema)]
#[schema(as = Password)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    /// The new one.
    password: String,
    /// The one that counts now; needed for one's own account.
    current_password: Option<String>,
}

/// Who shall own an organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = Owner)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerBody {
    /// A person's name.
    #[schema(value_type = String)]
    owner: Parsed<Name>,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            name: account.name.to_string(),
            display_name: account.display_name,
            email: account.email,
            email_confirmed: account.email_confirmed,
            administrator: account.administrator,
            disabled_at: account.disabled_at.map(rfc3339),
            source: account.source,
            default_visibility: account.default_visibility.to_string(),
            created_at: rfc3339(account.created_at),
            logged_in_at: account.logged_in_at.map(rfc3339),
        }
    }
}

/// `GET /api/v1/accounts`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<AccountView>>, Problem> {
    let permit = api.access().permit_system(&caller)?;
    let found = api.access().accounts(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |account| account.name.to_string())))
}

/// `POST /api/v1/accounts`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    Body(body): Body<NewAccountBody>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let permit = api.access().permit_system(&caller)?;
    let NewAccountBody { name: Parsed(name), email, password, administrator } = body;
    let new = NewAccount { name, email, password: password.map(NewPassword::Chosen), administrator };
    let made = api.access().create_account(&permit, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// `GET /api/v1/accounts/{account}`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    let account = api.access().account(&permit).await?;
    Ok(edit::show(&headers, &AccountView::from(account)))
}

/// `PATCH /api/v1/accounts/{account}`
pub(super) async fn change(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    headers: HeaderMap,
    Body(body): Body<ChangeBody>,
) -> Result<Response, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    let now = api.access().account(&permit).await?;
    let ChangeBody { display_name, email, current_password, default_visibility } = body;
    let other_address = email.is_some() && email != now.email;
    let unless_changed = edit::expects(&headers, &AccountView::from(now.clone()))?.then_some(now);
    if other_address {
        // Links to a new password go there.
        prove(api.access(), &permit, &name, current_password.as_deref()).await?;
    }
    let default_visibility = default_visibility.map(|Parsed(visibility)| visibility);
    let change = AccountChange { display_name, email, default_visibility, unless_changed };
    let changed = api.access().change_account(&permit, change).await?;
    Ok(edit::show(&HeaderMap::new(), &AccountView::from(changed)))
}

/// `POST /api/v1/accounts/{account}/password`
pub(super) async fn password(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    prove(api.access(), &permit, &name, body.current_password.as_deref()).await?;
    api.access().set_password(&permit, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/accounts/{account}/disable`
pub(super) async fn disable(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().set_disabled(&permit, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/accounts/{account}/enable`
pub(super) async fn enable(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().set_disabled(&permit, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/v1/accounts/{account}/administrator`
pub(super) async fn promote(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let (system, permit) = (api.access().permit_system(&caller)?, api.access().permit_account(&caller, &name).await?);
    api.access().set_administrator(&system, &permit, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/accounts/{account}/administrator`
pub(super) async fn demote(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let (system, permit) = (api.access().permit_system(&caller)?, api.access().permit_account(&caller, &name).await?);
    api.access().set_administrator(&system, &permit, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/accounts/{account}/to-organization`
pub(super) async fn to_organization(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Body(OwnerBody { owner: Parsed(owner) }): Body<OwnerBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    let owner = api.access().permit_account(&caller, &owner).await?;
    api.access().turn_into_organization(&permit, &owner).await?;
    Ok(StatusCode::NO_CONTENT)
}

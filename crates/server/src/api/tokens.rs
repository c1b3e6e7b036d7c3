//! Tokens of people, organizations and robots.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use entrepot_access::{Name, NewToken, Pattern, Scope, Scopes, Secret, Token};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::extract::{Asked, At, Body, Who, invalid};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use crate::time::rfc3339;

/// A token, without the secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    /// Its id, which is no secret.
    id: String,
    /// personal, organization, robot, login or device.
    kind: &'static str,
    /// What it is for, for people.
    label: String,
    /// What it may be used for: pull, push, delete, admin.
    scopes: Vec<String>,
    /// Patterns of the repositories on which; all, if there are none.
    repositories: Vec<String>,
    /// When it was made, or made anew.
    created_at: String,
    /// Until when it is good; absent if for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// When it was used last, give or take five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<String>,
}

/// A token to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewToken)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTokenBody {
    /// What it is for, for people.
    #[serde(default)]
    label: String,
    /// What it may be used for: pull, push, delete, admin.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Parsed<Scope>>,
    /// Patterns of the repositories on which; all, if there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    repositories: Vec<Parsed<Pattern>>,
    /// For how long it is good; for ever, if it is absent.
    #[schema(minimum = 1)]
    lifetime_seconds: Option<u32>,
}

/// A token as it is shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// Its id, which is no secret.
    id: String,
    /// The secret. Nobody can show it again.
    token: String,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            kind: token.kind.as_str(),
            label: token.label,
            scopes: token.scopes.to_words().split(' ').map(str::to_owned).collect(),
            repositories: token.repositories.iter().map(Pattern::to_string).collect(),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
            used_at: token.used_at.map(rfc3339),
        }
    }
}

impl NewTokenBody {
    fn new_token(self) -> Result<NewToken, Problem> {
        let scopes = self.scopes.iter().map(|Parsed(scope)| scope.as_str());
        let scopes = Scopes::from_words(scopes).map_err(|_| invalid("scopes", "a token is for one scope at least"))?;
        if self.lifetime_seconds == Some(0) {
            return Err(invalid("lifetime_seconds", "it has to be one at least"));
        }
        Ok(NewToken {
            label: self.label,
            scopes,
            repositories: self.repositories.into_iter().map(|Parsed(pattern)| pattern).collect(),
            lifetime: self.lifetime_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

fn made((id, secret): (String, Secret)) -> (StatusCode, Json<MadeToken>) {
    (StatusCode::CREATED, Json(MadeToken { id, token: secret.reveal().to_owned() }))
}

type Made = Result<(StatusCode, Json<MadeToken>), Problem>;

/// `GET /api/v1/accounts/{account}/tokens`
pub(super) async fn of_person(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(account)): At<Parsed<Name>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TokenView>>, Problem> {
    let permit = api.access().permit_account(&caller, &account).await?;
    let found = api.access().personal_tokens(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |token| token.id.clone())))
}

/// `POST /api/v1/accounts/{account}/tokens`
pub(super) async fn create_personal(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(account)): At<Parsed<Name>>,
    Body(body): Body<NewTokenBody>,
) -> Made {
    let permit = api.access().permit_account(&caller, &account).await?;
    Ok(made(api.access().create_personal_token(&permit, body.new_token()?).await?))
}

/// `POST /api/v1/accounts/{account}/tokens/{id}/rotate`
pub(super) async fn rotate_personal(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(account), Parsed(id))): At<(Parsed<Name>, Parsed<Uuid>)>,
) -> Made {
    let permit = api.access().permit_account(&caller, &account).await?;
    let id = id.to_string();
    let secret = api.access().rotate_personal_token(&permit, &id).await?;
    Ok(made((id, secret)))
}

/// `DELETE /api/v1/accounts/{account}/tokens/{id}`
pub(super) async fn revoke_personal(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(account), Parsed(id))): At<(Parsed<Name>, Parsed<Uuid>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &account).await?;
    api.access().revoke_personal_token(&permit, &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/organizations/{organization}/tokens`
pub(super) async fn of_organization(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(organization)): At<Parsed<Name>>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<TokenView>>, Problem> {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    let found = api.access().organization_tokens(&permit, paging.after(), paging.probe()).await?;
    Ok(Json(paging.page(&uri, found, |token| token.id.clone())))
}

/// `POST /api/v1/organizations/{organization}/tokens`
pub(super) async fn create_organization(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(organization)): At<Parsed<Name>>,
    Body(body): Body<NewTokenBody>,
) -> Made {
    let permit = api.access().permit_organization(&caller, &organization).await?;
    Ok(made(api.access().create_organization_token(&permit, body.new_token()?).await?))
}

/// `GET /api/v1/namespaces/{namespace}/robots/{robot}/tokens`
pub(super) async fn of_robot(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(robot))): At<(Parsed<NamespaceName>, Parsed<Name>)>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let found = api.access().robot_tokens(&permit, &robot).await?;
    Ok(Json(Page::whole(found.into_iter().map(TokenView::from).collect())))
}

/// `POST /api/v1/namespaces/{namespace}/robots/{robot}/tokens`
pub(super) async fn create_robot(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(robot))): At<(Parsed<NamespaceName>, Parsed<Name>)>,
    Body(body): Body<NewTokenBody>,
) -> Made {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    Ok(made(api.access().create_robot_token(&permit, &robot, body.new_token()?).await?))
}

/// `POST /api/v1/namespaces/{namespace}/tokens/{id}/rotate`
pub(super) async fn rotate_owned(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(id))): At<(Parsed<NamespaceName>, Parsed<Uuid>)>,
) -> Made {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let id = id.to_string();
    let secret = api.access().rotate_namespace_token(&permit, &id).await?;
    Ok(made((id, secret)))
}

/// `DELETE /api/v1/namespaces/{namespace}/tokens/{id}`
pub(super) async fn revoke_owned(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(id))): At<(Parsed<NamespaceName>, Parsed<Uuid>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().revoke_namespace_token(&permit, &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

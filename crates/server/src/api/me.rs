//! Who asks.

use axum::Json;
use entrepot_access::{Credential, Pattern, Principal};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Who;

/// Who you are, and what that which you showed may be used for at most.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// anonymous, account, robot, job or organization.
    kind: &'static str,
    /// Your name; absent for who did not log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether you govern the registry.
    administrator: bool,
    /// none, password, identity, link, session or token.
    credential: &'static str,
    /// The id of the token that you showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// What it may be used for: pull, push, delete, admin.
    scopes: Vec<String>,
    /// Patterns of the repositories on which; all, if there are none.
    repositories: Vec<String>,
}

/// `GET /api/v1/me`
pub(super) async fn get(Who(caller): Who) -> Json<Me> {
    let (kind, administrator) = match caller.principal() {
        Principal::Anonymous => ("anonymous", false),
        Principal::Operator => ("operator", true),
        Principal::Account { administrator, .. } => ("account", *administrator),
        Principal::Robot { .. } => ("robot", false),
        Principal::Job { .. } => ("job", false),
        Principal::Organization { .. } => ("organization", false),
    };
    let (credential, token) = match caller.credential() {
        Credential::None => ("none", None),
        Credential::Password => ("password", None),
        Credential::Identity => ("identity", None),
        Credential::Link => ("link", None),
        Credential::Provider(_) => ("provider", None),
        Credential::Session(_) => ("session", None),
        Credential::Token(id) => ("token", Some(id.clone())),
    };
    let scopes = caller.scopes().to_words().split(' ').map(str::to_owned).collect();
    let repositories = caller.repositories().iter().map(Pattern::to_string).collect();
    let name = caller.principal().name();
    Json(Me { kind, name, administrator, credential, token, scopes, repositories })
}

//! Roles on repositories: of teams, people and robots.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Caller, GrantEntry, Name, Pattern, Role, Subject};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::Page;
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};

/// A role on the repositories that a pattern matches.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Grant)]
pub(super) struct GrantView {
    /// Which repositories: `*` stands for any characters.
    pattern: String,
    /// read, write or admin.
    role: &'static str,
}

/// A role to be given, in place of an earlier one on the same pattern.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewGrant)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    /// Which repositories of the namespace: `*` stands for any characters.
    #[schema(value_type = String, example = "acme/web-*")]
    pattern: Parsed<Pattern>,
    /// read, write or admin.
    #[schema(value_type = String, example = "write")]
    role: Parsed<Role>,
}

/// Which role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    pattern: Parsed<Pattern>,
}

impl From<GrantEntry> for GrantView {
    fn from(entry: GrantEntry) -> Self {
        Self { pattern: entry.pattern.to_string(), role: entry.role.as_str() }
    }
}

/// A namespace and somebody to whom roles in it are given.
type InNamespace = (Parsed<NamespaceName>, Parsed<Name>);

async fn list(api: &Api, caller: &Caller, namespace: &str, subject: Subject) -> Result<Json<Page<GrantView>>, Problem> {
    let permit = api.access().permit_namespace(caller, namespace).await?;
    let found = api.access().grants(&permit, subject).await?;
    Ok(Json(Page::whole(found.into_iter().map(GrantView::from).collect())))
}

async fn set(
    api: &Api,
    caller: &Caller,
    namespace: &str,
    subject: Subject,
    GrantBody { pattern: Parsed(pattern), role: Parsed(role) }: GrantBody,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(caller, namespace).await?;
    api.access().set_grant(&permit, subject, pattern, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    api: &Api,
    caller: &Caller,
    namespace: &str,
    subject: Subject,
    Which { pattern: Parsed(pattern) }: Which,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(caller, namespace).await?;
    api.access().remove_grant(&permit, subject, pattern).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The three handlers of a kind of subject.
macro_rules! handlers {
    ($($subject:ident at $path:literal: $list:ident, $set:ident, $remove:ident;)+) => {$(
        #[doc = concat!("`GET ", $path, "`")]
        pub(super) async fn $list(
            State(api): State<Api>,
            Who(caller): Who,
            At((Parsed(namespace), Parsed(name))): At<InNamespace>,
        ) -> Result<Json<Page<GrantView>>, Problem> {
            list(&api, &caller, namespace.as_str(), Subject::$subject(name)).await
        }

        #[doc = concat!("`PUT ", $path, "`")]
        pub(super) async fn $set(
            State(api): State<Api>,
            Who(caller): Who,
            At((Parsed(namespace), Parsed(name))): At<InNamespace>,
            Body(grant): Body<GrantBody>,
        ) -> Result<StatusCode, Problem> {
            set(&api, &caller, namespace.as_str(), Subject::$subject(name), grant).await
        }

        #[doc = concat!("`DELETE ", $path, "?pattern=`")]
        pub(super) async fn $remove(
            State(api): State<Api>,
            Who(caller): Who,
            At((Parsed(namespace), Parsed(name))): At<InNamespace>,
            Asked(which): Asked<Which>,
        ) -> Result<StatusCode, Problem> {
            remove(&api, &caller, namespace.as_str(), Subject::$subject(name), which).await
        }
    )+};
}

handlers! {
    Team at "/api/v1/organizations/{organization}/teams/{team}/grants": of_team, set_team, remove_team;
    Account at "/api/v1/namespaces/{namespace}/people/{account}/grants": of_person, set_person, remove_person;
    Robot at "/api/v1/namespaces/{namespace}/robots/{robot}/grants": of_robot, set_robot, remove_robot;
}

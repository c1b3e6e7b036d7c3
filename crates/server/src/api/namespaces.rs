//! What holds for all repositories of a person, an organization or the library: tags that do not move.

use axum::Json;
use axum::extract::State;
use entrepot_access::{ImmutableTags, Pattern};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::Page;
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};

/// Tags that neither move nor go once they are set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImmutableTags)]
pub(super) struct ImmutableView {
    /// Of which repositories.
    repositories: String,
    /// Which tags.
    tags: String,
}

/// Tags that shall neither move nor go.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewImmutableTags)]
#[serde(deny_unknown_fields)]
pub(super) struct ImmutableBody {
    /// A pattern of repositories of the namespace.
    #[schema(value_type = String, example = "acme/*")]
    repositories: Parsed<Pattern>,
    /// A pattern of tags.
    #[schema(value_type = String, example = "v*")]
    tags: Parsed<Pattern>,
}

impl From<ImmutableTags> for ImmutableView {
    fn from(rule: ImmutableTags) -> Self {
        Self { repositories: rule.repositories.to_string(), tags: rule.tags.to_string() }
    }
}

impl From<ImmutableBody> for ImmutableTags {
    fn from(body: ImmutableBody) -> Self {
        let ImmutableBody { repositories: Parsed(repositories), tags: Parsed(tags) } = body;
        Self { repositories, tags }
    }
}

/// `GET /api/v1/namespaces/{namespace}/immutable-tags`
pub(super) async fn immutable(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
) -> Result<Json<Page<ImmutableView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let found = api.access().immutable(&permit).await?;
    Ok(Json(Page::whole(found.into_iter().map(ImmutableView::from).collect())))
}

/// `PUT /api/v1/namespaces/{namespace}/immutable-tags`
pub(super) async fn add_immutable(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(body): Body<ImmutableBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().set_immutable(&permit, body.into(), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/namespaces/{namespace}/immutable-tags?repositories=&tags=`
pub(super) async fn remove_immutable(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(which): Asked<ImmutableBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().set_immutable(&permit, which.into(), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

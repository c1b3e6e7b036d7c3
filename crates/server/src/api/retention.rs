//! Rules of retention, and what they would do now.

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use entrepot_access::{Error, Pattern};
use entrepot_oci::RepositoryName;
use entrepot_registry::{Conditions, Fortune, RetentionRule, TagFortune};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::Page;
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use crate::time::rfc3339;

/// A rule of retention: the tags that it is about, and what is kept of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetentionRule)]
pub(super) struct RuleView {
    /// Of which repositories.
    repositories: String,
    /// Which tags.
    tags: String,
    /// So many that were set last.
    keep_last: Option<u32>,
    /// Those that were set in so many days.
    younger_than_days: Option<u32>,
    /// Those that were pulled, or set, in so many days.
    pulled_within_days: Option<u32>,
}

/// A rule of retention. It says at least one of what it keeps.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewRetentionRule)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleBody {
    /// A pattern of repositories of the namespace.
    #[schema(value_type = String, example = "acme/*")]
    repositories: Parsed<Pattern>,
    /// A pattern of tags.
    #[schema(value_type = String, example = "pr-*")]
    tags: Parsed<Pattern>,
    /// So many that were set last.
    #[schema(value_type = Option<u32>)]
    keep_last: Option<NonZeroU32>,
    /// Those that were set in so many days.
    #[schema(value_type = Option<u32>)]
    younger_than_days: Option<NonZeroU32>,
    /// Those that were pulled, or set, in so many days.
    #[schema(value_type = Option<u32>)]
    pulled_within_days: Option<NonZeroU32>,
}

/// Of which patterns the rule is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    repositories: Parsed<Pattern>,
    tags: Parsed<Pattern>,
}

/// Of which repository a preview tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Only {
    repository: Option<Parsed<RepositoryName>>,
}

/// What becomes of a tag that a rule is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagFortune)]
pub(super) struct FortuneView {
    /// Its repository.
    repository: String,
    /// The tag.
    tag: String,
    /// What it shows.
    digest: String,
    /// When it was set.
    pushed_at: String,
    /// When that was last pulled, to the minute.
    pulled_at: Option<String>,
    /// Whether it is kept.
    kept: bool,
    /// Why, or which rules do not keep it.
    reason: String,
}

/// What a run of retention would do now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetentionPreview)]
pub(super) struct PreviewView {
    /// The tags that a rule is about; the first 10,000, if there are more.
    tags: Vec<FortuneView>,
    /// Whether there are more.
    more: bool,
}

impl From<RetentionRule> for RuleView {
    fn from(rule: RetentionRule) -> Self {
        Self {
            repositories: rule.repositories.to_string(),
            tags: rule.tags.to_string(),
            keep_last: rule.keeps.keep_last(),
            younger_than_days: rule.keeps.younger_than(),
            pulled_within_days: rule.keeps.pulled_within(),
        }
    }
}

impl From<TagFortune> for FortuneView {
    fn from(told: TagFortune) -> Self {
        Self {
            repository: told.repository.to_string(),
            tag: told.tag,
            digest: told.digest.to_string(),
            pushed_at: rfc3339(told.pushed_at),
            pulled_at: told.pulled_at.map(rfc3339),
            kept: matches!(told.fortune, Fortune::Kept(_)),
            reason: told.fortune.to_string(),
        }
    }
}

/// `GET /api/v1/namespaces/{namespace}/retention`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
) -> Result<Json<Page<RuleView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let rules = api.access().retention(&permit).await?;
    Ok(Json(Page::whole(rules.into_iter().map(RuleView::from).collect())))
}

/// `PUT /api/v1/namespaces/{namespace}/retention`
pub(super) async fn set(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(body): Body<RuleBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let RuleBody { repositories: Parsed(repositories), tags: Parsed(tags), .. } = body;
    let keeps = Conditions::new(body.keep_last, body.younger_than_days, body.pulled_within_days);
    let keeps = keeps.map_err(|invalid| Error::Invalid { field: "retention", why: invalid.to_string() })?;
    api.access().set_retention(&permit, RetentionRule { repositories, tags, keeps }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/namespaces/{namespace}/retention?repositories=&tags=`
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(Which { repositories, tags }): Asked<Which>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().remove_retention(&permit, repositories.0, tags.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/namespaces/{namespace}/retention/preview?repository=`
pub(super) async fn preview(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Asked(Only { repository }): Asked<Only>,
) -> Result<Json<PreviewView>, Problem> {
    api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let only = repository.map(|Parsed(name)| name);
    let told = api.registry()?.preview_retention(namespace.as_str(), only.as_ref()).await?;
    Ok(Json(PreviewView { tags: told.entries.into_iter().map(FortuneView::from).collect(), more: told.more }))
}

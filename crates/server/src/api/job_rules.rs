//! Rules that let jobs of a CI service in, and what each says to a token.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use entrepot_access::{JobRule, NewJobRule, Pattern, RuleVerdict, Scope, Scopes};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::extract::{At, Body, Who, invalid};
use super::page::Page;
use super::problem::Problem;
use super::words::{NamespaceName, Parsed};
use crate::time::rfc3339;

/// A rule that lets jobs in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRule)]
pub(super) struct JobRuleView {
    /// Its id.
    id: String,
    /// What it is for, for people.
    label: String,
    /// Who signs the jobs' tokens.
    issuer: String,
    /// For whom the tokens have to be.
    audience: String,
    /// What a token has to claim: names of claims, and the pattern that each has to match.
    claims: BTreeMap<String, String>,
    /// What the jobs may do: pull, push, delete.
    scopes: Vec<&'static str>,
    /// Patterns of the repositories with which; all of the namespace, if there are none.
    repositories: Vec<String>,
    /// Since when there is the rule.
    created_at: String,
}

/// A rule to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewJobRule)]
#[serde(deny_unknown_fields)]
pub(super) struct NewJobRuleBody {
    /// What it is for, for people.
    #[serde(default)]
    label: String,
    /// Who signs the jobs' tokens: the URL of an OpenID provider. One on the registry's own machine takes an administrator.
    #[schema(example = "https://token.actions.githubusercontent.com")]
    issuer: String,
    /// For whom the tokens have to be, as the jobs ask for them.
    #[schema(example = "registry.acme.example")]
    audience: String,
    /// What a token has to claim, all of it: names of claims, and the pattern that each has to match. `*` stands for anything but a
    /// slash, `**` for anything.
    claims: BTreeMap<String, String>,
    /// What the jobs may do: pull, push, delete.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Parsed<Scope>>,
    /// Patterns of the repositories with which; all of the namespace, if there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    repositories: Vec<Parsed<Pattern>>,
}

/// A rule as it was made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeJobRule {
    /// Its id.
    id: String,
}

/// A token that is to be tried.
#[derive(Deserialize, ToSchema)]
#[schema(as = JobToken)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// The identity token that a job got of its own service.
    token: String,
}

/// What a rule says to a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRuleVerdict)]
pub(super) struct VerdictView {
    /// The rule.
    id: String,
    /// What it is for.
    label: String,
    /// Whether it lets the job in.
    lets_in: bool,
    /// What does not hold, a sentence each; empty if it lets the job in.
    failures: Vec<String>,
}

impl From<JobRule> for JobRuleView {
    fn from(rule: JobRule) -> Self {
        let claims = rule.rule.conditions().iter().map(|(claim, pattern)| (claim.clone(), pattern.to_string()));
        let scopes = Scope::ALL.iter().filter(|scope| rule.scopes.has(**scope));
        Self {
            claims: claims.collect(),
            issuer: rule.rule.issuer().to_string(),
            audience: rule.rule.audience().to_owned(),
            scopes: scopes.map(|scope| scope.as_str()).collect(),
            repositories: rule.repositories.iter().map(Pattern::to_string).collect(),
            created_at: rfc3339(rule.created_at),
            id: rule.id,
            label: rule.label,
        }
    }
}

impl From<RuleVerdict> for VerdictView {
    fn from(verdict: RuleVerdict) -> Self {
        let RuleVerdict { id, label, failures } = verdict;
        Self { id, label, lets_in: failures.is_empty(), failures }
    }
}

impl NewJobRuleBody {
    fn rule(self) -> Result<NewJobRule, Problem> {
        let scopes = self.scopes.iter().map(|Parsed(scope)| scope.as_str());
        let scopes = Scopes::from_words(scopes).map_err(|_| invalid("scopes", "a rule is for one scope at least"))?;
        let repositories = self.repositories.into_iter().map(|Parsed(pattern)| pattern).collect();
        let claims = self.claims.iter().map(|(claim, pattern)| (claim.as_str(), pattern.as_str()));
        Ok(NewJobRule {
            rule: NewJobRule::about(&self.issuer, &self.audience, claims)?,
            label: self.label,
            scopes,
            repositories,
        })
    }
}

/// `GET /api/v1/namespaces/{namespace}/job-rules`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
) -> Result<Json<Page<JobRuleView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let found = api.access().job_rules(&permit).await?;
    Ok(Json(Page::whole(found.into_iter().map(JobRuleView::from).collect())))
}

/// `POST /api/v1/namespaces/{namespace}/job-rules`
pub(super) async fn create(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(body): Body<NewJobRuleBody>,
) -> Result<(StatusCode, Json<MadeJobRule>), Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let id = api.access().add_job_rule(&permit, body.rule()?).await?;
    Ok((StatusCode::CREATED, Json(MadeJobRule { id })))
}

/// `DELETE /api/v1/namespaces/{namespace}/job-rules/{rule}`
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(namespace), Parsed(rule))): At<(Parsed<NamespaceName>, Parsed<Uuid>)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    api.access().remove_job_rule(&permit, &rule.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/namespaces/{namespace}/job-rules/test`
pub(super) async fn test(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(namespace)): At<Parsed<NamespaceName>>,
    Body(TokenBody { token }): Body<TokenBody>,
) -> Result<Json<Page<VerdictView>>, Problem> {
    let permit = api.access().permit_namespace(&caller, namespace.as_str()).await?;
    let verdicts = api.access().test_job_rules(&permit, token.trim()).await?;
    Ok(Json(Page::whole(verdicts.into_iter().map(VerdictView::from).collect())))
}

//! Why somebody may do something with a repository, or may not.

use axum::Json;
use axum::extract::State;
use entrepot_access::Explanation;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, Who, invalid};
use super::problem::Problem;
use super::words::{Line, Parsed};

/// An answer of the rules, with its reasons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(super) struct ExplanationView {
    /// Whether they may.
    allowed: bool,
    /// The role that it takes: read, write or admin.
    needed: &'static str,
    /// Every rule that gives them a role, the greatest first.
    reasons: Vec<ReasonView>,
    /// What would let them, if they may not.
    remedies: Vec<String>,
}

/// A rule that gives a role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reason)]
pub(super) struct ReasonView {
    /// Which role: read, write or admin.
    role: &'static str,
    /// The rule, in a sentence.
    rule: String,
}

/// What is to be explained.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(rename = "as")]
    name: Option<Parsed<Line>>,
    action: String,
    repository: Parsed<RepositoryName>,
}

impl From<Explanation> for ExplanationView {
    fn from(explanation: Explanation) -> Self {
        let reason =
            |reason: &entrepot_access::Reason| ReasonView { role: reason.role().as_str(), rule: reason.to_string() };
        Self {
            allowed: explanation.allowed,
            needed: explanation.needed.as_str(),
            reasons: explanation.reasons.iter().map(reason).collect(),
            remedies: explanation.remedies,
        }
    }
}

/// `GET /api/v1/access/explain?as=&action=&repository=`; without `as` it is about whoever asks, with an empty one about nobody.
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    Asked(Question { name, action, repository: Parsed(repository) }): Asked<Question>,
) -> Result<Json<ExplanationView>, Problem> {
    let action = [Action::Pull, Action::Push, Action::Delete].into_iter().find(|known| known.as_str() == action);
    let action = action.ok_or_else(|| invalid("action", "it has to be pull, push or delete"))?;
    let name = match name {
        Some(Parsed(Line(name))) => Some(name).filter(|name| !name.is_empty()),
        None => caller.principal().name(),
    };
    Ok(Json(api.access().explain(&caller, name.as_deref(), action, &repository).await?.into()))
}

//! Where somebody is logged in with a browser.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Name, Session};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::extract::{At, Who};
use super::page::Page;
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;

/// A browser in which somebody is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    /// Its id, which is no secret.
    id: String,
    /// What it began with: password, second-factor, recovery-code or provider.
    evidence: &'static str,
    /// From where it began.
    address: String,
    /// What the browser calls itself.
    agent: String,
    /// Since when.
    created_at: String,
    /// When it was used last, give or take five minutes.
    seen_at: String,
    /// When it ends at the latest.
    expires_at: String,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            evidence: session.evidence.as_str(),
            address: session.address,
            agent: session.agent,
            created_at: rfc3339(session.created_at),
            seen_at: rfc3339(session.seen_at),
            expires_at: rfc3339(session.expires_at),
        }
    }
}

/// `GET /api/v1/accounts/{account}/sessions`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<Json<Page<SessionView>>, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    let found = api.access().sessions(&permit).await?;
    Ok(Json(Page::whole(found.into_iter().map(SessionView::from).collect())))
}

/// `DELETE /api/v1/accounts/{account}/sessions`
pub(super) async fn end_all(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().end_other_sessions(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/accounts/{account}/sessions/{id}`
pub(super) async fn end(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(name), id)): At<(Parsed<Name>, Uuid)>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().end_one_session(&permit, &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

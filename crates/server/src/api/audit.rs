//! The log of who did what: page by page, or whole as JSON lines.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entrepot_access::{Access, AuditEntry, AuditFilter, Error, Permit, System};
use entrepot_database::Timestamp;
use futures_util::{Stream, stream};
use http::Uri;
use http::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, Who};
use super::page::Paging;
use super::problem::Problem;
use super::words::{Line, Parsed};
use crate::time::rfc3339;

/// A JSON document on each line.
const LINES: &str = "application/x-ndjson";

/// Something that somebody did, or was not allowed to do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct EntryView {
    /// Sorts by time.
    id: String,
    /// When.
    at: String,
    /// Who; empty for somebody who did not say.
    actor: String,
    /// With what: none, password, or token and its id.
    credential: String,
    /// From where, if it came over the network.
    address: String,
    /// What, in words with dots between: push, team.create.
    action: String,
    /// To what.
    target: String,
    /// Whether they might.
    allowed: bool,
    /// What else is to be known.
    detail: String,
}

/// Which entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    actor: Option<Parsed<Line>>,
    target: Option<Parsed<Line>>,
    since: Option<Parsed<Moment>>,
    limit: Option<usize>,
    after: Option<Parsed<Line>>,
}

/// A point in time (RFC 3339).
struct Moment(Timestamp);

impl std::str::FromStr for Moment {
    type Err = humantime::TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let since = humantime::parse_rfc3339(text)?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Self(Timestamp::from_micros(0).plus(since)))
    }
}

impl From<AuditEntry> for EntryView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, actor, credential, address, action, target, allowed, detail } = entry;
        Self { id, at: rfc3339(at), actor, credential, address, action, target, allowed, detail }
    }
}

/// `GET /api/v1/audit`, the youngest entries first.
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    Asked(which): Asked<Which>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let permit = api.access().permit_system(&caller)?;
    let paging = Paging::new(which.limit, which.after);
    let filter = AuditFilter {
        actor: which.actor.map(|Parsed(Line(actor))| actor),
        target: which.target.map(|Parsed(Line(target))| target),
        since: which.since.map(|Parsed(Moment(since))| since),
        before: paging.after(),
        limit: Some(paging.probe()),
    };
    if wants_lines(&headers) {
        let all = AuditFilter { limit: None, ..filter };
        let body = axum::body::Body::from_stream(lines(api.access().clone(), permit, all));
        return Ok(([(header::CONTENT_TYPE, LINES)], body).into_response());
    }
    let found = api.access().audit_log(&permit, filter).await?;
    Ok(Json(paging.page::<_, EntryView>(&uri, found, |entry| entry.id.clone())).into_response())
}

fn wants_lines(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains(LINES))
}

/// Everything from here on, a page of memory at a time.
fn lines(access: Access, permit: Permit<System>, filter: AuditFilter) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold(Some(filter), move |filter| {
        let (access, permit) = (access.clone(), permit.clone());
        async move {
            let Some(filter) = filter else { return Ok(None) };
            let found = access.audit_log(&permit, filter.clone()).await?;
            let Some(last) = found.last().map(|entry| entry.id.clone()) else { return Ok(None) };
            let mut text = Vec::new();
            for entry in found {
                // Cannot fail: strings and a flag.
                text.extend(serde_json::to_vec(&EntryView::from(entry)).unwrap_or_default());
                text.push(b'\n');
            }
            Ok(Some((Bytes::from(text), Some(AuditFilter { before: Some(last), ..filter }))))
        }
    })
}

//! What a tag showed, and rolling it back.

use axum::Json;
use axum::extract::State;
use entrepot_oci::{Digest, RepositoryName, Tag};
use entrepot_registry::gate::{Pull, Push};
use entrepot_registry::{Standing, TagChange};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body, Who};
use super::page::{Page, Paging};
use super::problem::Problem;
use super::words::Parsed;
use crate::time::rfc3339;
use crate::v2::named;

/// A tag was set or deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagChange)]
pub(super) struct ChangeView {
    /// Names the change.
    id: String,
    /// What it showed from then on; null if it was deleted.
    digest: Option<String>,
    /// there, in the trash, or gone: whether it can be rolled back to that; null if it was deleted.
    standing: Option<&'static str>,
    /// When.
    changed_at: String,
    /// By whom, if that is known.
    changed_by: Option<String>,
}

/// Back to what.
#[derive(Deserialize, ToSchema)]
#[schema(as = RollBack)]
#[serde(deny_unknown_fields)]
pub(super) struct RollBackBody {
    /// A digest that the tag showed; what it showed before what it shows now, if it is absent.
    #[schema(value_type = Option<String>)]
    digest: Option<Parsed<Digest>>,
}

/// What a tag shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RolledBack)]
pub(super) struct ShownView {
    /// The digest of its manifest.
    digest: String,
}

impl From<TagChange> for ChangeView {
    fn from(change: TagChange) -> Self {
        let standing = match change.standing {
            Standing::There => "there",
            Standing::InTrash => "in the trash",
            Standing::Gone => "gone",
        };
        Self {
            id: change.id.to_string(),
            digest: change.digest.map(|digest| digest.to_string()),
            standing: change.digest.map(|_| standing),
            changed_at: rfc3339(change.at),
            changed_by: change.by,
        }
    }
}

/// A tag, where it is in the path.
type OfTag = (Parsed<Tag>, Parsed<RepositoryName>);

/// `GET /api/v1/tag-history/{tag}/{name}`
pub(super) async fn list(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(tag), Parsed(name))): At<OfTag>,
    Asked(paging): Asked<Paging>,
    uri: Uri,
) -> Result<Json<Page<ChangeView>>, Problem> {
    let grant = api.gate.authorize::<Pull>(&caller, name).await?;
    let before = paging.after().map(|after| after.parse()).transpose();
    let before = before.map_err(|_| Problem::unreadable("query", "after is no change of a tag".to_owned()))?;
    let page = api.registry()?.tag_history(&grant, &tag, before, Some(paging.limit())).await?;
    let last = page.more.then(|| page.entries.last().map(|change| change.id.to_string())).flatten();
    Ok(Json(Page::new(&uri, page.entries.into_iter().map(ChangeView::from).collect(), last)))
}

/// `POST /api/v1/tag-history/{tag}/{name}`
pub(super) async fn roll_back(
    State(api): State<Api>,
    Who(caller): Who,
    At((Parsed(tag), Parsed(name))): At<OfTag>,
    Body(body): Body<RollBackBody>,
) -> Result<Json<ShownView>, Problem> {
    let grant = api.gate.authorize::<Push>(&caller, name).await?;
    let to = body.digest.map(|Parsed(digest)| digest);
    let digest = api.registry()?.roll_back(&grant, &tag, to).await?;
    api.access().audit_done(&caller, "roll-back", &named(&grant, tag.as_str()));
    Ok(Json(ShownView { digest: digest.to_string() }))
}

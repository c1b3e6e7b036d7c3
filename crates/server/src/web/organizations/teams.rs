//! Teams of an organization.

use axum::extract::{Path, State};
use entrepot_access::{Name, Roster};
use http::StatusCode;

use super::{Inside, SHOWN, begin, owned, place, team};
use crate::web::Web;
use crate::web::failure::Failure;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect, show};
use crate::web::part::Part;
use crate::web::posted::Posted;
use crate::web::section::{Item, Section, Sections};
use crate::web::visitor::Visitor;

/// How the address of the page ends.
pub(super) const HERE: &str = "/teams";
/// People of a team that its line names.
const NAMED: usize = 20;

/// `GET /organizations/{organization}/teams`
pub(crate) async fn list(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name).await?)
}

/// `POST /organizations/{organization}/teams`
pub(crate) async fn create(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    let made = async {
        let team = fields.parsed("team")?;
        web.access.create_team(&permit, &team, fields.text("description").trim()).await.map(|()| team)
    };
    match made.await {
        Ok(team) => Ok(redirect(&format!("{}?done=saved", team::place(&name, &team)))),
        Err(error) => page(&web, &visitor, name.as_str()).await?.refused(&visitor, &fields, error),
    }
}

/// The teams; with a form for another, for owners.
async fn page(web: &Web, visitor: &Visitor, name: &str) -> Result<Sections, Failure> {
    let Inside { name, permit, owner } = Inside::of(web, visitor, name).await?;
    let (at, part) = (format!("{}{HERE}", place(&name)), Part::of::<Name>(visitor, SHOWN));
    let mut rosters = web.access.rosters(&permit, part.after(), part.probed(), NAMED + 1).await?;
    let more = part.cut(&mut rosters, &at, |roster| roster.team.name.to_string());
    let items = rosters.into_iter().map(|roster| item(&name, roster)).collect();
    let page = begin(visitor, &name, format!("Teams of {name}"), HERE, owner.is_some());
    let page = page.section(Section::new("").items(items, "There are none.").more(more));
    if owner.is_none() {
        return Ok(page);
    }
    let form = Form::new(visitor, at, "Make the team")
        .field(Field::text("team", "Name"))
        .field(Field::text("description", "What it is for").optional());
    Ok(page.section(Section::new("A new team").form(form)))
}

fn item(organization: &Name, Roster { team, people }: Roster) -> Item {
    let more = if people.len() > NAMED { " and more" } else { "" };
    let named = people.iter().take(NAMED).map(Name::as_str).collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { "Nobody is in it.".to_owned() } else { format!("{named}{more}") };
    let item = Item::new(team.name.to_string()).at(team::place(organization, &team.name));
    let item = if team.description.is_empty() { item } else { item.fact(team.description) };
    item.fact(named)
}

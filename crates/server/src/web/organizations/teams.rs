//! Teams of an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, InOrganization, Name, Permit, Team};

use super::{SHOWN, name_of, page, place};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

/// Members of a team that its line names.
const NAMED: usize = 20;

/// `POST /organizations/{organization}/teams`
pub(crate) async fn create(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let name = name_of(&name)?;
    let permit = web.access.permit_organization(&visitor.caller, &name).await?;
    let made = async {
        let team = fields.parsed("team")?;
        web.access.create_team(&permit, &team, fields.text("description").trim()).await
    };
    match made.await {
        Ok(()) => Ok(redirect(&format!("{}?done=saved", place(&name)))),
        Err(error) => {
            let (status, form) = form(&visitor, &name).filled(&fields).refused(error);
            page(&web, &visitor, &name, status, vec![form]).await
        }
    }
}

fn form(visitor: &Visitor, name: &Name) -> Form {
    Form::new(visitor, format!("{}/teams", place(name)), "Make the team")
        .field(Field::text("team", "Name"))
        .field(Field::text("description", "What it is for").optional())
        .quiet()
}

/// The teams; with a form for another, if `owner`.
pub(super) async fn section(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    inside: &Permit<InOrganization>,
    owner: bool,
) -> Result<Section, Error> {
    let mut items = Vec::new();
    for Team { name: team, description } in web.access.teams(inside, None, SHOWN).await? {
        let members = web.access.team_members(inside, &name_of(&team)?, None, NAMED + 1).await?;
        let more = if members.len() > NAMED { " and more" } else { "" };
        let named = members.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        let named = if named.is_empty() { "Nobody is in it.".to_owned() } else { format!("{named}{more}") };
        let item = Item::new(team);
        items.push(if description.is_empty() { item } else { item.fact(description) }.fact(named));
    }
    let section = Section::new("Teams").items(items, "There are none.");
    Ok(if owner { section.form(form(visitor, name)) } else { section })
}

//! Robots of an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, Name, NamespaceOwner, Permit, Robot};
use http::StatusCode;

use super::{SHOWN, begin, owned, place, robot};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect, show};
use crate::web::part::Part;
use crate::web::posted::Posted;
use crate::web::section::{Item, Section, Sections};
use crate::web::visitor::Visitor;

/// How the address of the page ends.
pub(super) const HERE: &str = "/robots";

/// `GET /organizations/{organization}/robots`
pub(crate) async fn list(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit).await?)
}

/// `POST /organizations/{organization}/robots`
pub(crate) async fn create(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    let made = async {
        let robot = fields.parsed("robot")?;
        web.access.create_robot(&permit, &robot, fields.text("description").trim()).await.map(|()| robot)
    };
    match made.await {
        Ok(robot) => Ok(redirect(&format!("{}?done=robot", robot::place(&name, &robot)))),
        Err(error) => page(&web, &visitor, &name, &permit).await?.refused(&visitor, &fields, error),
    }
}

async fn page(web: &Web, visitor: &Visitor, name: &Name, permit: &Permit<NamespaceOwner>) -> Result<Sections, Error> {
    let (at, part) = (format!("{}{HERE}", place(name)), Part::of::<Name>(visitor, SHOWN));
    let mut robots = web.access.robots(permit, part.after(), part.probed()).await?;
    let more = part.cut(&mut robots, &at, |robot| robot.name.robot().to_string());
    let item = |robot: Robot| {
        let item = Item::new(robot.name.to_string()).at(robot::place(name, robot.name.robot()));
        let item = if robot.disabled_at.is_some() { item.tag("stopped", "bad") } else { item };
        if robot.description.is_empty() { item } else { item.fact(robot.description) }
    };
    let all = Section::new("")
        .lead("A robot is for a machine: it has roles of its own, and logs in with a token.")
        .items(robots.into_iter().map(item).collect(), "There are none.")
        .more(more);
    let form = Form::new(visitor, at, "Make the robot")
        .field(Field::text("robot", "Name").hint(format!("It logs in as {name}+ and this.")))
        .field(Field::text("description", "What it is for").optional());
    let page = begin(visitor, name, format!("Robots of {name}"), HERE, true).section(all);
    Ok(page.section(Section::new("A new robot").form(form)))
}

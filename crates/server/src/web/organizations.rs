//! Organizations: who is in them, what belongs to them, and what lets jobs in.

pub(super) mod invitations;
pub(super) mod jobs;
pub(super) mod members;
pub(super) mod robot;
pub(super) mod robots;
mod roles;
pub(super) mod team;
pub(super) mod teams;
pub(super) mod tokens;

use axum::extract::{Path, State};
use entrepot_access::{Error, InOrganization, Name, NamespaceOwner, Organization, Permit};
use http::StatusCode;

use super::Web;
use super::failure::Failure;
use super::fields::Fields;
use super::form::{Field, Form};
use super::page::{Answer, Frame, redirect, show};
use super::part::Part;
use super::posted::Posted;
use super::section::{Item, Section, Sections};
use super::visitor::Visitor;

/// Entries of one list.
const SHOWN: usize = 200;

/// The pages about an organization: how their addresses end, their names, and whether they are for owners alone.
const PAGES: &[(&str, &str, bool)] = &[
    ("", "People", false),
    (teams::HERE, "Teams", false),
    (robots::HERE, "Robots", true),
    (tokens::HERE, "Tokens", true),
    (jobs::HERE, "Jobs", true),
];

/// `GET /organizations`
pub(super) async fn list(State(web): State<Web>, visitor: Visitor) -> Answer {
    show(&visitor, StatusCode::OK, &all(&web, &visitor).await?)
}

/// `POST /organizations`
pub(super) async fn create(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let owner = visitor.person()?.clone();
    let made = async { web.access.create_organization(&visitor.caller, &fields.parsed("name")?, &owner).await };
    match made.await {
        Ok(made) => Ok(redirect(&place(&made.name))),
        Err(error) => all(&web, &visitor).await?.refused(&visitor, &fields, error),
    }
}

async fn all(web: &Web, visitor: &Visitor) -> Result<Sections, Failure> {
    visitor.person()?;
    let part = Part::of::<Name>(visitor, SHOWN);
    let mut found = web.access.own_organizations(&visitor.caller, part.after(), part.probed()).await?;
    let more = part.cut(&mut found, "/organizations", |organization| organization.name.to_string());
    let item = |organization: Organization| {
        Item::new(organization.name.to_string()).at(place(&organization.name)).fact(organization.display_name)
    };
    let yours = Section::new("").items(found.into_iter().map(item).collect(), "You are in none.").more(more);
    let name = Field::text("name", "Name").hint("The names of its repositories begin with it.");
    let form = Form::new(visitor, "/organizations", "Make it").field(name);
    let page = Sections::new(Frame::new(visitor, "Organizations").within("organizations"));
    Ok(page.section(yours).section(Section::new("A new organization").form(form)))
}

/// Where the page of an organization is.
fn place(name: &Name) -> String {
    format!("/organizations/{name}")
}

/// What a visitor sees of an organization that they are in, or govern.
struct Inside {
    name: Name,
    permit: Permit<InOrganization>,
    /// Whether they change it, too.
    owner: Option<Permit<NamespaceOwner>>,
}

impl Inside {
    async fn of(web: &Web, visitor: &Visitor, name: &str) -> Result<Self, Failure> {
        visitor.person()?;
        let name = name_of(name)?;
        let permit = web.access.permit_member(&visitor.caller, &name).await?;
        let owner = match web.access.permit_organization(&visitor.caller, &name).await {
            Ok(permit) => Some(permit),
            Err(Error::Denied(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { name, permit, owner })
    }
}

/// An organization that the visitor changes, and that they may.
async fn owned(web: &Web, visitor: &Visitor, name: &str) -> Result<(Name, Permit<NamespaceOwner>), Failure> {
    visitor.person()?;
    let name = name_of(name)?;
    let permit = web.access.permit_organization(&visitor.caller, &name).await?;
    Ok((name, permit))
}

/// The name of an organization out of a path.
fn name_of(text: &str) -> Result<Name, Error> {
    named("organization", text)
}

/// A name out of a path: of `what` there is none with what is no name.
fn named(what: &'static str, text: &str) -> Result<Name, Error> {
    text.parse().map_err(|_| Error::NotFound { what, name: text.to_owned() })
}

/// A page about an organization with nothing in it; it is the one of [`PAGES`] that ends in `here`, or below that.
fn begin(visitor: &Visitor, name: &Name, title: impl Into<String>, here: &str, owner: bool) -> Sections {
    let pages = PAGES.iter().filter(|(_, _, owners)| owner || !owners);
    let pages = pages.map(|(end, text, _)| (format!("{}{end}", place(name)), *text));
    let frame = Frame::new(visitor, title).within("organizations");
    Sections::new(frame).beside(name.to_string(), pages, &format!("{}{here}", place(name)))
}

/// Something that a form removes with all that belongs to it; who sends it types its name, to be sure.
fn removal(visitor: &Visitor, at: &str, what: &'static str) -> Form {
    Form::new(visitor, format!("{at}/remove"), what).field(Field::text("name", "Its name, to be sure")).harms()
}

/// That the name was typed of what is to be removed.
fn sure(fields: &Fields, name: &Name) -> Result<(), Error> {
    if fields.text("name").trim() == name.as_str() {
        return Ok(());
    }
    Err(Error::Invalid { field: "name", why: format!("it is {name}; nothing is removed until you type it") })
}

/// `GET /organizations/{organization}`
pub(super) async fn one(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    show(&visitor, StatusCode::OK, &people(&web, &visitor, &name).await?)
}

/// The page about the people of an organization.
async fn people(web: &Web, visitor: &Visitor, name: &str) -> Result<Sections, Failure> {
    let inside = Inside::of(web, visitor, name).await?;
    let organization = web.access.organization(&inside.permit, &inside.name).await?;
    let mut page = begin(visitor, &inside.name, inside.name.to_string(), "", inside.owner.is_some());
    if !organization.display_name.is_empty() {
        page = page.section(Section::new("").lead(organization.display_name));
    }
    page = page.section(members::section(web, visitor, &inside).await?);
    if let Some(owner) = &inside.owner {
        page = page.section(invitations::section(web, visitor, &inside.name, owner).await?);
    }
    Ok(page)
}

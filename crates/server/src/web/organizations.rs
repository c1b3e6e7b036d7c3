//! Organizations: who is in them, and what lets jobs in.

pub(super) mod invitations;
pub(super) mod jobs;
pub(super) mod members;
pub(super) mod teams;

use axum::extract::{Path, State};
use entrepot_access::{Error, Name};
use http::StatusCode;

use super::Web;
use super::failure::Failure;
use super::fields::Fields;
use super::form::{Field, Form};
use super::page::{Answer, Frame, redirect, show};
use super::posted::Posted;
use super::section::{Item, Section, Sections};
use super::visitor::Visitor;

/// Entries of one list.
const SHOWN: usize = 200;

/// `GET /organizations`
pub(super) async fn list(State(web): State<Web>, visitor: Visitor) -> Answer {
    let form = form(&visitor, &Fields::default());
    all(&web, &visitor, StatusCode::OK, form).await
}

/// `POST /organizations`
pub(super) async fn create(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let owner = visitor.person()?.clone();
    let made = async { web.access.create_organization(&visitor.caller, &fields.parsed("name")?, &owner).await };
    match made.await {
        Ok(made) => Ok(redirect(&place(&made.name))),
        Err(error) => {
            let (status, form) = form(&visitor, &fields).refused(error);
            all(&web, &visitor, status, form).await
        }
    }
}

async fn all(web: &Web, visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    visitor.person()?;
    let found = web.access.own_organizations(&visitor.caller, None, SHOWN).await?;
    let item = |organization: entrepot_access::Organization| {
        Item::new(organization.name.to_string()).at(place(&organization.name)).fact(organization.display_name)
    };
    let yours = Section::new("").items(found.into_iter().map(item).collect(), "You are in none.");
    let page = Sections::new(Frame::new(visitor, "Organizations").within("organizations"))
        .section(yours)
        .section(Section::new("A new organization").form(form));
    show(visitor, status, &page)
}

fn form(visitor: &Visitor, fields: &Fields) -> Form {
    let name = Field::text("name", "Name").hint("The names of its repositories begin with it.");
    Form::new(visitor, "/organizations", "Make it").field(name).filled(fields)
}

/// Where the page of an organization is.
fn place(name: &Name) -> String {
    format!("/organizations/{name}")
}

/// `GET /organizations/{organization}`
pub(super) async fn one(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    page(&web, &visitor, &name_of(&name)?, StatusCode::OK, Vec::new()).await
}

/// The name of an organization out of a path.
fn name_of(text: &str) -> Result<Name, Error> {
    text.parse().map_err(|_| Error::NotFound { what: "organization", name: text.to_owned() })
}

/// A page about an organization, with forms that were refused in place of those that its sections would have.
async fn page(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    status: StatusCode,
    refused: Vec<Form>,
) -> Result<axum::response::Response, Failure> {
    visitor.person()?;
    let inside = web.access.permit_member(&visitor.caller, name).await?;
    let organization = web.access.organization(&inside, name).await?;
    let owner = match web.access.permit_organization(&visitor.caller, name).await {
        Ok(permit) => Some(permit),
        Err(Error::Denied(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let mut page = Sections::new(Frame::new(visitor, name.to_string()).within("organizations"));
    if !organization.display_name.is_empty() {
        page = page.section(Section::new("").lead(organization.display_name));
    }
    for form in refused {
        page = page.section(Section::new("").form(form));
    }
    page = page.section(members::section(web, visitor, name, &inside, owner.is_some()).await?);
    if let Some(owner) = &owner {
        page = page.section(invitations::section(web, visitor, name, owner).await?);
    }
    page = page.section(teams::section(web, visitor, name, &inside, owner.is_some()).await?);
    if owner.is_some() {
        let jobs = Section::new("Jobs without a secret")
            .lead("A job of a CI can log in with the token that its provider signs, by rules of the organization.")
            .link(format!("{}/ci", place(name)), "Test a token against the rules");
        page = page.section(jobs);
    }
    show(visitor, status, &page)
}

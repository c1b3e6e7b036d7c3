//! Tokens that act for an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, Name, NamespaceOwner, Permit};
use http::StatusCode;
use uuid::Uuid;

use super::{begin, owned, place};
use crate::web::Web;
use crate::web::page::{Answer, redirect, show};
use crate::web::posted::Posted;
use crate::web::section::{Section, Sections};
use crate::web::token::{form, list, new_token, once, part};
use crate::web::visitor::Visitor;

/// How the address of the page ends.
pub(super) const HERE: &str = "/tokens";

/// `GET /organizations/{organization}/tokens`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, None).await?)
}

/// `POST /organizations/{organization}/tokens`
pub(crate) async fn create(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    let made = async { web.access.create_organization_token(&permit, new_token(&fields)?).await };
    match made.await {
        Ok((_, secret)) => {
            let made = once("The new token", &secret, name.as_str(), &at(&name));
            show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, Some(made)).await?)
        }
        Err(error) => page(&web, &visitor, &name, &permit, None).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /organizations/{organization}/tokens/{id}/rotate`
pub(crate) async fn rotate(
    State(web): State<Web>,
    Path((name, id)): Path<(String, Uuid)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    let secret = web.access.rotate_namespace_token(&permit, &id.to_string()).await?;
    let made = once("The new secret", &secret, name.as_str(), &at(&name));
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, Some(made)).await?)
}

/// `POST /organizations/{organization}/tokens/{id}/revoke`
pub(crate) async fn revoke(
    State(web): State<Web>,
    Path((name, id)): Path<(String, Uuid)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    web.access.revoke_namespace_token(&permit, &id.to_string()).await?;
    Ok(redirect(&format!("{}?done=revoked", at(&name))))
}

fn at(name: &Name) -> String {
    format!("{}{HERE}", place(name))
}

/// The tokens, after the one that was just `made`, or a form for another.
async fn page(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    permit: &Permit<NamespaceOwner>,
    made: Option<Section>,
) -> Result<Sections, Error> {
    let part = part(visitor);
    let tokens = web.access.organization_tokens(permit, part.after(), part.probed()).await?;
    let new = || {
        Section::new("A new token")
            .lead("It acts for the organization, as an owner would, and stays when people go. For machines a robot can do less.")
            .form(form(visitor, &at(name), name, "All of the organization"))
    };
    let page = begin(visitor, name, format!("Tokens of {name}"), HERE, true).section(made.unwrap_or_else(new));
    Ok(page.section(list(visitor, "Tokens", &at(name), &part, tokens)))
}

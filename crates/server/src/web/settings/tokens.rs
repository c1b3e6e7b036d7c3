//! Tokens that people show in place of their password.

use axum::extract::{Path, State};
use entrepot_access::{AccountOwner, Error, Name, Permit};
use http::StatusCode;
use uuid::Uuid;

use super::{begin, own};
use crate::web::Web;
use crate::web::page::{Answer, redirect, show};
use crate::web::posted::Posted;
use crate::web::section::{Section, Sections};
use crate::web::token::{form, list, new_token, once, part};
use crate::web::visitor::Visitor;

const HERE: &str = "/settings/tokens";

/// `GET /settings/tokens`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, None).await?)
}

/// `POST /settings/tokens`
pub(crate) async fn create(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let made = async { web.access.create_personal_token(&permit, new_token(&fields)?).await };
    match made.await {
        Ok((_, secret)) => {
            let made = once("Your new token", &secret, name.as_str(), HERE);
            show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, Some(made)).await?)
        }
        Err(error) => page(&web, &visitor, &name, &permit, None).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /settings/tokens/{id}/rotate`
pub(crate) async fn rotate(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let secret = web.access.rotate_personal_token(&permit, &id.to_string()).await?;
    let made = once("The new secret", &secret, name.as_str(), HERE);
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, Some(made)).await?)
}

/// `POST /settings/tokens/{id}/revoke`
pub(crate) async fn revoke(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    web.access.revoke_personal_token(&permit, &id.to_string()).await?;
    Ok(redirect("/settings/tokens?done=revoked"))
}

/// The tokens, after the one that was just `made`, or a form for another.
async fn page(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    permit: &Permit<AccountOwner>,
    made: Option<Section>,
) -> Result<Sections, Error> {
    let part = part(visitor);
    let tokens = web.access.personal_tokens(permit, part.after(), part.probed()).await?;
    let new = || Section::new("A new token").form(form(visitor, HERE, name, "All that you may use"));
    let page = begin(visitor, HERE).section(made.unwrap_or_else(new));
    Ok(page.section(list(visitor, "Your tokens", HERE, &part, tokens)))
}

//! Who is in an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, Member, Membership};

use super::{Inside, SHOWN, owned, part, place};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

/// `POST /organizations/{organization}/members/{account}/role`
pub(crate) async fn set(
    State(web): State<Web>,
    Path((name, account)): Path<(String, String)>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    web.access.set_member(&permit, &part("account", &account)?, fields.parsed("role")?).await?;
    Ok(redirect(&format!("{}?done=saved", place(&name))))
}

/// `POST /organizations/{organization}/members/{account}/remove`
pub(crate) async fn remove(
    State(web): State<Web>,
    Path((name, account)): Path<(String, String)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    web.access.remove_member(&permit, &part("account", &account)?).await?;
    Ok(redirect(&format!("{}?done=removed", place(&name))))
}

/// The members; with what owners do about them, for owners.
pub(super) async fn section(web: &Web, visitor: &Visitor, inside: &Inside) -> Result<Section, Error> {
    let members = web.access.members(&inside.permit, None, SHOWN).await?;
    let item = |Member { account, role }: Member| {
        let item = Item::new(account.to_string()).tag(role.as_str(), "");
        if inside.owner.is_none() {
            return item;
        }
        let at = format!("{}/members/{account}", place(&inside.name));
        let (other, button) = match role {
            Membership::Owner => (Membership::Member, "Make a member"),
            Membership::Member => (Membership::Owner, "Make an owner"),
        };
        let change = Form::button(visitor, format!("{at}/role"), button, account.to_string())
            .field(Field::hidden("role", other.as_str()));
        let remove = Form::button(visitor, format!("{at}/remove"), "Remove", account.to_string()).harms();
        item.form(change).form(remove)
    };
    Ok(Section::new("Members").items(members.into_iter().map(item).collect(), "There are none."))
}

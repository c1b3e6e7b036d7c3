//! Who is in an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, Member, Membership, Name};

use super::{Inside, SHOWN, named, owned, place};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::part::Part;
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
    web.access.set_member(&permit, &named("account", &account)?, fields.parsed("role")?).await?;
    Ok(redirect(&format!("{}?done=saved", place(&name))))
}

/// `POST /organizations/{organization}/members/{account}/remove`
pub(crate) async fn remove(
    State(web): State<Web>,
    Path((name, account)): Path<(String, String)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    web.access.remove_member(&permit, &named("account", &account)?).await?;
    Ok(redirect(&format!("{}?done=removed", place(&name))))
}

/// The members; with what owners do about them, for owners.
pub(super) async fn section(web: &Web, visitor: &Visitor, inside: &Inside) -> Result<Section, Error> {
    let part = Part::of::<Name>(visitor, SHOWN);
    let mut members = web.access.members(&inside.permit, part.after(), part.probed()).await?;
    let more = part.cut(&mut members, &place(&inside.name), |member| member.account.to_string());
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
    Ok(Section::new("Members").items(members.into_iter().map(item).collect(), "There are none.").more(more))
}

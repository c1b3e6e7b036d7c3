//! Asking people into an organization.

use axum::extract::{Path, State};
use entrepot_access::{Error, Invitation, Invited, Membership, Name, NamespaceOwner, NewInvitation, Permit};
use uuid::Uuid;

use super::{SHOWN, owned, people, place};
use crate::time::moment;
use crate::web::Web;
use crate::web::fields::{Fields, parsed};
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

/// `POST /organizations/{organization}/invitations`
pub(crate) async fn create(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    let invited = async { web.access.invite(&permit, new_invitation(&fields)?).await };
    match invited.await {
        Ok(_) => Ok(redirect(&format!("{}?done=invited", place(&name)))),
        Err(error) => people(&web, &visitor, name.as_str()).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /organizations/{organization}/invitations/{id}/revoke`
pub(crate) async fn revoke(
    State(web): State<Web>,
    Path((name, id)): Path<(String, Uuid)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    web.access.revoke_invitation(&permit, &id.to_string()).await?;
    Ok(redirect(&format!("{}?done=removed", place(&name))))
}

/// An account has no `@` in its name.
fn new_invitation(fields: &Fields) -> Result<NewInvitation, Error> {
    let to = match fields.text("who").trim() {
        email if email.contains('@') => Invited::Email(email.to_owned()),
        account => Invited::Account(parsed("who", account)?),
    };
    let team = fields.given("team").map(|team| parsed("team", team)).transpose()?;
    Ok(NewInvitation { to, role: fields.parsed("role")?, team })
}

fn form(visitor: &Visitor, name: &Name) -> Form {
    let roles = [(Membership::Member.as_str(), "a member"), (Membership::Owner.as_str(), "an owner")];
    Form::new(visitor, format!("{}/invitations", place(name)), "Invite")
        .field(
            Field::text("who", "Who")
                .hint("The name of an account, or an e-mail address. An invitation works for a week."),
        )
        .field(Field::choice("role", "As", &roles))
        .field(Field::text("team", "Into the team").optional())
}

/// The invitations that stand, and a form for another.
pub(super) async fn section(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    permit: &Permit<NamespaceOwner>,
) -> Result<Section, Error> {
    let found = web.access.invitations(permit, None, SHOWN).await?;
    let item = |invitation: Invitation| {
        let to = match &invitation.to {
            Invited::Account(account) => account.to_string(),
            Invited::Email(email) => email.clone(),
        };
        let at = format!("{}/invitations/{}/revoke", place(name), invitation.id);
        let revoke = Form::button(visitor, at, "Take back", format!("the invitation to {to}")).harms();
        let facts = format!("by {}, until {}", invitation.inviter, moment(invitation.expires_at));
        Item::new(to).tag(invitation.role.as_str(), "").fact(facts).form(revoke)
    };
    let items = found.into_iter().map(item).collect();
    Ok(Section::new("Invitations").items(items, "Nobody is asked.").form(form(visitor, name)))
}

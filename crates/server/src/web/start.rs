//! The first page.

use askama::Template;
use axum::extract::{Path, State};
use entrepot_access::{Anonymous, Error, Invitation, SignUp};
use http::StatusCode;
use uuid::Uuid;

use super::Web;
use super::form::Form;
use super::page::{Answer, Frame, Page, redirect, show as show_page};
use super::posted::Posted;
use super::visitor::Visitor;
use crate::time::moment;

/// Invitations that are shown.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    frame: Frame,
    host: String,
    namespace: String,
    sign_up: bool,
    /// Whether people push who did not log in.
    open: bool,
    invitations: Vec<Asked>,
}

impl Page for Start {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// An invitation to the visitor.
struct Asked {
    organization: String,
    what: String,
    accept: Form,
    decline: Form,
}

/// `GET /`
pub(super) async fn show(State(web): State<Web>, visitor: Visitor) -> Answer {
    let host = web.access.public_url().and_then(|url| url.origin().split_once("://"));
    let page = Start {
        frame: Frame::new(&visitor, "Start"),
        host: host.map_or_else(|| visitor.origin.host().to_owned(), |(_, host)| host.to_owned()),
        namespace: visitor.name().map_or_else(|| "acme".to_owned(), ToString::to_string),
        open: web.access.anonymous() == Anonymous::Push,
        sign_up: *web.access.sign_up_allowed() != SignUp::Nobody,
        invitations: invitations(&web, &visitor).await?,
    };
    show_page(&visitor, StatusCode::OK, &page)
}

async fn invitations(web: &Web, visitor: &Visitor) -> Result<Vec<Asked>, Error> {
    if visitor.name().is_none() {
        return Ok(Vec::new());
    }
    let found = web.access.own_invitations(&visitor.caller, None, SHOWN).await?;
    let asked = |invitation: Invitation| {
        let (id, organization) = (invitation.id, invitation.organization.to_string());
        let team = invitation.team.map(|team| format!(", into the team {team}")).unwrap_or_default();
        let button = |verb: &str, text| {
            Form::button(
                visitor,
                format!("/invitations/{id}/{verb}"),
                text,
                format!("the invitation to {organization}"),
            )
        };
        let (accept, decline) = (button("accept", "Accept"), button("decline", "Decline"));
        let what =
            format!("as {}{team}, by {}, until {}", invitation.role, invitation.inviter, moment(invitation.expires_at));
        Asked { what, accept, decline, organization }
    };
    Ok(found.into_iter().map(asked).collect())
}

/// `POST /invitations/{id}/accept`
pub(super) async fn accept(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    let invitation = web.access.accept_own_invitation(&visitor.caller, &id.to_string()).await?;
    Ok(redirect(&format!("/organizations/{}?done=accepted", invitation.organization)))
}

/// `POST /invitations/{id}/decline`
pub(super) async fn decline(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    web.access.decline_invitation(&visitor.caller, &id.to_string()).await?;
    Ok(redirect("/?done=declined"))
}

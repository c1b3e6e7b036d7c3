//! Where somebody is logged in.

use axum::extract::{Path, State};
use entrepot_access::{Credential, Session};
use http::StatusCode;
use uuid::Uuid;

use super::{own, page};
use crate::time::moment;
use crate::web::Web;
use crate::web::form::Form;
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

const HERE: &str = "/settings/sessions";

/// `GET /settings/sessions`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    let this = match visitor.caller.credential() {
        Credential::Session(id) => id.as_str(),
        _ => "",
    };
    let sessions = web.access.sessions(&permit).await?;
    let others = sessions.iter().any(|session| session.id != this);
    let items = sessions.into_iter().map(|session| item(&visitor, session, this)).collect();
    let mut section = Section::new("").lead("Browsers in which you are logged in.").items(items, "There are none.");
    if others {
        section = section.form(Form::new(&visitor, "/settings/sessions/end-others", "End all others").harms());
    }
    page(&visitor, StatusCode::OK, HERE, [section])
}

fn item(visitor: &Visitor, session: Session, this: &str) -> Item {
    let title = if session.agent.is_empty() { "A browser without a name".to_owned() } else { session.agent };
    let begun = format!("Since {}, by {}, from {}", moment(session.created_at), session.evidence, session.address);
    let seen = format!("Last seen {}; ends {} at the latest", moment(session.seen_at), moment(session.expires_at));
    let item = Item::new(title.clone()).fact(begun).fact(seen);
    if session.id == this {
        return item.tag("this one", "good");
    }
    item.form(Form::button(visitor, format!("{HERE}/{}/end", session.id), "End", title).harms())
}

/// `POST /settings/sessions/{id}/end`
pub(crate) async fn end(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    web.access.end_one_session(&permit, &id.to_string()).await?;
    Ok(redirect("/settings/sessions?done=ended"))
}

/// `POST /settings/sessions/end-others`
pub(crate) async fn end_others(State(web): State<Web>, Posted { visitor, .. }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    web.access.end_other_sessions(&permit).await?;
    Ok(redirect("/settings/sessions?done=ended"))
}

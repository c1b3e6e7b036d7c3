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
    let title = browser(&session.agent);
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

/// What people call a browser that calls itself this. Most claim to be others too, so the order matters.
fn browser(agent: &str) -> String {
    let called =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let program = called(&[
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = called(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, _) if agent.is_empty() => "A browser without a name".to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_the_names_that_people_know() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "A browser without a name"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}

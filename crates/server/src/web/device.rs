//! A program that has no browser waits to be logged in. Whoever has its code sees what it is, and lets it in or turns it away.
//!
//! Somebody may have sent them the code who wants a token of theirs. So nothing is done by looking at the page, and it says what speaks
//! against it.

use axum::extract::State;
use entrepot_access::{AccountOwner, Device, Error, Permit, UserCode};
use entrepot_database::Timestamp;
use http::StatusCode;

use super::Web;
use super::fields::parsed;
use super::form::{Field, Form};
use super::next::parameter;
use super::page::{Answer, Frame, Simple, redirect, show};
use super::posted::Posted;
use super::section::{Item, Section, Sections};
use super::settings::own;
use super::visitor::Visitor;
use crate::time::moment;

const HERE: &str = "/device";
const WARNING: &str = "Let it in only if you have started it yourself, just now, and it shows the same code. Whoever sends you a code or \
     this link, and asks you to let something in, wants to push and pull in your name: then turn it away.";

/// `GET /device`, with or without a code.
pub(super) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    let Some(code) = parameter(&visitor.uri, "code") else {
        return ask_code(&visitor, StatusCode::OK, form(&visitor, ""));
    };
    match look(&web, &permit, &code).await {
        Ok((code, device)) => ask_decision(&visitor, &code, &device),
        Err(error) => refuse(&visitor, &code, error),
    }
}

/// `POST /device`: somebody has typed a code.
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    own(&web, &visitor).await?;
    match fields.parsed::<UserCode>("code") {
        Ok(code) => Ok(redirect(&format!("{HERE}?code={code}"))),
        Err(error) => refuse(&visitor, fields.text("code"), error),
    }
}

/// `POST /device/approve`
pub(super) async fn approve(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match async { web.access.approve_device(&permit, &fields.parsed("code")?).await }.await {
        Ok(_) => Ok(redirect("/device?done=let-in")),
        Err(error) => refuse(&visitor, fields.text("code"), error),
    }
}

/// `POST /device/deny`
pub(super) async fn deny(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match async { web.access.deny_device(&permit, &fields.parsed("code")?).await }.await {
        Ok(_) => Ok(redirect("/device?done=turned-away")),
        Err(error) => refuse(&visitor, fields.text("code"), error),
    }
}

async fn look(web: &Web, permit: &Permit<AccountOwner>, code: &str) -> Result<(UserCode, Device), Error> {
    let code: UserCode = parsed("code", code)?;
    let device = web.access.waiting_device(permit, &code).await?;
    Ok((code, device))
}

fn form(visitor: &Visitor, typed: &str) -> Form {
    let code = Field::code("code", "Code").hint("Eight letters, as the program shows them.").value(typed);
    Form::new(visitor, HERE, "Go on").field(code).focused()
}

fn ask_code(visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let page = Simple::new(Frame::new(visitor, "Log a program in"))
        .lead("A program that waits for you shows a code.")
        .form(form)
        .link("/settings/tokens", "What is logged in already");
    show(visitor, status, &page)
}

fn refuse(visitor: &Visitor, typed: &str, error: Error) -> Answer {
    let (status, form) = form(visitor, typed).refused(error);
    ask_code(visitor, status, form)
}

fn ask_decision(visitor: &Visitor, code: &UserCode, device: &Device) -> Answer {
    let name = visitor.person()?;
    let until = Timestamp::now().plus(Device::LIFETIME);
    let mut item = Item::new(device.name())
        .fact(format!("Asks from {}, since {}", device.address, moment(device.created_at)))
        .fact(format!("It will {} whatever you may, in your name, until {}.", verbs(), moment(until)))
        .fact("It changes no settings, people or tokens. You can end it at any time, under Tokens.");
    let yours = visitor.address.map(|address| address.to_string()).unwrap_or_default();
    if yours != device.address {
        item = item.tag("from elsewhere", "bad").fact(format!("You come from another address: {yours}"));
    }
    let decide = |place: &str, button| {
        Form::new(visitor, format!("{HERE}/{place}"), button).field(Field::hidden("code", code.to_string()))
    };
    let asks = Section::new("It waits for you")
        .lead(format!("A program that calls itself so wants to be logged in as {name}. It shows this code:"))
        .code(code.to_string())
        .items(vec![item], "");
    let choice = Section::new("Did you start it?")
        .lead(WARNING)
        .form(decide("approve", "Let it in"))
        .form(decide("deny", "Turn it away").harms());
    let page = Sections::new(Frame::new(visitor, "Log a program in")).section(asks).section(choice);
    show(visitor, StatusCode::OK, &page)
}

/// What a program may do that is let in.
fn verbs() -> String {
    Device::SCOPES.to_words().replace(' ', ", ")
}

//! The second factor: an authenticator, and codes for when it is lost.

use axum::extract::State;
use entrepot_access::{Error, Proof, RecoveryCode};
use http::StatusCode;

use super::{own, page};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::picture::square_code;
use crate::web::posted::Posted;
use crate::web::section::Section;
use crate::web::visitor::Visitor;

const HERE: &str = "/settings/second-factor";
const BEGIN: &str = "/settings/second-factor/begin";
const CONFIRM: &str = "/settings/second-factor/confirm";
const REMOVE: &str = "/settings/second-factor/remove";
const CODES: &str = "/settings/second-factor/codes";
const WHAT: &str = "With a second factor, who gets to know your password cannot log in with it: a code of an app on your telephone is \
     asked for, too. docker then takes tokens alone.";
const ELSEWHERE: &str =
    "Your second factor is asked for where your password is: by the company's directory or provider.";

/// `GET /settings/second-factor`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    overview(&web, &visitor, StatusCode::OK, None).await
}

/// What there is; with a form that was refused in place of the one like it.
async fn overview(web: &Web, visitor: &Visitor, status: StatusCode, refused: Option<(&str, Form)>) -> Answer {
    let (_, permit) = own(web, visitor).await?;
    if web.access.account(&permit).await?.source != "local" {
        return page(visitor, StatusCode::OK, HERE, [Section::new("").lead(ELSEWHERE)]);
    }
    let factor = web.access.second_factor(&permit).await?;
    if !factor.authenticator {
        let begin = Section::new("It is off").lead(WHAT).form(Form::new(visitor, BEGIN, "Set it up"));
        return page(visitor, status, HERE, [begin]);
    }
    let (codes, remove) = match refused {
        Some((CODES, form)) => (form, remove_form(visitor)),
        Some((_, form)) => (codes_form(visitor), form),
        None => (codes_form(visitor), remove_form(visitor)),
    };
    let left = format!("You have {} left. Each lets you in once, without the app.", factor.recovery_codes);
    let sections = [
        Section::new("It is on").lead("Codes of your app are asked for when you log in."),
        Section::new("Recovery codes").lead(left).form(codes),
        Section::new("Turn it off").lead("Your password alone logs you in then.").form(remove),
    ];
    page(visitor, status, HERE, sections)
}

fn codes_form(visitor: &Visitor) -> Form {
    Form::new(visitor, CODES, "Make new ones").field(Field::code("code", "Code of your app")).quiet()
}

fn remove_form(visitor: &Visitor) -> Form {
    Form::new(visitor, REMOVE, "Turn it off").field(Field::code("code", "Code of your app, or a recovery code")).harms()
}

/// `POST /settings/second-factor/begin`
pub(crate) async fn begin(State(web): State<Web>, Posted { visitor, .. }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let secret = web.access.begin_authenticator(&permit).await?;
    let uri = secret.uri(visitor.origin.host(), name.as_str())?;
    set_up(&visitor, StatusCode::OK, &uri, confirm_form(&visitor, &uri))
}

/// `POST /settings/second-factor/confirm`
pub(crate) async fn confirm(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.confirm_authenticator(&permit, fields.text("code")).await {
        Ok(codes) => show_codes(&visitor, "It is on", &codes),
        Err(error @ Error::Invalid { .. }) => {
            let uri = fields.text("uri");
            let (status, form) = confirm_form(&visitor, uri).refused(error);
            set_up(&visitor, status, uri, form)
        }
        Err(error) => Err(error.into()),
    }
}

/// What the app reads comes back with the code: nobody shows a secret twice that is kept here.
fn confirm_form(visitor: &Visitor, uri: &str) -> Form {
    Form::new(visitor, CONFIRM, "Turn it on")
        .field(Field::hidden("uri", uri))
        .field(Field::code("code", "The code that it shows now"))
}

fn set_up(visitor: &Visitor, status: StatusCode, uri: &str, form: Form) -> Answer {
    let query = uri.split_once('?').map_or("", |(_, query)| query).as_bytes();
    let secret = form_urlencoded::parse(query).find(|(key, _)| key == "secret");
    let secret = secret.map(|(_, value)| value.into_owned()).unwrap_or_default();
    let mut section = Section::new("Give it to your app")
        .lead("Let your authenticator app read the square, or type into it what is below.");
    if let Some(picture) = square_code(uri) {
        section = section.picture(picture);
    }
    let section = section.once(secret).form(form);
    page(visitor, status, HERE, [section])
}

/// `POST /settings/second-factor/codes`
pub(crate) async fn codes(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.new_recovery_codes(&permit, Proof::of(fields.text("code"))).await {
        Ok(codes) => show_codes(&visitor, "New recovery codes", &codes),
        Err(error) => {
            let (status, form) = codes_form(&visitor).refused(error);
            overview(&web, &visitor, status, Some((CODES, form))).await
        }
    }
}

/// `POST /settings/second-factor/remove`
pub(crate) async fn remove(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.remove_second_factor(&permit, Some(Proof::of(fields.text("code")))).await {
        Ok(()) => Ok(redirect("/settings/second-factor?done=second-factor-off")),
        Err(error) => {
            let (status, form) = remove_form(&visitor).refused(error);
            overview(&web, &visitor, status, Some((REMOVE, form))).await
        }
    }
}

fn show_codes(visitor: &Visitor, heading: &str, codes: &[RecoveryCode]) -> Answer {
    let section = Section::new(heading)
        .lead("These codes let you in when your app is lost, each once. They are shown once: print them, or write them down.")
        .codes(codes.iter().map(RecoveryCode::reveal))
        .link(HERE, "I have kept them");
    page(visitor, StatusCode::OK, HERE, [section])
}

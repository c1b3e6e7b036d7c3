//! The second factor: an authenticator, passkeys, and codes for when they are lost.

use axum::extract::State;
use entrepot_access::{Error, PasskeyOptions, RecoveryCode};
use http::StatusCode;

use super::{own, page, passkeys, with};
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect, show};
use crate::web::passkey::{proof, works};
use crate::web::picture::square_code;
use crate::web::posted::Posted;
use crate::web::section::Section;
use crate::web::visitor::Visitor;

pub(super) const HERE: &str = "/settings/second-factor";
const BEGIN: &str = "/settings/second-factor/begin";
const CONFIRM: &str = "/settings/second-factor/confirm";
const REMOVE: &str = "/settings/second-factor/remove";
const REMOVE_APP: &str = "/settings/second-factor/app/remove";
const CODES: &str = "/settings/second-factor/codes";
const WHAT: &str = "With a second factor, who gets to know your password cannot log in with it: a code of an app on your telephone is \
     asked for, too, or a passkey. docker then takes tokens alone.";
const ELSEWHERE: &str =
    "Your second factor is asked for where your password is: by the company's directory or provider.";

/// What the forms of the page depend on.
pub(super) struct Forms<'a> {
    pub(super) visitor: &'a Visitor,
    /// Whether there is a second factor.
    pub(super) is_on: bool,
    /// Whether the app is a part of it.
    has_app: bool,
    /// What the browser is told to ask for a passkey, if there is one.
    asked: Option<PasskeyOptions>,
}

impl Forms<'_> {
    /// A form for which the second factor is shown once more.
    pub(super) fn again(&self, form: Form) -> Form {
        let code =
            Field::code("code", if self.has_app { "Code of your app, or a recovery code" } else { "Recovery code" });
        match &self.asked {
            Some(asked) => form.field(code.optional().hint("Leave it empty to show a passkey.")).passkey(asked),
            None => form.field(code),
        }
    }
}

/// `GET /settings/second-factor`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    overview(&web, &visitor, None).await
}

/// What there is; with what is wrong in the form that was sent to the address that is given.
pub(super) async fn overview(web: &Web, visitor: &Visitor, refused: Option<(&'static str, Error)>) -> Answer {
    let (_, permit) = own(web, visitor).await?;
    if web.access.account(&permit).await?.source != "local" {
        return page(visitor, StatusCode::OK, HERE, [Section::new("").lead(ELSEWHERE)]);
    }
    let factor = web.access.second_factor(&permit).await?;
    let there = web.access.passkeys(&permit).await?;
    let asked = if works(web, visitor) { web.access.ask_passkey_again(&permit).await? } else { None };
    let (is_on, has_app) = (factor.is_on(), factor.authenticator);
    let forms = Forms { visitor, is_on, has_app, asked };
    let mut sections = vec![if factor.is_on() {
        Section::new("It is on").lead("It is asked for when you log in, after your password.")
    } else {
        Section::new("It is off").lead(WHAT)
    }];
    sections.push(app(&forms, !there.is_empty()));
    sections.push(passkeys::section(web, &forms, &there));
    if factor.is_on() {
        let left =
            format!("You have {} left. Each lets you in once, without the app or a passkey.", factor.recovery_codes);
        let codes = Form::new(visitor, CODES, "Make new ones").quiet();
        sections.push(Section::new("Recovery codes").lead(left).form(forms.again(codes)));
        let remove = Form::new(visitor, REMOVE, "Turn it off").harms();
        let off = Section::new("Turn it off").lead("Your password alone logs you in then, and your passkeys end.");
        sections.push(off.form(forms.again(remove)));
    }
    let page = with(visitor, HERE, sections);
    match refused {
        Some((action, error)) => page.refused_at(visitor, action, error),
        None => show(visitor, StatusCode::OK, &page),
    }
}

/// The part about the app.
fn app(forms: &Forms<'_>, has_passkeys: bool) -> Section {
    let section = Section::new("App");
    match (forms.has_app, has_passkeys) {
        (true, false) => section.lead("Codes of your app are taken."),
        (true, true) => {
            let remove = Form::new(forms.visitor, REMOVE_APP, "Remove the app").harms();
            section.lead("Codes of your app are taken.").form(forms.again(remove))
        }
        (false, _) => {
            let begin = Form::new(forms.visitor, BEGIN, "Set it up");
            let form = if forms.is_on { forms.again(begin.quiet()) } else { begin };
            section.lead("An app on your telephone shows a code that changes every 30 seconds.").form(form)
        }
    }
}

/// `POST /settings/second-factor/begin`
pub(crate) async fn begin(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    match web.access.begin_authenticator(&permit, Some(proof(&fields))).await {
        Ok(secret) => {
            let uri = secret.uri(visitor.origin.host(), name.as_str())?;
            set_up(&visitor, StatusCode::OK, &uri, confirm_form(&visitor, &uri))
        }
        Err(error) => overview(&web, &visitor, Some((BEGIN, error))).await,
    }
}

/// `POST /settings/second-factor/confirm`
pub(crate) async fn confirm(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.confirm_authenticator(&permit, fields.text("code")).await {
        Ok(codes) if codes.is_empty() => Ok(redirect("/settings/second-factor?done=app-added")),
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
    match web.access.new_recovery_codes(&permit, proof(&fields)).await {
        Ok(codes) => show_codes(&visitor, "New recovery codes", &codes),
        Err(error) => overview(&web, &visitor, Some((CODES, error))).await,
    }
}

/// `POST /settings/second-factor/app/remove`
pub(crate) async fn remove_app(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.remove_authenticator(&permit, Some(proof(&fields))).await {
        Ok(()) => Ok(redirect("/settings/second-factor?done=app-removed")),
        Err(error) => overview(&web, &visitor, Some((REMOVE_APP, error))).await,
    }
}

/// `POST /settings/second-factor/remove`
pub(crate) async fn remove(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.remove_second_factor(&permit, Some(proof(&fields))).await {
        Ok(()) => Ok(redirect("/settings/second-factor?done=second-factor-off")),
        Err(error) => overview(&web, &visitor, Some((REMOVE, error))).await,
    }
}

pub(super) fn show_codes(visitor: &Visitor, heading: &str, codes: &[RecoveryCode]) -> Answer {
    let section = Section::new(heading)
        .lead("These codes let you in when your app or your passkey is lost, each once. They are shown once: print them, or write them down.")
        .codes(codes.iter().map(RecoveryCode::reveal))
        .link(HERE, "I have kept them");
    page(visitor, StatusCode::OK, HERE, [section])
}

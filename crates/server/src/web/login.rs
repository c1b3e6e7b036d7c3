//! Logging in and out.

use axum::extract::State;
use axum::response::Response;
use entrepot_access::{Entry, Error, PasskeyOptions, Proof, Secret, SignUp};
use http::StatusCode;
use http::header;

use super::Web;
use super::cookie::Cookie;
use super::fields::Fields;
use super::form::{Field, Form};
use super::next::Next;
use super::page::{Answer, Frame, Simple, redirect, show};
use super::passkey;
use super::posted::Posted;
use super::provider;
use super::visitor::Visitor;

const SECOND_FACTOR: &str = "/login/second-factor";

fn form(visitor: &Visitor, next: &Next, fields: &Fields) -> Form {
    let form = Form::new(visitor, "/login", "Log in")
        .field(Field::hidden("next", next.as_str()))
        .field(Field::account("name"))
        .field(Field::password("password", "Password"));
    form.focused().filled(fields)
}

/// `GET /login`
pub(super) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let next = Next::of(&visitor.uri);
    let form = form(&visitor, &next, &Fields::default());
    page(&web, &visitor, StatusCode::OK, &next, form)
}

/// `POST /login`
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let next = Next::wanted(fields.text("next"));
    match web.access.log_in(fields.text("name").trim(), fields.text("password"), &visitor.visit()).await {
        Ok(entry) => step(&web, &visitor, &entry, &next).await,
        Err(error) => {
            let (status, form) = form(&visitor, &next, &fields).refused(error);
            page(&web, &visitor, status, &next, form)
        }
    }
}

fn page(web: &Web, visitor: &Visitor, status: StatusCode, next: &Next, form: Form) -> Answer {
    let mut page = Simple::new(Frame::new(visitor, "Log in").within("login")).form(form);
    for (name, label) in web.access.login_providers() {
        page = page.way(provider::place(web, name, next), format!("Log in with {label}"));
    }
    if passkey::works(web, visitor) {
        page = page.form(passkey::begin_form(visitor, next));
    }
    page = page.link("/reset", "Forgot the password?");
    if *web.access.sign_up_allowed() != SignUp::Nobody {
        page = page.link("/sign-up", "No account yet? Sign up");
    }
    show(visitor, status, &page)
}

/// Lets somebody in, or asks for what is still missing.
async fn step(web: &Web, visitor: &Visitor, entry: &Entry, next: &Next) -> Answer {
    match entry {
        Entry::In(session) => Ok(entered(visitor, session, next)),
        Entry::SecondFactor { waiting } => {
            let asked = passkey::asked(web, visitor, waiting.reveal()).await?;
            let forms = second_forms(visitor, waiting.reveal(), next, asked.as_ref());
            second_page(visitor, StatusCode::OK, forms)
        }
    }
}

/// The forms for a second factor: for a passkey, if there is one, and for a code.
fn second_forms(visitor: &Visitor, waiting: &str, next: &Next, asked: Option<&PasskeyOptions>) -> Vec<Form> {
    let form = |button| {
        let form = Form::new(visitor, SECOND_FACTOR, button).field(Field::hidden("waiting", waiting));
        form.field(Field::hidden("next", next.as_str()))
    };
    let code = Field::code("code", "Code").hint("Six digits from your app, or one of your recovery codes.");
    let by_code = form("Log in").field(code);
    match asked {
        Some(asked) => vec![form("Use a passkey").passkey(asked), by_code.quiet()],
        None => vec![by_code.focused()],
    }
}

fn second_page(visitor: &Visitor, status: StatusCode, forms: Vec<Form>) -> Answer {
    let page = Simple::new(Frame::new(visitor, "One more step").within("login"))
        .lead("Your password is right. Show your second factor, too.");
    show(visitor, status, &forms.into_iter().fold(page, Simple::form).link("/login", "Begin again"))
}

/// `POST /login/second-factor`
pub(super) async fn second_factor(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (waiting, next) = (fields.text("waiting"), Next::wanted(fields.text("next")));
    let proof = passkey::proof(&fields);
    let error = match web.access.pass_second_factor(waiting, proof, &visitor.visit()).await {
        Ok(entry) => return step(&web, &visitor, &entry, &next).await,
        Err(error) => error,
    };
    let asked = match error {
        Error::Unauthenticated => Err(Error::Unauthenticated),
        _ => passkey::asked(&web, &visitor, waiting).await,
    };
    match asked {
        Ok(asked) => {
            let mut forms = second_forms(&visitor, waiting, &next, asked.as_ref());
            let index = if matches!(proof, Proof::Passkey(_)) { 0 } else { forms.len() - 1 };
            let (status, form) = forms.remove(index).refused(error);
            forms.insert(index, form);
            second_page(&visitor, status, forms)
        }
        Err(Error::Unauthenticated) => Ok(redirect("/login?done=late")),
        Err(error) => Err(error.into()),
    }
}

/// Gives the browser its session, and sends it on.
pub(super) fn entered(visitor: &Visitor, session: &Secret, next: &Next) -> Response {
    let mut response = redirect(next.as_str());
    let https = visitor.origin.is_https();
    let cookies = [Cookie::Session.set(session.reveal(), https), Cookie::Visit.clear(https)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /logout`
pub(super) async fn out(State(web): State<Web>, Posted { visitor, .. }: Posted) -> Answer {
    web.access.end_session(&visitor.caller).await?;
    let mut response = redirect("/?done=out");
    if let Some(cookie) = Cookie::Session.clear(visitor.origin.is_https()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

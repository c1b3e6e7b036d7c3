//! Logging in and out.

use axum::extract::State;
use axum::response::Response;
use entrepot_access::{Entry, Error, Proof, Secret, SignUp};
use http::StatusCode;
use http::header;

use super::Web;
use super::cookie::Cookie;
use super::fields::Fields;
use super::form::{Field, Form};
use super::next::Next;
use super::page::{Answer, Frame, Simple, redirect, show};
use super::posted::Posted;
use super::visitor::Visitor;

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
    page(&web, &visitor, StatusCode::OK, form)
}

/// `POST /login`
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let next = Next::wanted(fields.text("next"));
    match web.access.log_in(fields.text("name").trim(), fields.text("password"), &visitor.visit()).await {
        Ok(entry) => step(&visitor, &entry, &next),
        Err(error) => {
            let (status, form) = form(&visitor, &next, &fields).refused(error);
            page(&web, &visitor, status, form)
        }
    }
}

fn page(web: &Web, visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let mut page = Simple::new(Frame::new(visitor, "Log in").within("login")).form(form);
    page = page.link("/reset", "Forgot the password?");
    if *web.access.sign_up_allowed() != SignUp::Nobody {
        page = page.link("/sign-up", "No account yet? Sign up");
    }
    show(visitor, status, &page)
}

/// Lets somebody in, or asks for what is still missing.
fn step(visitor: &Visitor, entry: &Entry, next: &Next) -> Answer {
    match entry {
        Entry::In(session) => Ok(entered(visitor, session, next)),
        Entry::SecondFactor { waiting, .. } => {
            second_page(visitor, StatusCode::OK, second_form(visitor, waiting.reveal(), next))
        }
    }
}

fn second_form(visitor: &Visitor, waiting: &str, next: &Next) -> Form {
    let code = Field::code("code", "Code").hint("Six digits from your app, or one of your recovery codes.");
    Form::new(visitor, "/login/second-factor", "Log in")
        .field(Field::hidden("waiting", waiting))
        .field(Field::hidden("next", next.as_str()))
        .field(code)
        .focused()
}

fn second_page(visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let page = Simple::new(Frame::new(visitor, "One more step").within("login"))
        .lead("Your password is right. Show your second factor, too.")
        .form(form)
        .link("/login", "Begin again");
    show(visitor, status, &page)
}

/// `POST /login/second-factor`
pub(super) async fn second_factor(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (waiting, next) = (fields.text("waiting"), Next::wanted(fields.text("next")));
    let proof = Proof::of(fields.text("code"));
    match web.access.pass_second_factor(waiting, proof, &visitor.visit()).await {
        Ok(entry) => step(&visitor, &entry, &next),
        Err(Error::Unauthenticated) => Ok(redirect("/login?done=late")),
        Err(error) => {
            let (status, form) = second_form(&visitor, waiting, &next).refused(error);
            second_page(&visitor, status, form)
        }
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

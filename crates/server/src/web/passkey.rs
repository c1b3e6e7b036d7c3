//! Logging in with a passkey alone, and what forms have that take one.

use axum::extract::State;
use entrepot_access::{Error, PasskeyOptions, Proof};
use http::StatusCode;

use super::Web;
use super::fields::Fields;
use super::form::{Field, Form};
use super::login::entered;
use super::next::Next;
use super::page::{Answer, Frame, Simple, redirect, show};
use super::posted::Posted;
use super::visitor::Visitor;

/// Whether browsers take passkeys where this visitor has reached the registry.
pub(super) fn works(web: &Web, visitor: &Visitor) -> bool {
    let here = visitor.origin.to_string();
    web.access.has_passkeys() && web.access.public_url().is_some_and(|url| url.origin() == here)
}

/// What the browser is told of somebody whose password was right, and who has a passkey.
///
/// # Errors
/// [`Error::Unauthenticated`] if `waiting` is good no more; [`Error::TooMany`].
pub(super) async fn asked(web: &Web, visitor: &Visitor, waiting: &str) -> Result<Option<PasskeyOptions>, Error> {
    if !works(web, visitor) {
        return Ok(None);
    }
    web.access.ask_passkey_after_password(waiting, visitor.address).await
}

/// What somebody shows: a passkey, if the script has put one into the form, or else what they typed.
pub(super) fn proof(fields: &Fields) -> Proof<'_> {
    fields.given("passkey").map_or_else(|| Proof::of(fields.text("code")), Proof::Passkey)
}

/// The way from the log-in to the page that asks for a passkey.
pub(super) fn begin_form(visitor: &Visitor, next: &Next) -> Form {
    let form = Form::new(visitor, "/login/passkey/begin", "Use a passkey").quiet();
    form.field(Field::hidden("next", next.as_str()))
}

/// `POST /login/passkey/begin`
pub(super) async fn begin(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let next = Next::wanted(fields.text("next"));
    let asked = web.access.ask_passkey(&visitor.token(), visitor.address).await?;
    let form = Form::new(&visitor, "/login/passkey", "Use a passkey").field(Field::hidden("next", next.as_str()));
    let page = Simple::new(Frame::new(&visitor, "Log in with a passkey").within("login"))
        .lead("Your device asks for its PIN, your finger or your face, and you are in: without name and password.")
        .form(form.passkey(&asked))
        .link(next.after("/login"), "With the password instead");
    show(&visitor, StatusCode::OK, &page)
}

/// `POST /login/passkey`
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let next = Next::wanted(fields.text("next"));
    match web.access.log_in_with_passkey(&visitor.token(), fields.text("passkey"), &visitor.visit()).await {
        Ok(session) => Ok(entered(&visitor, &session, &next)),
        Err(Error::Unauthenticated) => Ok(redirect("/login?done=passkey")),
        Err(error) => Err(error.into()),
    }
}

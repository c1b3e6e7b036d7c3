//! Asking for a new password.

use axum::extract::State;
use http::StatusCode;

use super::Web;
use super::fields::Fields;
use super::form::{Field, Form};
use super::page::{Answer, Frame, Simple, show};
use super::posted::Posted;
use super::visitor::Visitor;

fn form(visitor: &Visitor, fields: &Fields) -> Form {
    let email = Field::email("email", "E-mail").hint("The address of your account, if you have confirmed it.");
    Form::new(visitor, "/reset", "Send a link").field(email).focused().filled(fields)
}

/// `GET /reset`
pub(super) async fn ask(visitor: Visitor) -> Answer {
    page(&visitor, StatusCode::OK, form(&visitor, &Fields::default()))
}

/// `POST /reset`
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    match web.access.ask_for_reset(fields.text("email"), visitor.address).await {
        Ok(()) => {
            let page = Simple::new(Frame::new(&visitor, "Look for a letter"))
                .lead("If there is an account with this address, a letter is on its way. The link in it works for an hour.")
                .link("/login", "To the log-in");
            show(&visitor, StatusCode::OK, &page)
        }
        Err(error) => {
            let (status, form) = form(&visitor, &fields).refused(error);
            page(&visitor, status, form)
        }
    }
}

fn page(visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let page = Simple::new(Frame::new(visitor, "A new password"))
        .lead("You get a letter with a link. Who logs in with the company's directory or provider changes the password there.")
        .form(form)
        .link("/login", "Back to the log-in");
    show(visitor, status, &page)
}

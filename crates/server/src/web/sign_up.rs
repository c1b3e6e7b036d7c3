//! Asking for an account.

use axum::extract::State;
use entrepot_access::{Error, Newcomer, SignUp};
use http::StatusCode;

use super::Web;
use super::fields::Fields;
use super::form::{Field, Form};
use super::page::{Answer, Frame, Simple, show};
use super::posted::Posted;
use super::visitor::Visitor;

fn form(visitor: &Visitor, fields: &Fields) -> Form {
    let form = Form::new(visitor, "/sign-up", "Sign up")
        .field(Field::new_account("name"))
        .field(Field::email("email", "E-mail").hint("A letter goes there, with a link that makes the account."))
        .field(Field::new_password("password", "Password"));
    form.focused().filled(fields)
}

/// `GET /sign-up`
pub(super) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    if *web.access.sign_up_allowed() == SignUp::Nobody {
        return Err(
            Error::Denied("nobody makes an account for themselves here; ask an administrator".to_owned()).into()
        );
    }
    page(&visitor, StatusCode::OK, form(&visitor, &Fields::default()))
}

/// `POST /sign-up`
pub(super) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    match sign_up(&web, &visitor, &fields).await {
        Ok(()) => {
            let page = Simple::new(Frame::new(&visitor, "Look for a letter")).lead(format!(
                "It is on its way to {}. The link in it makes your account, and works for a day.",
                fields.text("email").trim()
            ));
            show(&visitor, StatusCode::OK, &page)
        }
        Err(error) => {
            let (status, form) = form(&visitor, &fields).refused(error);
            page(&visitor, status, form)
        }
    }
}

async fn sign_up(web: &Web, visitor: &Visitor, fields: &Fields) -> Result<(), Error> {
    let newcomer = Newcomer { name: fields.parsed("name")?, password: fields.text("password").to_owned() };
    web.access.sign_up(newcomer, fields.text("email"), visitor.address).await
}

fn page(visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let page = Simple::new(Frame::new(visitor, "Sign up")).form(form).link("/login", "You have an account? Log in");
    show(visitor, status, &page)
}

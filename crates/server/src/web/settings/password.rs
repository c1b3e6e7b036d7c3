//! Another password.

use axum::extract::State;
use http::StatusCode;

use super::{own, page};
use crate::own::prove;
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::Section;
use crate::web::visitor::Visitor;

const HERE: &str = "/settings/password";
const ENDS: &str = "Everything that was issued for the old one ends: you log in again here, and so does docker. Make new tokens for \
     what used yours.";
const ELSEWHERE: &str = "Your password is with the company's directory or provider. Change it there.";

/// `GET /settings/password`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    let section = match web.access.account(&permit).await?.source.as_str() {
        "local" => Section::new("").lead(ENDS).form(form(&visitor)),
        _ => Section::new("").lead(ELSEWHERE),
    };
    page(&visitor, StatusCode::OK, HERE, [section])
}

/// `POST /settings/password`
pub(crate) async fn act(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let changed = async {
        prove(&web.access, &permit, &name, Some(fields.text("current_password"))).await?;
        web.access.set_password(&permit, fields.text("password")).await
    };
    match changed.await {
        Ok(()) => Ok(redirect("/login?done=password")),
        Err(error) => {
            let (status, form) = form(&visitor).refused(error);
            page(&visitor, status, HERE, [Section::new("").lead(ENDS).form(form)])
        }
    }
}

fn form(visitor: &Visitor) -> Form {
    Form::new(visitor, HERE, "Change the password")
        .field(Field::password("current_password", "Your password now"))
        .field(Field::new_password("password", "New password"))
}

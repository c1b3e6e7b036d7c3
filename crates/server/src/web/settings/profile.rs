//! Names, addresses, and what new repositories are.

use axum::extract::State;
use axum::response::Response;
use entrepot_access::{Account, AccountChange};
use http::StatusCode;

use super::{begin, own};
use crate::own::prove;
use crate::web::Web;
use crate::web::failure::Failure;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect, show};
use crate::web::posted::Posted;
use crate::web::section::{Section, Sections};
use crate::web::visitor::Visitor;

const HERE: &str = "/settings";

/// `GET /settings`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    show(&visitor, StatusCode::OK, &page(&visitor, &web.access.account(&permit).await?))
}

/// `POST /settings`
pub(crate) async fn change(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    let changed = async {
        let change = AccountChange {
            display_name: Some(fields.text("display_name").trim().to_owned()),
            email: None,
            default_visibility: Some(fields.parsed("default_visibility")?),
            unless_changed: None,
        };
        web.access.change_account(&permit, change).await
    };
    match changed.await {
        Ok(_) => Ok(redirect("/settings?done=saved")),
        Err(error) => page(&visitor, &web.access.account(&permit).await?).refused(&visitor, &fields, error),
    }
}

/// `POST /settings/email`
pub(crate) async fn email(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let changed = async {
        // Links to a new password go there.
        prove(&web.access, &permit, &name, Some(fields.text("current_password"))).await?;
        let email = Some(fields.text("email").to_owned());
        let change = AccountChange { display_name: None, email, default_visibility: None, unless_changed: None };
        web.access.change_account(&permit, change).await
    };
    match changed.await {
        Ok(_) => Ok(redirect("/settings?done=email")),
        Err(error) => page(&visitor, &web.access.account(&permit).await?).refused(&visitor, &fields, error),
    }
}

/// `POST /settings/confirmation`
pub(crate) async fn confirmation(State(web): State<Web>, Posted { visitor, .. }: Posted) -> Result<Response, Failure> {
    let (_, permit) = own(&web, &visitor).await?;
    web.access.send_confirmation(&permit).await?;
    Ok(redirect("/settings?done=letter"))
}

fn profile_form(visitor: &Visitor, account: &Account) -> Form {
    let visibilities = [("private", "Private: who was given a role"), ("public", "Public: everybody may pull")];
    Form::new(visitor, HERE, "Save")
        .field(Field::text("display_name", "What you are called").value(&account.display_name).optional())
        .field(
            Field::choice("default_visibility", "New repositories are", &visibilities)
                .value(account.default_visibility.as_str()),
        )
}

fn email_form(visitor: &Visitor, account: &Account) -> Form {
    let email = Field::email("email", "E-mail").value(account.email.clone().unwrap_or_default());
    Form::new(visitor, "/settings/email", "Change the address")
        .field(email.hint("A letter goes to the new address, with a link that confirms it, and one to the old."))
        .field(Field::password("current_password", "Your password"))
}

fn page(visitor: &Visitor, account: &Account) -> Sections {
    let mut address = Section::new("Address");
    if account.source == "local" {
        match (&account.email, account.email_confirmed) {
            (Some(email), false) => {
                let again = Form::button(visitor, "/settings/confirmation", "Send the letter again", "to confirm it");
                address = address.lead(format!("{email} is not confirmed yet.")).form(again);
            }
            (Some(email), true) => address = address.lead(format!("{email} is confirmed.")),
            (None, _) => {
                address = address.lead("Without an address you cannot get a link when you forget your password.")
            }
        }
        address = address.form(email_form(visitor, account));
    } else {
        let known = account.email.as_deref().unwrap_or("none");
        address = address.lead(format!("{known}, as the company's directory or provider says. Change it there."));
    }
    begin(visitor, HERE).section(Section::new("").form(profile_form(visitor, account))).section(address)
}

//! Passkeys: made, named and taken away.

use axum::extract::State;
use entrepot_access::{Passkey, PasskeyOptions};
use http::StatusCode;

use super::second_factor::{Forms, HERE, overview, show_codes};
use super::{own, page};
use crate::time::moment;
use crate::web::Web;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect};
use crate::web::passkey::{proof, works};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

const ADD: &str = "/settings/second-factor/passkeys";
const BEGIN: &str = "/settings/second-factor/passkeys/begin";
const REMOVE: &str = "/settings/second-factor/passkeys/remove";
const WHAT: &str = "A passkey is kept by your device, your browser or a security key. It lets you in after your password, or in place of \
     it where it asks for a PIN, your finger or your face. No other site can use it.";

/// The part of the page that is about them.
pub(super) fn section(web: &Web, forms: &Forms<'_>, passkeys: &[Passkey]) -> Section {
    let items = passkeys.iter().map(item).collect();
    let mut section = Section::new("Passkeys").lead(WHAT).items(items, "There is none yet.");
    if works(web, forms.visitor) {
        section = section.form(begin_form(forms));
    } else {
        section = section.lead(elsewhere(web));
    }
    if passkeys.is_empty() { section } else { section.form(remove_form(forms, passkeys)) }
}

/// Why none can be made here.
fn elsewhere(web: &Web) -> String {
    match web.access.public_url().filter(|_| web.access.has_passkeys()) {
        Some(url) => format!("They belong to {url}: open the registry there to use one, or to add one."),
        None => {
            "None can be added yet: they belong to the address of a registry, and whoever runs this one has to set \
                 http.public_url to https:// and its name."
                .to_owned()
        }
    }
}

fn item(passkey: &Passkey) -> Item {
    let used = passkey.used_at.map_or_else(|| "not used yet".to_owned(), |at| format!("last used {}", moment(at)));
    let item = Item::new(&passkey.label).fact(format!("Since {}, {used}", moment(passkey.created_at)));
    if passkey.backed_up { item.tag("backed up", "good") } else { item.tag("on one device", "") }
}

/// Whoever has a second factor shows it once more, and whoever has none their password.
fn begin_form(forms: &Forms<'_>) -> Form {
    let form = Form::new(forms.visitor, BEGIN, "Add a passkey");
    if forms.is_on {
        return forms.again(form.quiet());
    }
    form.field(Field::password("current_password", "Your password"))
}

fn remove_form(forms: &Forms<'_>, passkeys: &[Passkey]) -> Form {
    let choices: Vec<_> = passkeys.iter().map(|passkey| (passkey.id.as_str(), passkey.label.as_str())).collect();
    let form = Form::new(forms.visitor, REMOVE, "Remove it");
    forms.again(form.field(Field::choice("id", "Which to remove", &choices)).harms())
}

/// `POST /settings/second-factor/passkeys/begin`
pub(crate) async fn begin(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.begin_passkey(&permit, fields.text("current_password"), Some(proof(&fields))).await {
        Ok(options) => make(&visitor, StatusCode::OK, add_form(&visitor, &options)),
        Err(error) => overview(&web, &visitor, Some((BEGIN, error))).await,
    }
}

fn add_form(visitor: &Visitor, options: &PasskeyOptions) -> Form {
    let label = Field::text("label", "What you call it").hint("Such as the name of the device that keeps it.");
    Form::new(visitor, ADD, "Make the passkey").field(label).focused().passkey(options)
}

fn make(visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let section = Section::new("A new passkey").lead("Your browser asks where to keep it.").form(form);
    page(visitor, status, HERE, [section.link(HERE, "Not now")])
}

/// `POST /settings/second-factor/passkeys`
pub(crate) async fn add(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.add_passkey(&permit, fields.text("label"), fields.text("passkey")).await {
        Ok(codes) if codes.is_empty() => Ok(redirect("/settings/second-factor?done=passkey-added")),
        Ok(codes) => show_codes(&visitor, "The passkey is added", &codes),
        Err(error) => overview(&web, &visitor, Some((BEGIN, error))).await,
    }
}

/// `POST /settings/second-factor/passkeys/remove`
pub(crate) async fn remove(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    match web.access.remove_passkey(&permit, fields.text("id"), Some(proof(&fields))).await {
        Ok(()) => Ok(redirect("/settings/second-factor?done=passkey-removed")),
        Err(error) => overview(&web, &visitor, Some((REMOVE, error))).await,
    }
}

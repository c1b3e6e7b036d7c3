//! Tokens that people show in place of their password.

use std::time::Duration;

use axum::extract::{Path, State};
use entrepot_access::{AccountOwner, Error, NewToken, Pattern, Permit, Scopes, Token, TokenKind};
use http::StatusCode;
use uuid::Uuid;

use super::{own, page};
use crate::time::moment;
use crate::web::Web;
use crate::web::failure::Failure;
use crate::web::fields::{Fields, parsed};
use crate::web::form::{Field, Form};
use crate::web::next::parameter;
use crate::web::page::{Answer, redirect};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

const HERE: &str = "/settings/tokens";
/// Tokens on one page.
const SHOWN: usize = 50;
const SCOPES: &[(&str, &str)] = &[
    ("pull", "pull: get images"),
    ("push", "push: put images there"),
    ("delete", "delete: take tags and manifests away"),
    ("admin", "admin: change settings, people and tokens"),
];
const LIFETIMES: &[(&str, &str)] =
    &[("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("0", "for ever, until you revoke it")];

/// `GET /settings/tokens`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    let form = form(&visitor, &Fields::default());
    list(&web, &visitor, &permit, StatusCode::OK, Section::new("A new token").form(form)).await
}

/// `POST /settings/tokens`
pub(crate) async fn create(State(web): State<Web>, Posted { visitor, fields }: Posted) -> Answer {
    let (name, permit) = own(&web, &visitor).await?;
    let made = async { web.access.create_personal_token(&permit, new_token(&fields)?).await };
    match made.await {
        Ok((_, secret)) => {
            let made = Section::new("Your new token")
                .lead("It is shown once. Copy it now: nobody can show it again.")
                .once(secret.reveal())
                .lead(format!("docker login --username {name} asks for a password: give it this token."))
                .link(HERE, "Done");
            list(&web, &visitor, &permit, StatusCode::OK, made).await
        }
        Err(error) => {
            let (status, form) = form(&visitor, &fields).refused(error);
            list(&web, &visitor, &permit, status, Section::new("A new token").form(form)).await
        }
    }
}

/// `POST /settings/tokens/{id}/revoke`
pub(crate) async fn revoke(State(web): State<Web>, Path(id): Path<Uuid>, Posted { visitor, .. }: Posted) -> Answer {
    let (_, permit) = own(&web, &visitor).await?;
    web.access.revoke_personal_token(&permit, &id.to_string()).await?;
    Ok(redirect("/settings/tokens?done=revoked"))
}

fn new_token(fields: &Fields) -> Result<NewToken, Error> {
    let none = |_| Error::Invalid { field: "scopes", why: "a token is for one of these at least".to_owned() };
    let scopes = Scopes::from_words(fields.all("scopes")).map_err(none)?;
    let patterns = fields.text("repositories").split_whitespace();
    let repositories = patterns.map(|pattern| parsed("repositories", pattern)).collect::<Result<Vec<Pattern>, _>>()?;
    let days: u32 = fields.parsed("lifetime")?;
    let lifetime = (days > 0).then(|| Duration::from_hours(24 * u64::from(days.min(3650))));
    Ok(NewToken { label: fields.text("label").trim().to_owned(), scopes, repositories, lifetime })
}

fn form(visitor: &Visitor, fields: &Fields) -> Form {
    Form::new(visitor, HERE, "Make the token")
        .field(Field::text("label", "What it is for").hint("For you, to know it again: the laptop, the nightly build."))
        .field(Field::ticks("scopes", "It may", SCOPES).value("pull"))
        .field(Field::lines("repositories", "Only on").optional().hint(
            "Repositories, one a line; * stands for anything: acme/web-*. All that you may use, if you name none.",
        ))
        .field(Field::choice("lifetime", "It works", LIFETIMES).value("90"))
        .filled(fields)
}

async fn list(
    web: &Web,
    visitor: &Visitor,
    permit: &Permit<AccountOwner>,
    status: StatusCode,
    first: Section,
) -> Result<axum::response::Response, Failure> {
    let after = parameter(&visitor.uri, "after").filter(|id| id.parse::<Uuid>().is_ok());
    let mut tokens = web.access.personal_tokens(permit, after, SHOWN + 1).await?;
    let more = tokens.len() > SHOWN;
    tokens.truncate(SHOWN);
    let last = tokens.last().filter(|_| more).map(|token| token.id.clone());
    let items = tokens.into_iter().map(|token| item(visitor, token)).collect();
    let mut section = Section::new("Your tokens").items(items, "You have none.");
    if let Some(last) = last {
        section = section.link(format!("{HERE}?after={last}"), "More");
    }
    page(visitor, status, HERE, [first, section])
}

fn item(visitor: &Visitor, token: Token) -> Item {
    let on = match token.repositories.as_slice() {
        [] => "all repositories".to_owned(),
        some => some.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" "),
    };
    let title = if token.label.is_empty() { "Without a name".to_owned() } else { token.label };
    let until = token.expires_at.map_or("for ever".to_owned(), |at| format!("until {}", moment(at)));
    let used = token.used_at.map_or("never used".to_owned(), |at| format!("last used {}", moment(at)));
    let revoke = Form::button(visitor, format!("{HERE}/{}/revoke", token.id), "Revoke", title.clone()).harms();
    let mut item = Item::new(title)
        .fact(format!("{} on {on}", token.scopes.to_words()))
        .fact(format!("Made {}, works {until}, {used}", moment(token.created_at)))
        .form(revoke);
    match token.kind {
        TokenKind::Login => item = item.tag("a client that is logged in", ""),
        TokenKind::Device => item = item.tag("logged in from a browser", ""),
        TokenKind::Personal | TokenKind::Organization | TokenKind::Robot => {}
    }
    item
}

//! Jobs that log in without a secret: which of the rules lets a token in, and what the others say to it.

use axum::extract::{Path, State};
use entrepot_access::{Error, JobRule, Name, NamespaceOwner, Pattern, Permit, RuleVerdict};
use http::StatusCode;

use super::{begin, owned, place};
use crate::web::Web;
use crate::web::fields::Fields;
use crate::web::form::{Field, Form, sentence};
use crate::web::page::{Answer, show};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section, Sections};
use crate::web::visitor::Visitor;

/// How the address of the page ends.
pub(super) const HERE: &str = "/ci";

/// `GET /organizations/{organization}/ci`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, None).await?)
}

/// `POST /organizations/{organization}/ci`
pub(crate) async fn test(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let (name, permit) = owned(&web, &visitor, &name).await?;
    match web.access.test_job_rules(&permit, fields.text("token").trim()).await {
        Ok(verdicts) => {
            show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &permit, Some((&fields, verdicts))).await?)
        }
        Err(error) => page(&web, &visitor, &name, &permit, None).await?.refused(&visitor, &fields, error),
    }
}

fn form(visitor: &Visitor, name: &Name) -> Form {
    let token = Field::lines("token", "Identity token")
        .hint("Three parts with dots between, as the job gets it. Nothing is kept of it, and nobody is logged in.");
    Form::new(visitor, format!("{}{HERE}", place(name)), "Test it").field(token)
}

/// What each rule says to a token.
fn said(verdicts: Vec<RuleVerdict>) -> Section {
    let let_in = verdicts.iter().find(|verdict| verdict.failures.is_empty()).map(|verdict| verdict.label.clone());
    let item = |verdict: RuleVerdict| {
        let item = Item::new(verdict.label);
        match verdict.failures.is_empty() {
            true => item.tag("lets it in", "good"),
            false => verdict.failures.iter().fold(item.tag("does not", "bad"), |item, why| item.fact(sentence(why))),
        }
    };
    let words =
        let_in.map_or("No rule lets this token in.".to_owned(), |label| format!("It comes in by the rule “{label}”."));
    Section::new("What the rules say").lead(words).items(verdicts.into_iter().map(item).collect(), "")
}

async fn page(
    web: &Web,
    visitor: &Visitor,
    name: &Name,
    permit: &Permit<NamespaceOwner>,
    tested: Option<(&Fields, Vec<RuleVerdict>)>,
) -> Result<Sections, Error> {
    let rules = web.access.job_rules(permit).await?;
    let item = |rule: JobRule| {
        let on = match rule.repositories.as_slice() {
            [] => format!("all of {name}"),
            some => some.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" "),
        };
        Item::new(rule.label)
            .fact(format!("Tokens of {}", rule.rule.issuer().as_str()))
            .fact(format!("{} on {on}", rule.scopes.to_words()))
    };
    let items = rules.into_iter().map(item).collect();
    let (mut page, mut form) = (begin(visitor, name, format!("Jobs of {name}"), HERE, true), form(visitor, name));
    if let Some((fields, verdicts)) = tested {
        form.fill(fields);
        page = page.section(said(verdicts));
    }
    let test = Section::new("Test a token")
        .lead("A job of a CI can log in with the token that its provider signs, by rules of the organization.")
        .form(form);
    let rules = Section::new("Rules").items(items, "There are none: no job comes in by its token.");
    Ok(page.section(test).section(rules))
}

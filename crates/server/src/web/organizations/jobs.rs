//! Jobs that log in without a secret: which of the rules lets a token in, and what the others say to it.

use axum::extract::{Path, State};
use entrepot_access::{JobRule, Name, Pattern, RuleVerdict};
use http::StatusCode;

use super::{name_of, place};
use crate::web::Web;
use crate::web::fields::Fields;
use crate::web::form::{Field, Form, sentence};
use crate::web::page::{Answer, Frame, show};
use crate::web::posted::Posted;
use crate::web::section::{Item, Section, Sections};
use crate::web::visitor::Visitor;

/// `GET /organizations/{organization}/ci`
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let name = name_of(&name)?;
    let form = form(&visitor, &name, &Fields::default());
    page(&web, &visitor, &name, StatusCode::OK, form, None).await
}

/// `POST /organizations/{organization}/ci`
pub(crate) async fn test(
    State(web): State<Web>,
    Path(name): Path<String>,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let name = name_of(&name)?;
    visitor.person()?;
    let permit = web.access.permit_organization(&visitor.caller, &name).await?;
    let form = form(&visitor, &name, &fields);
    match web.access.test_job_rules(&permit, fields.text("token").trim()).await {
        Ok(verdicts) => page(&web, &visitor, &name, StatusCode::OK, form, Some(said(verdicts))).await,
        Err(error) => {
            let (status, form) = form.refused(error);
            page(&web, &visitor, &name, status, form, None).await
        }
    }
}

fn form(visitor: &Visitor, name: &Name, fields: &Fields) -> Form {
    let token = Field::lines("token", "Identity token")
        .hint("Three parts with dots between, as the job gets it. Nothing is kept of it, and nobody is logged in.");
    Form::new(visitor, format!("{}/ci", place(name)), "Test it").field(token).filled(fields)
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
    status: StatusCode,
    form: Form,
    said: Option<Section>,
) -> Answer {
    visitor.person()?;
    let permit = web.access.permit_organization(&visitor.caller, name).await?;
    let rules = web.access.job_rules(&permit).await?;
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
    let mut page = Sections::new(Frame::new(visitor, format!("Jobs of {name}")).within("organizations"));
    if let Some(said) = said {
        page = page.section(said);
    }
    let page = page
        .section(Section::new("Test a token").form(form))
        .section(Section::new("Rules").items(items, "There are none: no job comes in by its token."))
        .section(Section::new("").link(place(name), format!("Back to {name}")));
    show(visitor, status, &page)
}

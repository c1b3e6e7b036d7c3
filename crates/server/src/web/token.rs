//! What pages of tokens have in common, whosever they are: what is asked for a new one, a line for each, and the secret, which is shown
//! once.

use std::time::Duration;

use entrepot_access::{Error, Name, NewToken, Pattern, Scopes, Secret, Token, TokenKind};
use uuid::Uuid;

use super::fields::{Fields, parsed};
use super::form::{Field, Form};
use super::part::Part;
use super::section::{Item, Section};
use super::visitor::Visitor;
use crate::time::moment;

/// Tokens on one page.
const SHOWN: usize = 50;
const SCOPES: &[(&str, &str)] = &[
    ("pull", "pull: get images"),
    ("push", "push: put images there"),
    ("delete", "delete: take tags and manifests away"),
    ("admin", "admin: change settings, people and tokens"),
];
const LIFETIMES: &[(&str, &str)] =
    &[("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("0", "for ever, until it is revoked")];

/// The form for a new token of somebody called `owner`, which is sent to `at`; it may be for `all`, if nothing less is chosen.
pub(super) fn form(visitor: &Visitor, at: &str, owner: &Name, all: &str) -> Form {
    let hint = format!("Repositories, one a line; * stands for anything: {owner}/web-*. {all}, if you name none.");
    Form::new(visitor, at, "Make the token")
        .field(Field::text("label", "What it is for").hint("For you, to know it again: the laptop, the nightly build."))
        .field(Field::ticks("scopes", "It may", SCOPES).value("pull"))
        .field(Field::lines("repositories", "Only on").optional().hint(hint))
        .field(Field::choice("lifetime", "It works", LIFETIMES).value("90"))
}

/// The token that a form asks for.
pub(super) fn new_token(fields: &Fields) -> Result<NewToken, Error> {
    let none = |_| Error::Invalid { field: "scopes", why: "a token is for one of these at least".to_owned() };
    let scopes = Scopes::from_words(fields.all("scopes")).map_err(none)?;
    let patterns = fields.text("repositories").split_whitespace();
    let repositories = patterns.map(|pattern| parsed("repositories", pattern)).collect::<Result<Vec<Pattern>, _>>()?;
    let days: u32 = fields.parsed("lifetime")?;
    let lifetime = (days > 0).then(|| Duration::from_hours(24 * u64::from(days.min(3650))));
    Ok(NewToken { label: fields.text("label").trim().to_owned(), scopes, repositories, lifetime })
}

/// The secret of a token of `username`, for the only time.
pub(super) fn once(heading: &str, secret: &Secret, username: &str, back: &str) -> Section {
    Section::new(heading)
        .lead("It is shown once. Copy it now: nobody can show it again.")
        .once(secret.reveal())
        .lead(format!("docker login --username {username} asks for a password: give it this token."))
        .link(back, "Done")
}

/// The part of a list of tokens for which a visitor asks.
pub(super) fn part(visitor: &Visitor) -> Part {
    Part::of::<Uuid>(visitor, SHOWN)
}

/// Tokens, and the way to more of them; `at` is the address of their page.
pub(super) fn list(visitor: &Visitor, heading: &str, at: &str, part: &Part, mut tokens: Vec<Token>) -> Section {
    let more = part.cut(&mut tokens, at, |token| token.id.clone());
    Section::new(heading).items(items(visitor, at, tokens), "There are none.").more(more)
}

/// A line for each token, with what its owner does about it.
pub(super) fn items(visitor: &Visitor, at: &str, tokens: Vec<Token>) -> Vec<Item> {
    tokens.into_iter().map(|token| item(visitor, at, token)).collect()
}

fn item(visitor: &Visitor, at: &str, token: Token) -> Item {
    let on = match token.repositories.as_slice() {
        [] => "all repositories".to_owned(),
        some => some.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" "),
    };
    let title = if token.label.is_empty() { "Without a name".to_owned() } else { token.label };
    let until = token.expires_at.map_or("for ever".to_owned(), |at| format!("until {}", moment(at)));
    let used = token.used_at.map_or("never used".to_owned(), |at| format!("last used {}", moment(at)));
    let button = |verb, text| Form::button(visitor, format!("{at}/{}/{verb}", token.id), text, title.clone());
    let (rotate, revoke) = (button("rotate", "New secret"), button("revoke", "Revoke").harms());
    let item = Item::new(title)
        .fact(format!("{} on {on}", token.scopes.to_words()))
        .fact(format!("Made {}, works {until}, {used}", moment(token.created_at)));
    match token.kind {
        // A client has its secret, and would know of no other.
        TokenKind::Login => item.tag("a client that is logged in", "").form(revoke),
        TokenKind::Device => item.tag("logged in from a browser", "").form(revoke),
        TokenKind::Personal | TokenKind::Organization | TokenKind::Robot => item.form(rotate).form(revoke),
    }
}

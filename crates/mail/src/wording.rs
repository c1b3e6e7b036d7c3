//! The words of letters. Each sentence is here once; the templates make plain text and HTML of it.

use std::time::Duration;

use askama::Template;

use crate::letter::{Letter, SecondFactorChange};
use crate::span;
use crate::{Error, Link, Name, Registry};

/// A letter as it is read.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    greeting: &'a str,
    what: &'a str,
    step: Option<&'a Step>,
    not_you: &'a str,
    registry: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    subject: &'a str,
    greeting: &'a str,
    what: &'a str,
    step: Option<&'a Step>,
    not_you: &'a str,
    registry: &'a str,
    url: &'a str,
}

/// What both templates are filled with.
struct Content {
    subject: String,
    greeting: String,
    what: String,
    step: Option<Step>,
    not_you: &'static str,
}

/// What the reader is asked to do.
struct Step {
    call: &'static str,
    link: String,
    good_for: String,
}

/// `letter` in the name of `registry`.
///
/// # Errors
/// A template fails, which only a bug makes it do.
pub(crate) fn words(letter: &Letter, registry: &Registry) -> Result<Words, Error> {
    let Content { subject, greeting, what, step, not_you } = content(letter, registry.name.as_str());
    let (step, url, registry) = (step.as_ref(), registry.url.reveal(), registry.name.as_str());
    let (greeting, what) = (&*greeting, &*what);
    let unwritten = |error: askama::Error| Error::Unwritten(error.to_string());
    let text = Text { greeting, what, step, not_you, registry, url }.render().map_err(unwritten)?;
    let html = Html { subject: &subject, greeting, what, step, not_you, registry, url }.render().map_err(unwritten)?;
    Ok(Words { subject, text, html })
}

fn content(letter: &Letter, registry: &str) -> Content {
    match letter {
        Letter::ConfirmAddress { account, link, good_for } => Content {
            subject: format!("Confirm your e-mail address for {registry}"),
            greeting: hello(account),
            what: format!("This address was given for the account {} on {registry}.", account.as_str()),
            step: Some(Step::new("Confirm that it is yours:", link, *good_for)),
            not_you: "If this was not you, do nothing: without the link the address is not used.",
        },
        Letter::ResetPassword { account, link, good_for } => Content {
            subject: format!("Reset your password for {registry}"),
            greeting: hello(account),
            what: format!("Somebody asked for a new password for the account {} on {registry}.", account.as_str()),
            step: Some(Step::new("Choose one here:", link, *good_for)),
            not_you: "If this was not you, do nothing: your password stays as it is.",
        },
        Letter::Invitation { inviter, organization, team, link, good_for } => Content {
            subject: format!("Invitation to {} on {registry}", organization.as_str()),
            greeting: "Hello,".to_owned(),
            what: invitation(inviter, organization, team.as_ref(), registry),
            step: Some(Step::new("Accept the invitation here:", link, *good_for)),
            not_you: "If this was not meant for you, do nothing: without the link nobody joins.",
        },
        Letter::PasswordChanged { account } => Content {
            subject: format!("Your password for {registry} was changed"),
            greeting: hello(account),
            what: format!("The password of the account {} on {registry} was changed.", account.as_str()),
            step: None,
            not_you: INTRUDER,
        },
        Letter::AddressChanged { account } => Content {
            subject: format!("Letters from {registry} go elsewhere now"),
            greeting: hello(account),
            what: format!("Another e-mail address was given for the account {} on {registry}.", account.as_str()),
            step: None,
            not_you: INTRUDER,
        },
        Letter::SecondFactorChanged { account, change } => {
            let (subject, what) = second_factor(*change, account.as_str(), registry);
            Content { subject, greeting: hello(account), what, step: None, not_you: INTRUDER }
        }
    }
}

/// What to do against somebody who is in already.
const INTRUDER: &str = "If this was not you, somebody else can sign in as you: reset your password, and tell the \
                        administrators of the registry.";

fn hello(account: &Name) -> String {
    format!("Hello {},", account.as_str())
}

fn invitation(inviter: &Name, organization: &Name, team: Option<&Name>, registry: &str) -> String {
    let (inviter, organization) = (inviter.as_str(), organization.as_str());
    match team.map(Name::as_str) {
        Some(team) => {
            format!("{inviter} invites you to the team {team} of the organization {organization} on {registry}.")
        }
        None => format!("{inviter} invites you to the organization {organization} on {registry}."),
    }
}

/// Subject and sentence.
fn second_factor(change: SecondFactorChange, account: &str, registry: &str) -> (String, String) {
    match change {
        SecondFactorChange::TurnedOn => (
            format!("Two-factor sign-in for {registry} was turned on"),
            format!("Two-factor sign-in was turned on for the account {account} on {registry}."),
        ),
        SecondFactorChange::TurnedOff => (
            format!("Two-factor sign-in for {registry} was turned off"),
            format!("Two-factor sign-in was turned off for the account {account} on {registry}."),
        ),
        SecondFactorChange::AuthenticatorAdded => (
            format!("An authenticator was added for {registry}"),
            format!("An authenticator app was added for the account {account} on {registry}."),
        ),
        SecondFactorChange::AuthenticatorRemoved => (
            format!("The authenticator for {registry} was removed"),
            format!("The authenticator app of the account {account} on {registry} was removed."),
        ),
        SecondFactorChange::PasskeyAdded => (
            format!("A passkey for {registry} was added"),
            format!("A passkey was added for the account {account} on {registry}. It signs in without the password."),
        ),
        SecondFactorChange::PasskeyRemoved => (
            format!("A passkey for {registry} was removed"),
            format!("A passkey of the account {account} on {registry} was removed."),
        ),
        SecondFactorChange::RecoveryCodesReplaced => (
            format!("Your recovery codes for {registry} were replaced"),
            format!("The account {account} on {registry} has new recovery codes. The old ones do not work any more."),
        ),
        SecondFactorChange::RecoveryCodeUsed { left } => (
            format!("A recovery code for {registry} was used"),
            format!(
                "Somebody signed in to the account {account} on {registry} with a recovery code. {left} {} left.",
                if left == 1 { "code is" } else { "codes are" }
            ),
        ),
    }
}

impl Step {
    fn new(call: &'static str, link: &Link, good_for: Duration) -> Self {
        Self { call, link: link.reveal().to_owned(), good_for: span::in_words(good_for) }
    }
}

#[cfg(test)]
mod tests;

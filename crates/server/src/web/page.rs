//! What all pages have in common: their frame, their headers, and how they are sent.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::assets::Assets;
use super::failure::Failure;
use super::form::Form;
use super::next::parameter;
use super::visitor::Visitor;

/// What a handler answers with.
pub(super) type Answer = Result<Response, Failure>;

/// A page brings nothing from elsewhere, runs nothing, and is in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// One that asks for a passkey runs the one script of ours.
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What is around every page.
pub(super) struct Frame {
    pub(super) title: String,
    /// Who is logged in.
    pub(super) person: Option<String>,
    /// What their forms have to have.
    pub(super) token: String,
    pub(super) may_log_in: bool,
    pub(super) section: &'static str,
    pub(super) notice: Option<&'static str>,
    pub(super) assets: Assets,
    /// Whether the page needs the script for that.
    pub(super) asks_passkey: bool,
    pub(super) version: &'static str,
}

/// A page, which has a frame.
pub(super) trait Page: Template {
    fn frame(&self) -> &Frame;
}

impl Frame {
    /// Of a page for `visitor`.
    pub(super) fn new(visitor: &Visitor, title: impl Into<String>) -> Self {
        Self {
            person: visitor.name().map(ToString::to_string),
            token: visitor.token(),
            may_log_in: visitor.accounts,
            notice: parameter(&visitor.uri, "done").and_then(|word| notice(&word)),
            ..Self::bare(title)
        }
    }

    /// Of a page of which it is not known for whom it is.
    pub(super) fn bare(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            person: None,
            token: String::new(),
            may_log_in: true,
            section: "",
            notice: None,
            assets: Assets::get(),
            asks_passkey: false,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Which part of the registry it is in.
    pub(super) fn within(self, section: &'static str) -> Self {
        Self { section, ..self }
    }
}

/// What was done on the page before. An address can have no other words.
fn notice(word: &str) -> Option<&'static str> {
    Some(match word {
        "set-up" => "You are the first administrator.",
        "sign-up" => "Your account is there, and you are logged in.",
        "confirm" => "Your address is confirmed.",
        "reset" => {
            "Your password is changed, and everything that was issued for the old one has ended. Log in with the new one."
        }
        "join" => "Your account is there, and you are in.",
        "saved" => "Saved.",
        "robot" => "The robot is there. It can do nothing until it has a role and a token.",
        "email" => "The address is changed. Look for a letter that confirms it.",
        "letter" => "A letter is on its way.",
        "password" => "Your password is changed. Log in with the new one.",
        "revoked" => "The token has ended.",
        "invited" => "The invitation stands for a week.",
        "removed" => "Removed.",
        "out" => "You are logged out.",
        "late" => "That took too long, or too many tries. Log in again.",
        "ended" => "It has ended.",
        "passkey" => "No account was found for that passkey, or it took too long. Try once more, or use your password.",
        "passkey-added" => "The passkey is added.",
        "passkey-removed" => "The passkey is removed.",
        "app-added" => "Codes of your app are asked for, or a passkey.",
        "app-removed" => "The app is removed.",
        "second-factor-off" => "The second factor is off.",
        "let-in" => "It is let in. Go back to it: you can close this page.",
        "turned-away" => "It is turned away, and got nothing.",
        "accepted" => "You are in.",
        "declined" => "The invitation is declined.",
        _ => return None,
    })
}

/// A page of one column: a few sentences, forms, and ways on.
#[derive(Template)]
#[template(path = "simple.html")]
pub(super) struct Simple {
    frame: Frame,
    lead: Vec<String>,
    forms: Vec<Form>,
    /// Other ways to do the same.
    ways: Vec<Link>,
    links: Vec<Link>,
}

impl Page for Simple {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// A way on.
pub(super) struct Link {
    pub(super) to: String,
    pub(super) text: String,
}

impl Link {
    pub(super) fn new(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self { to: to.into(), text: text.into() }
    }
}

impl Simple {
    pub(super) fn new(frame: Frame) -> Self {
        Self { frame, lead: Vec::new(), forms: Vec::new(), ways: Vec::new(), links: Vec::new() }
    }

    pub(super) fn lead(mut self, line: impl Into<String>) -> Self {
        self.lead.push(line.into());
        self
    }

    pub(super) fn form(mut self, form: Form) -> Self {
        self.frame.asks_passkey |= form.asks_passkey();
        self.forms.push(form);
        self
    }

    /// Another way to do what the page is for, by a button.
    pub(super) fn way(mut self, to: impl Into<String>, text: impl Into<String>) -> Self {
        self.ways.push(Link::new(to, text));
        self
    }

    pub(super) fn link(mut self, to: impl Into<String>, text: impl Into<String>) -> Self {
        self.links.push(Link::new(to, text));
        self
    }
}

/// Sends a page to `visitor`.
pub(super) fn show(visitor: &Visitor, status: StatusCode, page: &impl Page) -> Answer {
    let mut response = render(status, page);
    if let Some(cookie) = visitor.cookie() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A page as it is sent.
pub(super) fn render(status: StatusCode, page: &impl Page) -> Response {
    let policy = if page.frame().asks_passkey { POLICY_WITH_SCRIPT } else { POLICY };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    match page.render() {
        Ok(text) => (status, headers, text).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page cannot be shown");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Sends a browser to a place here.
pub(super) fn redirect(to: &str) -> Response {
    // What is no header's value is no place of ours.
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Puts the headers on a page that keep others from using it, and from keeping it.
pub(super) async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        put(headers, name, value);
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

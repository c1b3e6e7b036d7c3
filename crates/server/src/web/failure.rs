//! What is shown in place of a page or a form.

use axum::response::{IntoResponse, Response};
use entrepot_access::Error;
use http::{StatusCode, header};

use super::form::sentence;
use super::next::Next;
use super::page::{Frame, Simple, redirect, render};
use crate::api::Problem;

/// Why there is no page.
pub(super) enum Failure {
    /// It is for who is logged in; afterwards it is there.
    LogIn(Next),
    /// A form that was not shown to this browser.
    Foreign,
    /// A form with too much in it.
    TooLarge,
    /// What access said.
    Refused(Box<Problem>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(Box::new(error.into()))
    }
}

const FOREIGN: &str = "This form is too old, or was sent from another site. Nothing was changed. Go back, load the page again, and \
     send it once more. If that does not help, let your browser take cookies from this site.";

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::LogIn(next) => return redirect(&next.after("/login")),
            Self::Foreign => (StatusCode::FORBIDDEN, "That did not come from here", FOREIGN.to_owned()),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Too much",
                "The form did not arrive whole, or is too large.".to_owned(),
            ),
            Self::Refused(problem) => {
                let mut response = refused(&problem);
                let wait = problem.headers().iter().filter(|(name, _)| name == header::RETRY_AFTER);
                response.headers_mut().extend(wait.cloned());
                return response;
            }
        };
        message(status, title, &text)
    }
}

fn refused(problem: &Problem) -> Response {
    let (status, title) = match problem.status() {
        // A browser that is told 401 asks for a password in a window of its own.
        StatusCode::UNAUTHORIZED => (StatusCode::FORBIDDEN, "Log in first"),
        StatusCode::FORBIDDEN => (StatusCode::FORBIDDEN, "You may not do this"),
        StatusCode::NOT_FOUND => (StatusCode::NOT_FOUND, "Nothing here"),
        StatusCode::GONE => (StatusCode::GONE, "This link does not work"),
        StatusCode::TOO_MANY_REQUESTS => (StatusCode::TOO_MANY_REQUESTS, "Wait a little"),
        StatusCode::NOT_IMPLEMENTED => (StatusCode::NOT_IMPLEMENTED, "Not set up here"),
        status if status.is_server_error() => (status, "That did not work"),
        status => (status, "That cannot be done"),
    };
    message(status, title, &sentence(problem.detail()))
}

fn message(status: StatusCode, title: &'static str, text: &str) -> Response {
    let page = Simple::new(Frame::bare(title)).lead(text).link("/", "To the start");
    render(status, &page)
}

//! What the API answers: a value, a page of values, or what is wrong (RFC 9457).

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Bytes,
}

/// A request that was not done.
pub(crate) struct Refusal {
    /// Whether logging in would help.
    pub(crate) unauthenticated: bool,
    /// Whether it is the API that says so, and not something before it.
    pub(crate) of_api: bool,
    /// What is wrong.
    pub(crate) sentence: String,
}

/// A part of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page is, if there is one.
    pub(crate) next: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
    field: Option<String>,
}

impl Answer {
    /// This answer, if the request was done.
    pub(crate) fn done(self) -> Result<Self, Refusal> {
        if self.status.is_success() {
            return Ok(self);
        }
        let problem = serde_json::from_slice(&self.content);
        Err(Refusal {
            unauthenticated: self.status == StatusCode::UNAUTHORIZED,
            of_api: problem.is_ok(),
            sentence: problem.map_or_else(|_| format!("it answers {}", self.status), Problem::sentence),
        })
    }

    /// What it says.
    pub(crate) fn value<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.content).map_err(|error| error.to_string())
    }
}

impl Problem {
    fn sentence(self) -> String {
        match self.field {
            // Most sentences name the field themselves.
            Some(field) if !self.detail.starts_with(&field) => format!("{field}: {}", self.detail),
            _ => self.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(status: u16, content: &'static str) -> Option<String> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            content: content.into(),
        };
        answer.done().err().map(|refusal| refusal.sentence)
    }

    #[test]
    fn a_problem_is_a_sentence() {
        for (status, content, expected) in [
            (204, "", None),
            (403, r#"{"detail":"only administrators may do this"}"#, Some("only administrators may do this")),
            (422, r#"{"detail":"it is none","field":"pattern"}"#, Some("pattern: it is none")),
            (422, r#"{"detail":"label is not acceptable: x","field":"label"}"#, Some("label is not acceptable: x")),
            (502, "<html>", Some("it answers 502 Bad Gateway")),
        ] {
            assert_eq!(sentence(status, content).as_deref(), expected, "{content}");
        }
    }
}

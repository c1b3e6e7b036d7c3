//! Tables of requests and what must come of them. The rows say what; [`check`] alone talks to the server.

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::{Answer, Registry, Request};

/// One line of a table.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    request: Request,
    status: u16,
    headers: Vec<(String, Option<String>)>,
    body: Option<Vec<u8>>,
    error: Option<String>,
    says: Vec<String>,
    json: Vec<(String, Value)>,
}

/// `what` is the rule that the line holds, in words. `<location>` in the request's path stands for the `Location` that
/// an earlier line got.
pub fn row(what: impl Into<String>, request: Request, status: u16) -> Row {
    let what = what.into();
    Row { what, request, status, headers: vec![], body: None, error: None, says: vec![], json: vec![] }
}

impl Row {
    /// The answer has this header with this value (of several, joined by `, `).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), Some(value.into())));
        self
    }

    /// The answer does not have this header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), None));
        self
    }

    /// The content is exactly this.
    #[must_use]
    pub fn body(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.body = Some(content.into());
        self
    }

    /// The content is an error with this code first.
    #[must_use]
    pub fn error(mut self, code: &str) -> Self {
        self.error = Some(code.to_owned());
        self
    }

    /// The content has these words somewhere.
    #[must_use]
    pub fn says(mut self, words: impl Into<String>) -> Self {
        self.says.push(words.into());
        self
    }

    /// The content is JSON with this value at this pointer (RFC 6901).
    #[must_use]
    pub fn json(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.json.push((pointer.to_owned(), value.into()));
        self
    }

    fn hold(&self, answer: &Answer) -> Result<()> {
        ensure!(answer.status == self.status, "status {} instead of {}: {}", answer.status, self.status, answer.text());
        every_answer(&self.request, answer)?;
        for (name, expected) in &self.headers {
            let found = answer.joined(name);
            ensure!(found == *expected, "{name} is {found:?} instead of {expected:?}");
        }
        if let Some(expected) = &self.body {
            ensure!(answer.body == *expected, "the content is {} bytes: {}", answer.body.len(), answer.text());
        }
        if let Some(code) = &self.error {
            ensure!(answer.code()? == *code, "the error is {} instead of {code}", answer.text());
        }
        for words in &self.says {
            ensure!(answer.text().contains(words), "{words:?} is not in {}", answer.text());
        }
        for (pointer, expected) in &self.json {
            let body = answer.json()?;
            ensure!(body.pointer(pointer) == Some(expected), "{pointer} is not {expected} in {body}");
        }
        Ok(())
    }
}

/// What holds whatever was asked.
fn every_answer(request: &Request, answer: &Answer) -> Result<()> {
    ensure!(answer.required("x-request-id")?.len() >= 8, "a request id is too short");
    ensure!(answer.required("x-content-type-options")? == "nosniff", "browsers may guess types");
    if request.target == "/v2" || request.target.starts_with("/v2/") {
        ensure!(answer.required("docker-distribution-api-version")? == "registry/2.0", "docker would not know it");
        if answer.status >= 400 && request.method != "HEAD" {
            ensure!(answer.required("content-type")? == "application/json", "an error is JSON");
            let body = answer.json()?;
            let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
            ensure!(!errors.is_empty(), "no errors in {body}");
            for error in errors {
                ensure!(error["code"].is_string(), "an error without code: {error}");
                ensure!(error["message"].as_str().is_some_and(|text| text.len() > 10), "no sentence: {error}");
            }
        }
    }
    if answer.status == 405 {
        answer.required("allow")?;
    }
    if let (204 | 304, Some(length)) = (answer.status, answer.header("content-length")) {
        bail!("an answer that has no content says it has {length} bytes");
    }
    Ok(())
}

/// Goes through the table in its order, to the end, and reports every line that does not hold.
///
/// # Errors
/// A line does not hold.
pub fn check(registry: &Registry, rows: impl IntoIterator<Item = Row>) -> Result<()> {
    let mut location = String::new();
    let mut wrong = Vec::new();
    for mut row in rows {
        row.request.target = row.request.target.replace("<location>", &location);
        match registry.ask(&row.request) {
            Ok(answer) => {
                if let Err(error) = row.hold(&answer) {
                    let Request { method, target, .. } = &row.request;
                    wrong.push(format!("{}\n  {method} {target}\n  {error}", row.what));
                }
                if let Some(found) = answer.header("location") {
                    found.clone_into(&mut location);
                }
            }
            Err(error) => wrong.push(format!("{}\n  {:?}: no answer: {error:#}", row.what, row.request.target)),
        }
    }
    ensure!(wrong.is_empty(), "{} lines do not hold:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

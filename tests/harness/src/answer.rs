//! What the server answered.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The content, without any framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header, joined by `, `; none if there is none.
    pub fn joined(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// A header that must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.header(name).with_context(|| format!("no {name} in {self:?}"))
    }

    /// The content as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the first error of an error answer.
    ///
    /// # Errors
    /// It is not one.
    pub fn code(&self) -> Result<String> {
        let body = self.json()?;
        let code = body.pointer("/errors/0/code").and_then(Value::as_str);
        Ok(code.with_context(|| format!("no error code in {body}"))?.to_owned())
    }

    /// This answer, if it has the status.
    ///
    /// # Errors
    /// It has another one; the message has the content.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text());
        Ok(self)
    }
}

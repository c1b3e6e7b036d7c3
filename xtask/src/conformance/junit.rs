//! The suite's `junit.xml`, as its Go encoder writes it: one way of quoting, no comments, no CDATA, text always escaped.

use anyhow::{Context as _, Result};

/// Totals as the suite counts them (one case can count several checks), and the cases.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) tests: u32,
    pub(super) failures: u32,
    pub(super) errors: u32,
    pub(super) skipped: u32,
    pub(super) disabled: u32,
    pub(super) cases: Vec<Case>,
}

/// One leaf of the suite's tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) status: Status,
    /// Why it did not pass; empty if it passed.
    pub(super) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Skipped,
    Failed,
    Error,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// It is not the suite's JUnit form.
    pub(super) fn parse(xml: &str) -> Result<Self> {
        let suite = element(xml, "testsuite").context("the report has no <testsuite>")?;
        let count = |name| {
            // The encoder leaves out a zero.
            attribute(suite.head, name)
                .map_or(Ok(0), |value| value.parse())
                .with_context(|| format!("{name} in the report"))
        };
        let mut cases = Vec::new();
        let mut rest = suite.body;
        while let Some(case) = element(rest, "testcase") {
            cases.push(Case::read(&case)?);
            rest = case.rest;
        }
        Ok(Self {
            tests: count("tests")?,
            failures: count("failures")?,
            errors: count("errors")?,
            skipped: count("skipped")?,
            disabled: count("disabled")?,
            cases,
        })
    }

    pub(super) fn passed(&self) -> u32 {
        self.tests.saturating_sub(self.failures + self.errors + self.skipped + self.disabled)
    }
}

impl Case {
    fn read(case: &Element<'_>) -> Result<Self> {
        let name = attribute(case.head, "name").context("a test case has no name")?;
        let status = match attribute(case.head, "status").as_deref() {
            Some("passed") => Status::Passed,
            Some("skipped") => Status::Skipped,
            Some("failure") => Status::Failed,
            Some("error") => Status::Error,
            other => anyhow::bail!("test case {name} has the status {other:?}"),
        };
        let text = |tag| element(case.body, tag).map(|element| unescape(element.body)).unwrap_or_default();
        let reason = match status {
            Status::Passed => String::new(),
            // Errors are in one stream; why a test did not run is said at the end of the other, behind the requests.
            _ => match text("system-out") {
                errors if !errors.is_empty() => errors,
                _ => skip_reason(&text("system-err")),
            },
        };
        Ok(Self { name, status, reason })
    }
}

/// What follows the suite's "NAME: skipping test:" lines.
fn skip_reason(output: &str) -> String {
    match output.split_once(": skipping test:\n") {
        Some((_, reason)) => reason.to_owned(),
        None => "the suite gives no reason".to_owned(),
    }
}

struct Element<'a> {
    head: &'a str,
    body: &'a str,
    rest: &'a str,
}

/// The first element of that name. Elements of one name are never nested in this format.
fn element<'a>(xml: &'a str, name: &str) -> Option<Element<'a>> {
    let open = format!("<{name}");
    // "<testsuite" is also the beginning of "<testsuites".
    let start =
        xml.match_indices(&open).map(|(at, _)| at + open.len()).find(|end| xml[*end..].starts_with([' ', '>']))?;
    let (head, after) = xml[start..].split_once('>')?;
    let (body, rest) = after.split_once(&format!("</{name}>"))?;
    Some(Element { head, body, rest })
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let (_, value) = head.split_once(&format!(" {name}=\""))?;
    value.split_once('"').map(|(value, _)| unescape(value))
}

/// Undoes the escapes that Go's `encoding/xml` makes.
fn unescape(text: &str) -> String {
    const ESCAPES: [(&str, &str); 8] = [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x9;", "\t"),
        ("&#xA;", "\n"),
        ("&#xD;", "\r"),
        // The last, or it would make new escapes.
        ("&amp;", "&"),
    ];
    ESCAPES.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<testsuites tests="7" failures="1" errors="0">
  <testsuite name="OCI Conformance Test" tests="7" failures="1" errors="0" skipped="2" time="0.5">
    <properties><property name="Config" value="a: &#34;b&#34;&#xA;"></property></properties>
    <testcase name="OCI Conformance Test/ping" classname="" status="passed"><system-err>=====&#xA;</system-err></testcase>
    <testcase name="T/cancel" classname="" status="skipped">
      <system-err>GET /v2/&#xA;T/cancel: skipping test:&#xA;  api Blob upload cancel is disabled &lt;by config&gt;&#xA;</system-err>
    </testcase>
    <testcase name="T/push" classname="" status="failure"><system-out>expected [201], received 404</system-out></testcase>
  </testsuite>
</testsuites>"#;

    #[test]
    fn totals_cases_and_reasons() {
        let report = Report::parse(XML).unwrap();
        assert_eq!((report.tests, report.failures, report.errors, report.skipped, report.disabled), (7, 1, 0, 2, 0));
        assert_eq!(report.passed(), 4);
        let [ping, cancel, push] = &report.cases[..] else { panic!("{:?}", report.cases) };
        assert_eq!((ping.status, ping.reason.as_str()), (Status::Passed, ""));
        assert_eq!(cancel.status, Status::Skipped);
        assert_eq!(cancel.reason.trim(), "api Blob upload cancel is disabled <by config>");
        assert_eq!((push.status, push.reason.as_str()), (Status::Failed, "expected [201], received 404"));
    }

    #[test]
    fn something_else_is_an_error() {
        assert!(Report::parse("").is_err());
        assert!(Report::parse("<testsuites><testsuite><testcase></testcase></testsuite></testsuites>").is_err());
    }
}

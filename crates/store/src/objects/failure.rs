//! Errors of object stores as errors of this crate.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use opendal::ErrorKind;

use crate::error::{Error, Failure};

/// Longer reports of a store are cut: some answer with a page of HTML.
const LONGEST: usize = 300;

/// What `operation` on `place` failed with. Of the report only what has no secrets is kept: no address with its query, no
/// header.
pub(crate) fn failure(operation: &'static str, place: &str, error: &opendal::Error) -> Error {
    let failure = explained(operation, place, describe(error));
    match error.kind() {
        ErrorKind::NotFound => Error::Missing(failure),
        ErrorKind::PermissionDenied => Error::Denied(failure),
        ErrorKind::RateLimited => Error::Unavailable(failure),
        // Temporary, and still so after it was tried again.
        _ if !error.is_permanent() => Error::Unavailable(failure),
        _ => Error::Io(failure),
    }
}

/// A failure that we found ourselves.
pub(crate) fn explained(operation: &'static str, place: &str, why: impl Into<String>) -> Failure {
    Failure { operation, place: place.to_owned(), cause: Arc::new(io::Error::other(why.into())) }
}

fn describe(error: &opendal::Error) -> String {
    let mut text = error.message().trim().to_owned();
    if text.is_empty() {
        error.kind().into_static().clone_into(&mut text);
    }
    if let Some(root) = root_cause(error) {
        text.push_str(": ");
        text.push_str(&root);
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The innermost error: "Connection refused", where the ones around it say no more than that a request failed.
fn root_cause(error: &opendal::Error) -> Option<String> {
    let mut root = error.source()?;
    while let Some(source) = root.source() {
        root = source;
    }
    Some(match root.downcast_ref::<opendal::Error>() {
        // Printed whole, it has the address.
        Some(inner) => inner.message().to_owned(),
        None => root.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> opendal::Error {
        opendal::Error::new(kind, "it said no").with_context("url", "http://store/?sig=hunter2")
    }

    #[test]
    fn kinds_and_what_is_temporary() {
        let table = [
            (error(ErrorKind::NotFound), "Missing", false),
            (error(ErrorKind::PermissionDenied), "Denied", false),
            (error(ErrorKind::RateLimited), "Unavailable", true),
            (error(ErrorKind::Unexpected).set_temporary(), "Unavailable", true),
            (error(ErrorKind::Unexpected).set_persistent(), "Unavailable", true),
            (error(ErrorKind::Unexpected), "Io", false),
            (error(ErrorKind::RangeNotSatisfied), "Io", false),
        ];
        for (given, kind, temporary) in table {
            let error = failure("read", "s3://bucket/key", &given);
            assert!(format!("{error:?}").starts_with(kind), "{error:?} is not {kind}");
            assert_eq!(error.is_temporary(), temporary, "{error:?}");
            assert_eq!(error.to_string(), "cannot read s3://bucket/key: it said no");
        }
    }

    #[test]
    fn the_innermost_cause_is_told_and_no_address() {
        let inner = error(ErrorKind::Unexpected).set_source(io::Error::other("Connection refused"));
        let outer = opendal::Error::new(ErrorKind::Unexpected, "send http request").set_source(inner);
        let text = failure("list", "s3://bucket", &outer).to_string();
        assert_eq!(text, "cannot list s3://bucket: send http request: Connection refused");
        let outer = opendal::Error::new(ErrorKind::Unexpected, "sign").set_source(error(ErrorKind::Unexpected));
        assert_eq!(failure("list", "s3://bucket", &outer).to_string(), "cannot list s3://bucket: sign: it said no");
        let long = opendal::Error::new(ErrorKind::Unexpected, "ä".repeat(1000));
        assert!(failure("list", "s3://bucket", &long).to_string().ends_with("ä…"));
    }
}

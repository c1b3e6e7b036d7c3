//! Pages of lists: `?limit=&after=`, and a link to the next.

use http::Uri;
use serde::{Deserialize, Serialize};

use super::words::{Line, Parsed};

/// Longest page.
const MAX_LIMIT: usize = 500;
/// Length of a page if the client says nothing.
const DEFAULT_LIMIT: usize = 100;

/// Which part of a list is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    limit: Option<usize>,
    after: Option<Parsed<Line>>,
}

/// A part of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    /// The entries.
    items: Vec<T>,
    /// Where the next page is; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Paging {
    pub(super) fn new(limit: Option<usize>, after: Option<Parsed<Line>>) -> Self {
        Self { limit, after }
    }

    /// What the page comes after.
    pub(super) fn after(&self) -> Option<String> {
        self.after.as_ref().map(|Parsed(Line(text))| text.clone())
    }

    /// How many entries the page has at most.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// How many to ask for: one more than wanted tells whether there is another page.
    pub(super) fn probe(&self) -> usize {
        self.limit() + 1
    }

    /// The page at `uri` out of what was found when [`Paging::probe`] were asked for; `cursor` says after what the next begins.
    pub(super) fn page<F, T>(&self, uri: &Uri, mut found: Vec<F>, cursor: impl Fn(&F) -> String) -> Page<T>
    where
        T: From<F>,
    {
        let more = found.len() > self.limit();
        found.truncate(self.limit());
        let last = more.then(|| found.last().map(cursor)).flatten();
        Page::new(uri, found.into_iter().map(T::from).collect(), last)
    }
}

impl<T> Page<T> {
    /// A page at `uri`, after whose end, `last`, there may be more.
    pub(super) fn new(uri: &Uri, items: Vec<T>, last: Option<String>) -> Self {
        Self { items, next: last.map(|last| next(uri, &last)) }
    }

    /// A list that is always whole.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// The same path and query, but after `last`.
fn next(uri: &Uri, last: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != "after"));
    next.append_pair("after", last);
    format!("{}?{}", uri.path(), next.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_what_was_asked() {
        let uri: Uri = "/api/v1/audit?actor=ann&after=x&limit=2".parse().unwrap();
        assert_eq!(next(&uri, "a/b"), "/api/v1/audit?actor=ann&limit=2&after=a%2Fb");
    }

    #[test]
    fn one_more_than_wanted_is_another_page() {
        let uri: Uri = "/x".parse().unwrap();
        let paging = Paging::new(Some(2), None);
        let of = |count: u8| paging.page::<u8, u8>(&uri, (0..count).collect(), u8::to_string);
        assert_eq!(of(3).items, [0, 1]);
        assert_eq!(of(3).next.as_deref(), Some("/x?after=1"));
        assert_eq!(of(2).next, None);
        assert_eq!(Paging::new(Some(0), None).limit(), 1);
        assert_eq!(Paging::new(Some(9999), None).limit(), MAX_LIMIT);
    }
}

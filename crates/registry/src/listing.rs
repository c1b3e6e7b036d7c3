//! Pages of names in byte order.

use crate::Error;

/// Longest page of tags or repositories; also the length when the client asks for none.
pub(crate) const MAX_PAGE: usize = 10_000;

/// A part of a longer list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in byte order.
    pub entries: Vec<T>,
    /// Whether there are more after the last entry.
    pub more: bool,
}

/// Where a page begins that comes after the name `last`, as every database takes it: no name has a NUL in it, and PostgreSQL
/// takes none, so what comes after it says nothing.
pub(crate) fn begin_after(last: Option<&str>) -> &str {
    let last = last.unwrap_or_default();
    last.split_once('\0').map_or(last, |(before, _)| before)
}

impl<T> Page<T> {
    /// The page of at most `limit` entries out of what `fetch` finds when asked for a number of rows.
    pub(crate) fn fetch(limit: Option<usize>, fetch: impl FnOnce(i64) -> Result<Vec<T>, Error>) -> Result<Self, Error> {
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        if limit == 0 {
            return Ok(Self { entries: Vec::new(), more: false });
        }
        // One more than wanted tells whether there is another page.
        let mut entries = fetch(limit as i64 + 1)?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Self { entries, more })
    }
}

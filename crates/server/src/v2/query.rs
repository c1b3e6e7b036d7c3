//! The query parameters of the distribution API.

use std::borrow::Cow;

use entrepot_oci::ErrorCode;
use http::StatusCode;

use super::error::ApiError;

/// The parameters of one request, in order.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(crate) fn of(uri: &'a http::Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(if query.is_empty() { Vec::new() } else { form_urlencoded::parse(query.as_bytes()).collect() })
    }

    /// The first parameter of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every parameter of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// `n`, the length of a page.
    pub(crate) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let invalid = |text: &str| {
            let message = format!("the parameter n is {text:?}, but must be a whole number from 0");
            ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::PaginationNumberInvalid, message)
        };
        self.get("n").map(|text| text.parse().map_err(|_| invalid(text))).transpose()
    }
}

/// The value of a `Link` header to the next page: `path` with these parameters.
pub(crate) fn next_page(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("<{path}?{}>; rel=\"next\"", query.finish())
}

//! Where a request goes.

use std::fmt::Display;

use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a part of a path as it is (RFC 3986, `unreserved`), and the `+` of robots' names.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+');

/// A path of the API, with its query.
#[derive(Clone, Debug)]
pub struct Route {
    path: String,
    query: String,
}

/// The path `/api/v1/` with these parts; whatever is in a part stays one part.
pub fn route<'a>(parts: impl IntoIterator<Item = &'a str>) -> Route {
    let path = parts.into_iter().fold(String::from("/api/v1"), |mut path, part| {
        path.push('/');
        path.extend(utf8_percent_encode(part, PART));
        path
    });
    Route { path, query: String::new() }
}

impl Route {
    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(self, name: &str, value: impl Display) -> Self {
        let mut query = Serializer::new(self.query);
        query.append_pair(name, &value.to_string());
        Self { query: query.finish(), ..self }
    }

    /// Path and query, as they stand in a request.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_part_stays_in_it() {
        let plain = route(["namespaces", "acme", "robots"]);
        assert_eq!(plain.target(), "/api/v1/namespaces/acme/robots");
        assert_eq!(route(["a/b", "c?d", "é"]).target(), "/api/v1/a%2Fb/c%3Fd/%C3%A9");
        let asked = route(["x"]).query("name", "cn=web,dc=acme").query("limit", 5);
        assert_eq!(asked.target(), "/api/v1/x?name=cn%3Dweb%2Cdc%3Dacme&limit=5");
        assert_eq!(route(["x"]).query("pattern", "acme/a&b=*").target(), "/api/v1/x?pattern=acme%2Fa%26b%3D*");
    }
}

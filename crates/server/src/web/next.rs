//! Where a browser goes after a form.

use http::Uri;

/// Longest place.
const MAX: usize = 512;

/// A path of this registry, with its query. There is no other place where a browser is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// What somebody wants, if it is a place here; else the start.
    pub(super) fn wanted(text: &str) -> Self {
        if is_local(text) { Self(text.to_owned()) } else { Self("/".to_owned()) }
    }

    /// What the query of `uri` says.
    pub(super) fn of(uri: &Uri) -> Self {
        Self::wanted(&parameter(uri, "next").unwrap_or_default())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// `path` with this as its parameter, if there is something to say.
    pub(super) fn after(&self, path: &str) -> String {
        if self.0 == "/" {
            return path.to_owned();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{path}?{}", query.append_pair("next", &self.0).finish())
    }
}

/// A parameter of a query.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What browsers would not take for another host: they drop some characters, and read a backslash as a slash.
fn is_local(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    text.len() <= MAX && text.starts_with('/') && !text.starts_with("//") && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_host_is_a_place() {
        for text in ["/", "/settings", "/device?code=BCDF-GHJK", "/a//b"] {
            assert_eq!(Next::wanted(text).as_str(), text);
        }
        for text in [
            "",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /settings",
            "/a\r\nSet-Cookie: entrepot=x",
        ] {
            assert_eq!(Next::wanted(text).as_str(), "/", "{text:?}");
        }
        assert_eq!(Next::wanted(&format!("/{}", "a".repeat(MAX))).as_str(), "/");
    }

    #[test]
    fn it_is_carried_in_a_query() {
        let next = Next::wanted("/device?code=A&b=c");
        let carried: Uri = next.after("/login").parse().unwrap();
        assert_eq!(Next::of(&carried), next);
        assert_eq!(Next::wanted("/").after("/login"), "/login");
    }
}

//! Cookies: the session of who is logged in, and a secret of each browser that is not, so that its forms are its own.

use http::header::{self, HeaderMap, HeaderValue};

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is logged in. It lasts as the session does.
    Session,
    /// A browser in which nobody is.
    Visit,
    /// A browser that is at a provider, for somebody to log in there. It lasts as long as that may take.
    Departure,
}

impl Cookie {
    /// Over HTTPS a name that browsers take from this host alone, over HTTPS alone.
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-entrepot",
            (Self::Session, false) => "entrepot",
            (Self::Visit, true) => "__Host-entrepot-visit",
            (Self::Visit, false) => "entrepot-visit",
            (Self::Departure, true) => "__Host-entrepot-departure",
            (Self::Departure, false) => "entrepot-departure",
        }
    }

    /// What a browser sends of it. Of two with one name somebody else has set one, so none counts.
    pub(crate) fn read(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let lists = headers.get_all(header::COOKIE).into_iter().filter_map(|list| list.to_str().ok());
        let pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name(https)).map(|(_, value)| value);
        let value = values.next().filter(|value| is_secret(value))?;
        values.next().is_none().then_some(value)
    }

    /// The header that gives it to a browser.
    pub(crate) fn set(self, value: &str, https: bool) -> Option<HeaderValue> {
        let life = match self {
            Self::Session => "; Max-Age=2592000",
            Self::Visit => "",
            Self::Departure => "; Max-Age=600",
        };
        self.header(value, life, https)
    }

    /// The header that takes it away.
    pub(crate) fn clear(self, https: bool) -> Option<HeaderValue> {
        self.header("", "; Max-Age=0", https)
    }

    fn header(self, value: &str, life: &str, https: bool) -> Option<HeaderValue> {
        let (name, secure) = (self.name(https), if https { "; Secure" } else { "" });
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{life}{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

/// 256 bits as our secrets are written.
fn is_secret(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lists: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(header::COOKIE, list.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_if_there_is_one_of_it() {
        let (a, b) = ("a".repeat(43), "b".repeat(43));
        let read = |lists: &[&str], https| Cookie::Session.read(&sent(lists), https).map(str::to_owned);
        let one = format!("x=y; entrepot={a};entrepot-visit={b}");
        assert_eq!(read(&[&one], false), Some(a.clone()));
        assert_eq!(read(&[&one], true), None, "over HTTPS it has another name");
        assert_eq!(read(&["x=y", &format!("__Host-entrepot={a}")], true), Some(a.clone()));
        assert_eq!(read(&[&one, &format!("entrepot={b}")], false), None);
        assert_eq!(read(&["entrepot=short", "entrepot"], false), None);
        assert_eq!(read(&[&format!("entrepot={}", " ".repeat(43))], false), None);
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_other_sites() {
        let header = Cookie::Session.set("secret", true).unwrap();
        assert_eq!(header, "__Host-entrepot=secret; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure");
        let header = Cookie::Visit.set("secret", false).unwrap();
        assert_eq!(header, "entrepot-visit=secret; Path=/; HttpOnly; SameSite=Lax");
        let gone = Cookie::Session.clear(false).unwrap();
        assert_eq!(gone, "entrepot=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}

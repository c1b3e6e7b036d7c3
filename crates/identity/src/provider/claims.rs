//! What a provider says about somebody.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// The claims of an identity token that was verified, or of an answer that came from the provider itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    issuer: String,
    subject: String,
    expires: u64,
    all: Map<String, Value>,
}

impl Claims {
    /// Of a token whose signature is good and whose claims were checked.
    pub(super) fn verified(issuer: &str, subject: &str, expires: u64, all: Map<String, Value>) -> Self {
        Self { issuer: issuer.to_owned(), subject: subject.to_owned(), expires, all }
    }

    /// What the provider said of `subject` in an answer of its own, with no token around it. It ends with the answer.
    pub(super) fn told(issuer: &str, subject: &str, all: Map<String, Value>) -> Self {
        Self::verified(issuer, subject, 0, all)
    }

    /// The provider.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who the token is about: unique at its issuer, and not given to somebody else later.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the token ends. What is given for it should end then too.
    pub fn expires(&self) -> SystemTime {
        let longest = Duration::from_secs(u64::from(u32::MAX));
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.expires).min(longest)
    }

    /// All of them.
    pub fn all(&self) -> &Map<String, Value> {
        &self.all
    }

    /// With those that the token lacks; it is the token that is believed where both have one.
    pub(super) fn completed_by(mut self, more: Map<String, Value>) -> Self {
        for (name, value) in more {
            self.all.entry(name).or_insert(value);
        }
        self
    }
}

/// The claim with this name, or this path of names: `groups`, `realm_access.roles`.
///
/// Names may have dots themselves (`https://acme.example/groups`, `kubernetes.io`), so the longest that there is comes first.
pub(super) fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| find(claims.get(&path[..dot])?.as_object()?, &path[dot + 1..]))
}

/// Whom a token is for: a text or a list of texts (RFC 7519, section 4.1.3).
pub(super) fn audiences(claims: &Map<String, Value>) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_path() {
        let claims = claims(json!({
            "groups": ["a"],
            "realm_access": {"roles": ["b"]},
            "https://acme.example/groups": ["c"],
            "kubernetes.io": {"namespace": "d", "pod": {"name": "e"}},
            "one.two": "f", "one": {"two": "g"},
        }));
        for (path, wanted) in [
            ("groups", json!(["a"])),
            ("realm_access.roles", json!(["b"])),
            ("https://acme.example/groups", json!(["c"])),
            ("kubernetes.io.namespace", json!("d")),
            ("kubernetes.io.pod.name", json!("e")),
            ("one.two", json!("f")),
        ] {
            assert_eq!(find(&claims, path), Some(&wanted), "{path}");
        }
        for path in ["", ".", "realm_access.", "groups.0", "realm_access.roles.b", "kubernetes", "Groups"] {
            assert_eq!(find(&claims, path), None, "{path}");
        }
    }

    #[test]
    fn an_audience_is_a_text_or_a_list_of_texts() {
        assert_eq!(audiences(&claims(json!({"aud": "a"}))), Some(vec!["a"]));
        assert_eq!(audiences(&claims(json!({"aud": ["a", "b"]}))), Some(vec!["a", "b"]));
        for bad in
            [json!({}), json!({"aud": 1}), json!({"aud": ["a", 1]}), json!({"aud": {"a": "a"}}), json!({"aud": null})]
        {
            assert_eq!(audiences(&claims(bad)), None);
        }
    }

    #[test]
    fn the_token_is_believed_before_what_completes_it() {
        let token = Claims::verified("i", "s", u64::MAX, claims(json!({"email": "a@acme.example"})));
        let both = token.completed_by(claims(json!({"email": "evil@acme.example", "name": "Ann"})));
        assert_eq!(both.all(), &claims(json!({"email": "a@acme.example", "name": "Ann"})));
        assert!(both.expires() > SystemTime::now());
    }
}

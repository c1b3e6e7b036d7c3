//! A provider that says that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0).

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::Login;
use crate::provider::refused::Refused;
use crate::provider::token::Token;
use crate::provider::verify::{Expected, check_origin, seconds};

/// The event that such a token tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Who has logged out, by one of the two or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// Whom the provider has logged out.
    pub subject: Option<String>,
    /// In which session of theirs at the provider, if not in all.
    pub session: Option<String>,
    /// When it said so.
    pub at: SystemTime,
}

impl Login {
    /// Takes a logout token at the time `now` (sections 2.4 and 2.6).
    ///
    /// # Errors
    /// Why it is none of this provider's for us.
    pub async fn logged_out(&self, token: &str, now: SystemTime) -> Result<LoggedOut, Refused> {
        let token = Token::parse_logout(token)?;
        let claims = self.issuer.signed(&token).await?;
        let expected = Expected::audience(&self.registration.client_id);
        check_origin(&claims, self.issuer.url(), &expected, now)?;
        logged_out(&claims)
    }
}

fn logged_out(claims: &Map<String, Value>) -> Result<LoggedOut, Refused> {
    let told = claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object);
    if !told {
        return Err(Refused::claim("events", "does not say that somebody has logged out"));
    }
    // An identity token has one, and must not be taken for this.
    if claims.contains_key("nonce") {
        return Err(Refused::claim("nonce", "is there, which it may not be"));
    }
    let at = seconds(claims, "iat")?.ok_or_else(|| Refused::claim("iat", "is missing"))?;
    text(claims, "jti")?.ok_or_else(|| Refused::claim("jti", "is missing"))?;
    let (subject, session) = (text(claims, "sub")?, text(claims, "sid")?);
    if subject.is_none() && session.is_none() {
        return Err(Refused::claim("sub", "is missing, and so is sid"));
    }
    // It is not in the far future: that was checked.
    Ok(LoggedOut { subject, session, at: SystemTime::UNIX_EPOCH + Duration::from_secs(at) })
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(Refused::claim(name, "is not a text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(changes: Value) -> Result<LoggedOut, Refused> {
        let mut claims = json!({"sub": "4711", "iat": 1000, "jti": "x", "events": {EVENT: {}}});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        logged_out(claims.as_object().unwrap())
    }

    #[test]
    fn only_what_tells_of_a_logout_is_one() {
        let out = judge(json!({})).unwrap();
        assert_eq!((out.subject.as_deref(), out.session), (Some("4711"), None));
        assert_eq!(out.at, SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
        let out = judge(json!({"sub": null, "sid": "s"})).unwrap();
        assert_eq!((out.subject, out.session.as_deref()), (None, Some("s")));
        for (wrong, changes) in [
            ("events", json!({"events": null})),
            ("events", json!({"events": {}})),
            ("events", json!({"events": EVENT})),
            ("events", json!({"events": [EVENT]})),
            ("events", json!({"events": {EVENT: true}})),
            ("nonce", json!({"nonce": "n"})),
            ("nonce", json!({"nonce": ""})),
            ("iat", json!({"iat": null})),
            ("iat", json!({"iat": "1000"})),
            ("jti", json!({"jti": null})),
            ("jti", json!({"jti": 5})),
            ("sub", json!({"sub": null})),
            ("sub", json!({"sub": ["4711"]})),
            ("sid", json!({"sid": 4})),
        ] {
            let refused = judge(changes.clone()).unwrap_err();
            assert!(matches!(&refused, Refused::Claim { name, .. } if name == wrong), "{changes}: {refused}");
        }
    }
}

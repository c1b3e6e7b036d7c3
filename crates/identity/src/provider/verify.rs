//! What a token has to claim (OpenID Connect Core 1.0, section 3.1.3.7), once its signature was found good.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::claims::{Claims, audiences};
use super::refused::Refused;
use super::shown::Shown;
use super::url::IssuerUrl;

/// How far the provider's clock and ours may be apart, in seconds.
const LEEWAY: u64 = 60;

/// For whom a token has to be.
#[derive(Debug, Clone)]
pub struct Expected {
    audiences: Vec<String>,
    parties: Vec<String>,
    nonce: Option<String>,
}

impl Expected {
    /// It is for this audience: our client id, or the name that jobs ask tokens for.
    pub fn audience(audience: impl Into<String>) -> Self {
        Self { audiences: vec![audience.into()], parties: Vec::new(), nonce: None }
    }

    /// Or for this one.
    #[must_use]
    pub fn or_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// It may have been given to this party (`azp`), beside the audiences themselves.
    #[must_use]
    pub fn party(mut self, party: impl Into<String>) -> Self {
        self.parties.push(party.into());
        self
    }

    /// It answers the login that sent this nonce.
    #[must_use]
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    fn wanted(&self) -> String {
        self.audiences.join(" or ")
    }
}

/// Checks the claims of a token that `issuer` signed.
pub(super) fn check(
    claims: Map<String, Value>,
    issuer: &IssuerUrl,
    expected: &Expected,
    now: SystemTime,
) -> Result<Claims, Refused> {
    let expires = check_origin(&claims, issuer, expected, now)?;
    if let Some(nonce) = &expected.nonce
        && claims.get("nonce").and_then(Value::as_str) != Some(nonce)
    {
        return Err(Refused::Nonce);
    }
    match claims.get("sub").and_then(Value::as_str) {
        Some(subject) if !subject.is_empty() => {
            let subject = subject.to_owned();
            Ok(Claims::verified(issuer.as_str(), &subject, expires, claims))
        }
        _ => Err(Refused::claim("sub", "is not a text that names somebody")),
    }
}

/// Checks who a token is from, for whom, and when it ends, which it gives.
pub(super) fn check_origin(
    claims: &Map<String, Value>,
    issuer: &IssuerUrl,
    expected: &Expected,
    now: SystemTime,
) -> Result<u64, Refused> {
    check_issuer(claims, issuer)?;
    check_audience(claims, expected)?;
    check_time(claims, now)
}

fn check_issuer(claims: &Map<String, Value>, issuer: &IssuerUrl) -> Result<(), Refused> {
    let actual = claims.get("iss").and_then(Value::as_str).ok_or_else(|| Refused::claim("iss", "is missing"))?;
    if actual == issuer.as_str() {
        return Ok(());
    }
    Err(Refused::Issuer { actual: Shown(actual).to_string(), wanted: issuer.to_string() })
}

fn check_audience(claims: &Map<String, Value>, expected: &Expected) -> Result<(), Refused> {
    let malformed = || Refused::claim("aud", "is neither a text nor a list of texts");
    let actual = audiences(claims).ok_or_else(malformed)?;
    let is_ours = |name: &str| expected.audiences.iter().any(|audience| audience == name);
    if !actual.iter().any(|name| is_ours(name)) {
        return Err(Refused::Audience { actual: Shown(&actual.join(", ")).to_string(), wanted: expected.wanted() });
    }
    match claims.get("azp") {
        // One audience says it all; of several, somebody else may have got the token.
        None if actual.len() == 1 => Ok(()),
        None => Err(Refused::claim("azp", "is missing, and the token has several audiences")),
        Some(Value::String(party)) if is_ours(party) || expected.parties.contains(party) => Ok(()),
        Some(Value::String(party)) => {
            Err(Refused::Party { actual: Shown(party).to_string(), wanted: expected.wanted() })
        }
        Some(_) => Err(Refused::claim("azp", "is not a text")),
    }
}

/// Gives the time of its end.
fn check_time(claims: &Map<String, Value>, now: SystemTime) -> Result<u64, Refused> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expires = seconds(claims, "exp")?.ok_or_else(|| Refused::claim("exp", "is missing"))?;
    if now >= expires.saturating_add(LEEWAY) {
        return Err(Refused::Expired(now - expires));
    }
    for name in ["nbf", "iat"] {
        let from = seconds(claims, name)?.unwrap_or_default();
        if from > now.saturating_add(LEEWAY) {
            return Err(Refused::Early(from - now));
        }
    }
    Ok(expires)
}

/// Seconds since 1970; a fraction is cut off (RFC 7519, section 2, NumericDate).
pub(super) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Refused> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole =
        value.as_u64().or_else(|| value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64));
    whole.map(Some).ok_or_else(|| Refused::claim(name, "is not a time in seconds"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.acme.example";
    const NOW: u64 = 1_700_000_000;

    /// Good claims with some changed; `null` takes one away.
    fn judge(changes: Value, expected: &Expected) -> Result<Claims, Refused> {
        let good = json!({"iss": ISSUER, "sub": "ann", "aud": "entrepot", "exp": NOW + 300, "iat": NOW, "nonce": "n"});
        let mut claims = good.as_object().unwrap().clone();
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        check(claims, &ISSUER.parse().unwrap(), expected, UNIX_EPOCH + Duration::from_secs(NOW))
    }

    fn refusal(changes: Value) -> Refused {
        judge(changes.clone(), &Expected::audience("entrepot")).expect_err(&changes.to_string())
    }

    #[test]
    fn good_claims_are_accepted() {
        let claims = judge(json!({}), &Expected::audience("entrepot").nonce("n")).unwrap();
        assert_eq!((claims.issuer(), claims.subject()), (ISSUER, "ann"));
        assert_eq!(claims.expires(), UNIX_EPOCH + Duration::from_secs(NOW + 300));
        judge(json!({"iat": null, "nbf": NOW + LEEWAY}), &Expected::audience("entrepot")).unwrap();
        judge(json!({"exp": (NOW + 1) as f64 + 0.5}), &Expected::audience("entrepot")).unwrap();
    }

    #[test]
    fn the_issuer_is_exact() {
        for other in ["https://id.acme.example/", "https://ID.acme.example", "https://evil.example", ""] {
            assert!(matches!(refusal(json!({"iss": other})), Refused::Issuer { .. }), "{other}");
        }
        for other in [json!(null), json!([ISSUER]), json!(1)] {
            assert!(matches!(refusal(json!({"iss": other})), Refused::Claim { .. }));
        }
    }

    #[test]
    fn the_audience_is_exact_and_of_several_the_party_is_ours() {
        for other in [json!("Entrepot"), json!("entrepot2"), json!("entre"), json!(["a", "b"]), json!([]), json!("")] {
            assert!(matches!(refusal(json!({"aud": other})), Refused::Audience { .. }), "{other}");
        }
        for other in [json!(null), json!(["entrepot", 1]), json!({"entrepot": 1})] {
            assert!(matches!(refusal(json!({"aud": other})), Refused::Claim { .. }), "{other}");
        }
        assert!(matches!(refusal(json!({"aud": ["entrepot", "b"]})), Refused::Claim { .. }));
        assert!(matches!(refusal(json!({"aud": ["entrepot", "b"], "azp": "b"})), Refused::Party { .. }));
        assert!(matches!(refusal(json!({"azp": "b"})), Refused::Party { .. }));
        assert!(matches!(refusal(json!({"azp": ["entrepot"]})), Refused::Claim { .. }));
        judge(json!({"aud": ["b", "entrepot"], "azp": "entrepot"}), &Expected::audience("entrepot")).unwrap();
        judge(json!({"aud": ["entrepot"]}), &Expected::audience("other").or_audience("entrepot")).unwrap();
        judge(json!({"azp": "a service"}), &Expected::audience("entrepot").party("a service")).unwrap();
    }

    #[test]
    fn time_has_a_leeway_of_a_minute() {
        judge(json!({"exp": NOW - LEEWAY + 1}), &Expected::audience("entrepot")).unwrap();
        assert_eq!(refusal(json!({"exp": NOW - LEEWAY})), Refused::Expired(LEEWAY));
        assert_eq!(refusal(json!({"exp": 0})), Refused::Expired(NOW));
        assert_eq!(refusal(json!({"nbf": NOW + LEEWAY + 1})), Refused::Early(LEEWAY + 1));
        assert_eq!(refusal(json!({"iat": NOW + LEEWAY + 1})), Refused::Early(LEEWAY + 1));
        for value in [json!(null), json!("1900000000"), json!(-1), json!([])] {
            assert!(matches!(refusal(json!({"exp": value})), Refused::Claim { .. }), "{value}");
        }
        assert!(matches!(refusal(json!({"nbf": "soon"})), Refused::Claim { .. }));
        judge(json!({"exp": u64::MAX}), &Expected::audience("entrepot")).unwrap();
    }

    #[test]
    fn the_nonce_is_that_of_the_login() {
        let expected = Expected::audience("entrepot").nonce("n");
        for nonce in [json!("m"), json!(null), json!(""), json!(["n"])] {
            assert_eq!(judge(json!({"nonce": nonce}), &expected), Err(Refused::Nonce));
        }
    }

    #[test]
    fn somebody_is_named() {
        for subject in [json!(""), json!(null), json!(1), json!(["ann"])] {
            assert!(matches!(refusal(json!({"sub": subject})), Refused::Claim { .. }), "{subject}");
        }
    }
}

//! A person, out of claims.

use serde_json::{Map, Value};

use super::ClaimNames;
use crate::Person;
use crate::provider::claims::{Claims, find};
use crate::provider::refused::Refused;

/// The longest name or address, in bytes.
const MAX_NAME_BYTES: usize = 320;

/// Whether the identity token alone has all that a person is made of; a display name is not worth a question.
pub(super) fn is_complete(claims: &Map<String, Value>, names: &ClaimNames) -> bool {
    let has = |name: &str| find(claims, name).is_some();
    has(&names.username) && has(&names.email) && names.groups.as_deref().is_none_or(has)
}

/// Makes the person.
pub(super) fn person(claims: &Claims, names: &ClaimNames) -> Result<Person, Refused> {
    let all = claims.all();
    let email = text(all, &names.email)?.filter(|_| is_confirmed(all, names));
    let username = if names.username == names.email {
        let why = "is missing, or the provider has not confirmed the address";
        email.clone().ok_or_else(|| Refused::claim(&names.username, why))?
    } else {
        text(all, &names.username)?.ok_or_else(|| Refused::claim(&names.username, "is missing"))?
    };
    Ok(Person {
        subject: claims.subject().to_owned(),
        username,
        email,
        display_name: text(all, &names.display_name)?,
        groups: names.groups.as_deref().map_or_else(|| Ok(Vec::new()), |name| groups(all, name))?,
    })
}

/// A short text of one line, if it is there and not empty.
fn text(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match find(claims, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_NAME_BYTES && !text.contains(char::is_control) => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(Refused::claim(name, "is not a text of one short line")),
    }
}

/// Some providers write the truth value as a text.
fn is_confirmed(claims: &Map<String, Value>, names: &ClaimNames) -> bool {
    match claims.get("email_verified") {
        None => names.trust_email,
        Some(value) => *value == Value::Bool(true) || *value == Value::String("true".to_owned()),
    }
}

/// Sorted, each once. That the provider says nothing means that there are none.
fn groups(claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refused> {
    let wrong = || Refused::claim(name, "is neither a list of texts nor a text");
    let mut groups: Vec<String> = match find(claims, name) {
        None if are_elsewhere(claims, name) => {
            // Section 5.6.2. To take it for no groups would take away what the person may do.
            let why = "is kept elsewhere by the provider, as there are too many; let it send those of this application";
            return Err(Refused::claim(name, why));
        }
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().map(|group| group.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    groups.retain(|group| !group.is_empty());
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

fn are_elsewhere(claims: &Map<String, Value>, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let elsewhere = claims.get("_claim_names").and_then(Value::as_object);
    let has_groups = claims.get("hasgroups").is_some_and(|value| *value != Value::Bool(false));
    has_groups || elsewhere.is_some_and(|names| names.contains_key(first) || names.contains_key(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn make(claims: Value, names: &ClaimNames) -> Result<Person, Refused> {
        let Value::Object(all) = claims else { panic!("no object") };
        person(&Claims::verified("https://id.acme.example", "4711", 0, all), names)
    }

    #[test]
    fn a_person_is_made_of_the_claims_that_are_named() {
        let claims = json!({
            "preferred_username": "ann", "email": "ann@acme.example", "email_verified": true, "name": "Ann",
            "groups": ["dev", "all", "dev", ""], "realm_access": {"roles": ["writer"]}, "upn": "ann@corp",
        });
        let person = make(claims.clone(), &ClaimNames::default()).unwrap();
        let wanted = Person {
            subject: "4711".to_owned(),
            username: "ann".to_owned(),
            email: Some("ann@acme.example".to_owned()),
            display_name: Some("Ann".to_owned()),
            groups: vec!["all".to_owned(), "dev".to_owned()],
        };
        assert_eq!(person, wanted);
        let groups = Some("realm_access.roles".to_owned());
        let nested = ClaimNames { username: "upn".to_owned(), groups, ..ClaimNames::default() };
        let person = make(claims.clone(), &nested).unwrap();
        assert_eq!((person.username.as_str(), person.groups), ("ann@corp", vec!["writer".to_owned()]));
        assert!(make(claims, &ClaimNames { groups: None, ..nested }).unwrap().groups.is_empty());
    }

    #[test]
    fn an_address_counts_only_where_it_is_confirmed() {
        let (strict, trusting) = (ClaimNames::default(), ClaimNames { trust_email: true, ..ClaimNames::default() });
        for (verified, by_strict, by_trusting) in [
            (json!(true), true, true),
            (json!("true"), true, true),
            (json!(null), false, false),
            (json!(false), false, false),
            (json!("false"), false, false),
            (json!(1), false, false),
        ] {
            let claims = json!({"preferred_username": "ann", "email": "ann@acme.example", "email_verified": verified});
            assert_eq!(make(claims.clone(), &strict).unwrap().email.is_some(), by_strict, "{verified}");
            assert_eq!(make(claims, &trusting).unwrap().email.is_some(), by_trusting, "{verified}");
        }
        let claims = json!({"preferred_username": "ann", "email": "ann@acme.example"});
        assert_eq!(make(claims.clone(), &strict).unwrap().email, None);
        assert!(make(claims, &trusting).unwrap().email.is_some());
    }

    #[test]
    fn nobody_is_called_by_an_address_that_is_not_confirmed() {
        let names = ClaimNames { username: "email".to_owned(), ..ClaimNames::default() };
        let claims = |verified: bool| json!({"email": "boss@acme.example", "email_verified": verified});
        assert_eq!(make(claims(true), &names).unwrap().username, "boss@acme.example");
        assert!(matches!(make(claims(false), &names), Err(Refused::Claim { name, .. }) if name == "email"));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (name, claims) in [
            ("preferred_username", json!({})),
            ("preferred_username", json!({"preferred_username": ""})),
            ("preferred_username", json!({"preferred_username": ["ann"]})),
            ("preferred_username", json!({"preferred_username": "ann\nbob"})),
            ("preferred_username", json!({"preferred_username": "a".repeat(MAX_NAME_BYTES + 1)})),
            ("groups", json!({"preferred_username": "ann", "groups": {"admins": true}})),
            ("groups", json!({"preferred_username": "ann", "groups": ["dev", 1]})),
            ("groups", json!({"preferred_username": "ann", "_claim_names": {"groups": "src1"}})),
            ("groups", json!({"preferred_username": "ann", "hasgroups": true})),
        ] {
            let refused = make(claims.clone(), &ClaimNames::default()).unwrap_err();
            assert!(matches!(&refused, Refused::Claim { name: of, .. } if of == name), "{claims}: {refused}");
        }
        let one = json!({"preferred_username": "ann", "groups": "dev"});
        assert_eq!(make(one, &ClaimNames::default()).unwrap().groups, ["dev"]);
        assert!(make(json!({"preferred_username": "ann"}), &ClaimNames::default()).unwrap().groups.is_empty());
    }
}

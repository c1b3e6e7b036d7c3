//! Keyless CI: which jobs may come in, by what their identity tokens claim.
//!
//! A [`Rule`] names an issuer, an audience and conditions: claims, and the [`Pattern`] that each has to match. All of them have
//! to hold. [`match_rules`] says of every rule whether it matches and, if not, which conditions failed and why.
//!
//! Only texts match. A list, number or truth value is refused and explained, as are claims that nearly match: nothing is
//! folded, trimmed or converted. What claims the jobs of known services have is in [`services`].

mod outcome;
mod pattern;
pub mod services;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::outcome::{Actual, Failure, Hint, Outcome, Verdict};
pub use self::pattern::{InvalidPattern, Pattern};
use self::services::{SERVICES, Service};
use super::claims::{Claims, audiences, find};
use super::url::IssuerUrl;

/// The most conditions of one rule.
const MAX_CONDITIONS: usize = 32;
/// The longest name of a claim, in bytes.
const MAX_CLAIM_BYTES: usize = 256;

/// Which jobs may come in.
///
/// Written as JSON, TOML and the like it is `{issuer, audience, conditions: {claim: pattern}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rule {
    issuer: IssuerUrl,
    audience: String,
    conditions: BTreeMap<String, Pattern>,
}

/// A rule that would let in more than anybody means, or nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// The issuer is none.
    #[error("{0}")]
    Issuer(#[from] super::url::InvalidIssuer),
    /// There is no audience.
    #[error("a rule names the audience that jobs ask their tokens for")]
    Audience,
    /// Every job of the issuer would match: of any customer of a public service.
    #[error("a rule needs a condition that is more than *, or every job of the issuer may come in")]
    Unconditional,
    /// It is for a service that anybody can use, and does not say whose jobs may come in.
    #[error(
        "a rule for {service} has to say whose jobs may come in: {} as it is, or as far as the first /, before any *",
        claims.join(", ")
    )]
    AnyOwner {
        /// The service.
        service: &'static str,
        /// The claims of which it needs one.
        claims: &'static [&'static str],
    },
    /// More than 32.
    #[error("a rule has at most {MAX_CONDITIONS} conditions")]
    TooMany,
    /// The name of a claim is empty or too long.
    #[error("{0:?} is no name of a claim")]
    Claim(String),
    /// A pattern cannot be read.
    #[error("the pattern for {claim}: {why}")]
    Pattern {
        /// The claim.
        claim: String,
        /// What is wrong.
        why: InvalidPattern,
    },
}

/// A rule as it is written down.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    audience: String,
    conditions: BTreeMap<String, String>,
}

impl Rule {
    /// A rule with conditions: the name of a claim, or a path (`kubernetes.io.namespace`), and its pattern.
    ///
    /// # Errors
    /// It would match every job of its issuer, or jobs of anybody at a public service, or is not understood.
    pub fn new<'a>(
        issuer: &str,
        audience: &str,
        conditions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidRule> {
        let issuer = issuer.parse()?;
        if audience.is_empty() {
            return Err(InvalidRule::Audience);
        }
        let conditions =
            conditions.into_iter().map(|(claim, text)| condition(claim, text)).collect::<Result<_, _>>()?;
        let rule = Self { issuer, audience: audience.to_owned(), conditions };
        if rule.conditions.len() > MAX_CONDITIONS {
            return Err(InvalidRule::TooMany);
        }
        if rule.conditions.values().all(Pattern::matches_everything) {
            return Err(InvalidRule::Unconditional);
        }
        rule.check_owner()?;
        Ok(rule)
    }

    fn check_owner(&self) -> Result<(), InvalidRule> {
        let known = SERVICES.iter().find(|service| service.issuer == self.issuer.as_str());
        let Some(Service { name, owners, .. }) = known else { return Ok(()) };
        if owners.iter().filter_map(|claim| self.conditions.get(*claim)).any(Pattern::names_an_owner) {
            return Ok(());
        }
        Err(InvalidRule::AnyOwner { service: name, claims: owners })
    }

    /// The provider whose tokens it is about.
    pub fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// For whom the tokens have to be.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The claims, and what they have to match.
    pub fn conditions(&self) -> &BTreeMap<String, Pattern> {
        &self.conditions
    }

    fn judge(&self, claims: &Claims) -> Verdict {
        let mut failures = Vec::new();
        if claims.issuer() != self.issuer.as_str() {
            failures.push(Failure::exact("iss", self.issuer.as_str(), Actual::Text(claims.issuer().to_owned())));
        }
        let for_us = audiences(claims.all()).is_some_and(|all| all.contains(&self.audience.as_str()));
        if !for_us {
            failures.push(Failure::exact("aud", &self.audience, Actual::of(claims.all().get("aud"))));
        }
        failures.extend(self.conditions.iter().filter_map(|(claim, pattern)| {
            let actual = find(claims.all(), claim);
            let matches = actual.and_then(|value| value.as_str()).is_some_and(|text| pattern.matches(text));
            (!matches).then(|| Failure::new(claim, pattern, Actual::of(actual)))
        }));
        Verdict { failures }
    }
}

/// Says of each rule, in their order, whether a job with these claims may come in by it.
pub fn match_rules<'a>(rules: impl IntoIterator<Item = &'a Rule>, claims: &Claims) -> Outcome {
    Outcome { verdicts: rules.into_iter().map(|rule| rule.judge(claims)).collect() }
}

fn condition(claim: &str, text: &str) -> Result<(String, Pattern), InvalidRule> {
    if claim.is_empty() || claim.len() > MAX_CLAIM_BYTES || claim.contains(char::is_control) {
        return Err(InvalidRule::Claim(claim.chars().take(MAX_CLAIM_BYTES).collect()));
    }
    let pattern = text.parse().map_err(|why| InvalidRule::Pattern { claim: claim.to_owned(), why })?;
    Ok((claim.to_owned(), pattern))
}

impl TryFrom<Written> for Rule {
    type Error = InvalidRule;

    fn try_from(written: Written) -> Result<Self, InvalidRule> {
        let conditions = written.conditions.iter().map(|(claim, text)| (claim.as_str(), text.as_str()));
        Self::new(&written.issuer, &written.audience, conditions)
    }
}

impl From<Rule> for Written {
    fn from(rule: Rule) -> Self {
        let conditions = rule.conditions.into_iter().map(|(claim, pattern)| (claim, pattern.to_string()));
        Self { issuer: rule.issuer.to_string(), audience: rule.audience, conditions: conditions.collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://ci.acme.example";
    const AUDIENCE: &str = "https://registry.acme.example";

    fn rule(conditions: &[(&str, &str)]) -> Rule {
        Rule::new(ISSUER, AUDIENCE, conditions.iter().copied()).unwrap()
    }

    fn claims(changes: &Value) -> Claims {
        let mut all = json!({
            "iss": ISSUER, "aud": AUDIENCE, "repository": "acme/app", "ref": "refs/heads/main", "run_number": 10,
            "ref_protected": true, "kubernetes.io": {"namespace": "ci"},
        });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let issuer = all["iss"].as_str().unwrap().to_owned();
        Claims::verified(&issuer, "job", 0, all.as_object().unwrap().clone())
    }

    /// Why the one rule does not match.
    fn reasons(rule: &Rule, changes: &Value) -> Vec<String> {
        let outcome = match_rules([rule], &claims(changes));
        outcome.verdicts[0].failures.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let main = rule(&[("repository", "acme/*"), ("ref", "refs/heads/main"), ("kubernetes.io.namespace", "ci")]);
        assert!(match_rules([&main], &claims(&json!({}))).is_match());
        let why = reasons(&main, &json!({"ref": "refs/heads/dev"}));
        assert_eq!(why, ["ref is refs/heads/dev, the rule wants refs/heads/main"]);
        let why = reasons(&main, &json!({"ref": "refs/heads/dev", "repository": "evil/app"}));
        assert_eq!(why.len(), 2);
    }

    #[test]
    fn each_rule_has_its_verdict() {
        let rules = [
            rule(&[("repository", "acme/other")]),
            rule(&[("repository", "acme/app")]),
            rule(&[("repository", "**/app")]),
        ];
        let outcome = match_rules(&rules, &claims(&json!({})));
        assert_eq!(outcome.matching().collect::<Vec<_>>(), [1, 2]);
        assert!(!match_rules([&rules[0]], &claims(&json!({}))).is_match());
        assert!(!match_rules([], &claims(&json!({}))).is_match());
    }

    #[test]
    fn issuer_and_audience_are_conditions_too() {
        let rule = rule(&[("repository", "acme/app")]);
        let why = reasons(&rule, &json!({"iss": "https://id.acme.example"}));
        assert_eq!(why, [format!("iss is https://id.acme.example, the rule wants {ISSUER}")]);
        let why = reasons(&rule, &json!({"aud": "sigstore"}));
        assert_eq!(why, [format!("aud is sigstore, the rule wants {AUDIENCE}")]);
        assert!(reasons(&rule, &json!({"aud": ["sigstore", AUDIENCE]})).is_empty());
        assert_eq!(reasons(&rule, &json!({"aud": ["sigstore"]})).len(), 1);
    }

    #[test]
    fn what_nearly_matches_is_refused_and_explained() {
        let wants = |claim, pattern| rule(&[("repository", "acme/app"), (claim, pattern)]);
        let table = [
            ("repository", "acme/app", json!("Acme/app"), "in upper and lower case"),
            ("repository", "acme/app", json!("acme/app-evil"), "only begins alike"),
            ("repository", "acme/app", json!("acme/app/"), "only begins alike"),
            ("repository", "acme/app", json!("evil/acme/app"), "only ends alike"),
            ("repository", "acme/app", json!(" acme/app"), "in spaces"),
            ("repository", "acme/app", json!("acme/app\n"), "in spaces"),
            ("repository", "acme/app", json!("аcme/app"), "the rule wants acme/app"),
            ("repository", "acme/app", json!(""), "is empty"),
            ("repository", "acme/app", json!(["acme/app"]), "is a list"),
            ("repository", "acme/app", json!({"acme/app": true}), "is an object"),
            ("repository", "acme/app", json!(null), "is null"),
            ("run_number", "10", json!(10), "is a number"),
            ("ref_protected", "true", json!(true), "is a truth value"),
            ("ref", "refs/heads/*", json!("refs/heads/a/b"), "** does"),
            ("ref", "refs/heads/v*", json!("refs/heads/V1"), "in upper and lower case"),
            ("environment", "production", json!("production2"), "only begins alike"),
        ];
        for (claim, pattern, actual, wanted) in table {
            let why = reasons(&wants(claim, pattern), &json!({ claim: actual }));
            assert_eq!(why.len(), 1, "{claim} {actual}");
            assert!(why[0].contains(wanted), "{}", why[0]);
        }
        let why = reasons(&wants("environment", "production"), &json!({}));
        assert_eq!(why, ["the token has no claim environment, the rule wants production"]);
        assert_eq!(reasons(&wants("Repository", "acme/app"), &json!({})).len(), 1);
    }

    #[test]
    fn a_rule_that_lets_everybody_in_is_none() {
        let new = |conditions: &[(&str, &str)]| Rule::new(ISSUER, AUDIENCE, conditions.iter().copied()).unwrap_err();
        for conditions in [&[][..], &[("repository", "*")], &[("repository", "**"), ("ref", "*")], &[("ref", "**/**")]]
        {
            assert_eq!(new(conditions), InvalidRule::Unconditional, "{conditions:?}");
        }
        assert!(matches!(new(&[("", "x")]), InvalidRule::Claim(_)));
        assert!(matches!(new(&[("ref", "")]), InvalidRule::Pattern { .. }));
        let many: Vec<String> = (0..=MAX_CONDITIONS).map(|number| format!("claim{number}")).collect();
        let many: Vec<_> = many.iter().map(|claim| (claim.as_str(), "x")).collect();
        assert_eq!(new(&many), InvalidRule::TooMany);
        assert_eq!(Rule::new(ISSUER, "", [("ref", "x")]).unwrap_err(), InvalidRule::Audience);
        assert!(matches!(Rule::new("http://acme.example", AUDIENCE, [("ref", "x")]), Err(InvalidRule::Issuer(_))));
    }

    #[test]
    fn at_a_public_service_a_rule_says_whose_jobs() {
        let github = |conditions: &[(&str, &str)]| {
            Rule::new(services::GITHUB_ACTIONS.issuer, AUDIENCE, conditions.iter().copied())
        };
        for conditions in [
            &[("ref", "refs/heads/main")][..],
            &[("environment", "production"), ("repository", "*/app")],
            &[("repository", "acme*")],
            &[("repository_owner", "acme*")],
            &[("job_workflow_ref", "acme/ci/.github/workflows/push.yml@refs/heads/main")],
            &[("sub", "repo:*")],
        ] {
            assert!(matches!(github(conditions), Err(InvalidRule::AnyOwner { .. })), "{conditions:?}");
        }
        github(&[("ref", "refs/heads/*"), ("repository", "acme/*")]).unwrap();
        github(&[("repository_owner", "acme")]).unwrap();
        github(&[("sub", "repo:acme/app:*")]).unwrap();
        let gitlab = Rule::new(services::GITLAB.issuer, AUDIENCE, [("ref", "main")]).unwrap_err().to_string();
        assert!(gitlab.starts_with("a rule for GitLab has to say whose jobs may come in: project_path, "), "{gitlab}");
        // On a server of one's own, everybody is a colleague.
        rule(&[("ref", "main")]);
    }

    #[test]
    fn a_rule_is_kept_as_it_is_written() {
        let rule = rule(&[("repository", "acme/*"), ("ref", "refs/tags/v*")]);
        let text = serde_json::to_value(&rule).unwrap();
        let wanted = json!({
            "issuer": ISSUER, "audience": AUDIENCE, "conditions": {"ref": "refs/tags/v*", "repository": "acme/*"},
        });
        assert_eq!(text, wanted);
        assert_eq!(serde_json::from_value::<Rule>(text).unwrap(), rule);
        let open = json!({"issuer": ISSUER, "audience": AUDIENCE, "conditions": {"repository": "*"}});
        assert!(serde_json::from_value::<Rule>(open).is_err());
    }
}

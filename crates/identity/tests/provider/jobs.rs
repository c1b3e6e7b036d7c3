//! Keyless CI: tokens that a real provider signs, its keys changing in the middle, against rules.

use std::time::SystemTime;

use anyhow::Result;
use entrepot_identity::provider::rules::{Rule, match_rules};
use entrepot_identity::provider::{Claims, Expected, Issuer, Refused, unverified_issuer};
use entrepot_test_support::servers::{OidcProvider, OidcSettings};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{AUDIENCE, PACE, issuer, job, with};

async fn verify(issuer: &Issuer, token: &str) -> Result<Claims, Refused> {
    issuer.verify(token, &Expected::audience(AUDIENCE), SystemTime::now()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_come_in_by_rules_while_keys_change() -> Result<()> {
    let settings = OidcSettings { algorithm: "RS256", in_token: false, accounts: "{}" };
    let Some(provider) = OidcProvider::start(&settings)? else { return Ok(()) };
    let url = provider.issuer();
    let sign = |changes: Value| provider.sign(&with(job(&url), changes).to_string());
    let issuer = issuer(&url, PACE);
    let rules = [
        Rule::new(&url, AUDIENCE, [("repository", "acme/app"), ("ref", "refs/heads/main")])?,
        Rule::new(&url, AUDIENCE, [("repository", "acme/*"), ("environment", "production")])?,
    ];

    let before = sign(json!({}))?;
    assert_eq!(unverified_issuer(&before)?, url);
    let claims = verify(&issuer, &before).await?;
    assert_eq!(match_rules(&rules, &claims).matching().collect::<Vec<_>>(), [0]);

    provider.rotate()?;
    sleep(PACE.gap).await;
    let after = sign(json!({"environment": "production"}))?;
    let claims = verify(&issuer, &after).await?;
    assert_eq!(match_rules(&rules, &claims).matching().collect::<Vec<_>>(), [0, 1]);
    let refused = verify(&issuer, &before).await.unwrap_err();
    assert!(matches!(refused, Refused::UnknownKey { .. }), "{refused}");

    // What nearly matches.
    let dev = sign(json!({"ref": "refs/heads/main-2", "repository": "Acme/app", "environment": ["production"]}))?;
    let outcome = match_rules(&rules, &verify(&issuer, &dev).await?);
    assert!(!outcome.is_match());
    let reasons: Vec<String> =
        outcome.verdicts.iter().flat_map(|verdict| &verdict.failures).map(ToString::to_string).collect();
    let wanted = [
        "ref is refs/heads/main-2, the rule wants refs/heads/main (it only begins alike)",
        "repository is Acme/app, the rule wants acme/app (they differ in upper and lower case)",
        "environment is a list (production), and only a text matches, the rule wants production",
        "repository is Acme/app, the rule wants acme/* (they differ in upper and lower case)",
    ];
    assert_eq!(reasons, wanted);

    // For somebody else, and of another provider with the same claims.
    let other = sign(json!({"aud": "sigstore"}))?;
    assert!(matches!(verify(&issuer, &other).await, Err(Refused::Audience { .. })));
    let Some(stranger) = OidcProvider::start(&settings)? else { return Ok(()) };
    let token = stranger.sign(&job(&url).to_string())?;
    assert_eq!(unverified_issuer(&token)?, url);
    assert!(verify(&issuer, &token).await.is_err());

    drop(provider);
    verify(&issuer, &after).await?;
    Ok(())
}

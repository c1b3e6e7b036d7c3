//! Logging in at a real provider.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use entrepot_identity::provider::{Answer, ClaimNames, Login, Pending, Refused, Registration, SecretIn, SignedIn};
use entrepot_identity::{Person, Secret};
use entrepot_test_support::servers::{OidcProvider, OidcSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{PACE, client, issuer};

const ACCOUNTS: &str = r#"{
    "4711": {"preferred_username": "ann", "name": "Ann Example", "email": "ann@acme.example",
            "email_verified": true, "groups": ["dev", "all"], "realm_access": {"roles": ["writer"]}},
    "4712": {"preferred_username": "bob", "email": "ann@acme.example", "email_verified": false}
}"#;
const ANN: &str = "4711";
const BOB: &str = "4712";

/// A provider, and how we log in there.
struct Place {
    provider: OidcProvider,
    login: Login,
}

fn registration(client_id: &str, secret: &str, claims: ClaimNames) -> Registration {
    let secret_in = if client_id == "post" { SecretIn::Post } else { SecretIn::Basic };
    let secret = Some(Secret::from(secret));
    Registration { client_id: client_id.to_owned(), secret, secret_in, claims, prompt: Some("consent".to_owned()) }
}

impl Place {
    fn new(settings: &OidcSettings, client_id: &str, claims: ClaimNames) -> Result<Option<Self>> {
        let Some(provider) = OidcProvider::start(settings)? else { return Ok(None) };
        let issuer = issuer(&provider.issuer(), PACE);
        let login = Login::new(issuer, registration(client_id, OidcProvider::SECRET, claims));
        Ok(Some(Self { provider, login }))
    }

    /// As far as the browser coming back.
    async fn come_back(&self, subject: &str) -> Result<(Answer, Pending)> {
        let (url, pending) = self.login.begin(OidcProvider::REDIRECT_URI, &["profile", "email", "groups"]).await?;
        let back = self.provider.log_in(&url, subject)?;
        Ok((answer(&back)?, pending))
    }

    async fn log_in(&self, subject: &str) -> Result<SignedIn> {
        let (answer, pending) = self.come_back(subject).await?;
        Ok(self.login.finish(&answer, pending, SystemTime::now()).await?)
    }
}

/// The query of the redirect URI, as a page would read it.
fn answer(url: &str) -> Result<Answer> {
    let url = reqwest::Url::parse(url)?;
    let query: serde_json::Map<String, Value> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    Ok(serde_json::from_value(query.into())?)
}

/// A pending login with a field changed, as somebody with access to where it is kept could.
fn changed(pending: &Pending, field: &str) -> Result<Pending> {
    let mut text = serde_json::to_value(pending)?;
    text[field] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into();
    Ok(serde_json::from_value(text)?)
}

fn refused(outcome: Result<SignedIn, Refused>) -> Result<Refused> {
    let refused = outcome.err().context("somebody was let in")?;
    assert!(!format!("{refused} {refused:?}").contains(OidcProvider::SECRET), "{refused}");
    Ok(refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_log_in_with_their_groups_until_they_lose_them() -> Result<()> {
    let settings = OidcSettings { algorithm: "RS256", in_token: false, accounts: ACCOUNTS };
    let Some(place) = Place::new(&settings, "basic", ClaimNames::default())? else { return Ok(()) };
    let ann = place.log_in(ANN).await?;
    let wanted = Person {
        subject: ANN.to_owned(),
        username: "ann".to_owned(),
        email: Some("ann@acme.example".to_owned()),
        display_name: Some("Ann Example".to_owned()),
        groups: vec!["all".to_owned(), "dev".to_owned()],
    };
    assert_eq!(ann.person, wanted);
    assert_eq!((ann.claims.issuer(), ann.claims.subject()), (place.provider.issuer().as_str(), ANN));
    assert!(ann.claims.expires() > SystemTime::now() + Duration::from_secs(60));
    assert_eq!(ann.claims.all()["realm_access"], json!({"roles": ["writer"]}));

    let bob = place.log_in(BOB).await?.person;
    assert_eq!((bob.username.as_str(), bob.email, bob.groups), ("bob", None, vec![]));

    place.provider.set_accounts(&ACCOUNTS.replace(r#"["dev", "all"]"#, r#"["all"]"#))?;
    assert_eq!(place.log_in(ANN).await?.person.groups, ["all"]);

    // New keys between two logins.
    place.provider.rotate()?;
    tokio::time::sleep(PACE.gap).await;
    assert_eq!(place.log_in(ANN).await?.person.subject, ANN);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_answers_for_people_who_are_away_until_it_does_no_longer() -> Result<()> {
    for in_token in [false, true] {
        let settings = OidcSettings { algorithm: "RS256", in_token, accounts: ACCOUNTS };
        let Some(place) = Place::new(&settings, "basic", ClaimNames::default())? else { return Ok(()) };
        let now = SystemTime::now();
        let first = place.log_in(ANN).await?.renewal.context("the provider gives no refresh token")?;
        assert!(!format!("{first:?}").contains(first.expose_secret()));
        let again = place.login.renew(&first, ANN, now).await.1?;
        assert_eq!(again.person.groups, ["all", "dev"]);
        let renewal = again.renewal.unwrap_or(first);

        place.provider.set_accounts(&ACCOUNTS.replace(r#"["dev", "all"]"#, r#"["all"]"#))?;
        assert_eq!(place.login.renew(&renewal, ANN, now).await.1?.person.groups, ["all"]);
        // Whoever has another's gets nobody with it.
        let why = refused(place.login.renew(&renewal, BOB, now).await.1)?;
        assert!(matches!(&why, Refused::Claim { name, .. } if name == "sub"), "{why}");
        for bad in ["", "none", &renewal.expose_secret()[1..]] {
            let why = refused(place.login.renew(&Secret::from(bad), ANN, now).await.1)?;
            assert!(matches!(why, Refused::Ended { .. } | Refused::Provider { .. }), "{why}");
        }
        // A wrong secret is a mistake of ours, and says nothing of the person.
        let wrong = registration("basic", "another", ClaimNames::default());
        let misled = Login::new(issuer(&place.provider.issuer(), PACE), wrong);
        let why = refused(misled.renew(&renewal, ANN, now).await.1)?;
        assert!(matches!(why, Refused::Provider { .. }), "{why}");

        place.provider.set_accounts("{}")?;
        let why = refused(place.login.renew(&renewal, ANN, now).await.1)?;
        assert!(matches!(why, Refused::Ended { .. }), "{why}");
        let Place { provider, login } = place;
        drop(provider);
        assert!(refused(login.renew(&renewal, ANN, now).await.1)?.is_temporary());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_in_the_token_and_roles_that_are_nested() -> Result<()> {
    for algorithm in ["ES256", "EdDSA"] {
        let settings = OidcSettings { algorithm, in_token: true, accounts: ACCOUNTS };
        let claims = ClaimNames {
            username: "email".to_owned(),
            groups: Some("realm_access.roles".to_owned()),
            ..ClaimNames::default()
        };
        let Some(place) = Place::new(&settings, "post", claims)? else { return Ok(()) };
        let ann = place.log_in(ANN).await?.person;
        assert_eq!((ann.username.as_str(), ann.groups), ("ann@acme.example", vec!["writer".to_owned()]));
        // The same address, which the provider has not confirmed.
        let error = place.log_in(BOB).await.err().context("bob is ann")?;
        assert!(
            error.to_string().starts_with("the claim email is missing, or the provider has not confirmed"),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_answer_to_this_login_lets_in_and_only_once() -> Result<()> {
    let settings = OidcSettings { algorithm: "RS256", in_token: true, accounts: ACCOUNTS };
    let Some(place) = Place::new(&settings, "basic", ClaimNames::default())? else { return Ok(()) };
    let (login, now) = (&place.login, SystemTime::now());

    // Another browser's state, another provider's answer, and a person who says no: nothing is exchanged.
    let (good, pending) = place.come_back(ANN).await?;
    for state in [None, Some(String::new()), Some("x".repeat(43))] {
        let answer = Answer { state, ..good.clone() };
        assert_eq!(refused(login.finish(&answer, pending.clone(), now).await)?, Refused::State);
    }
    for iss in [None, Some("https://id.acme.example".to_owned())] {
        let answer = Answer { iss, ..good.clone() };
        let refused = refused(login.finish(&answer, pending.clone(), now).await)?;
        assert!(matches!(refused, Refused::OtherProvider { .. }), "{refused}");
    }
    let no = Answer { code: None, error: Some("access_denied".to_owned()), ..good.clone() };
    let refusal = refused(login.finish(&no, pending.clone(), now).await)?.to_string();
    assert!(refusal.ends_with("refuses: access_denied"), "{refusal}");
    assert!(matches!(
        refused(login.finish(&Answer { code: None, ..good.clone() }, pending.clone(), now).await)?,
        Refused::Malformed(_)
    ));

    // The code is good once.
    login.finish(&good, pending.clone(), now).await?;
    let refusal = refused(login.finish(&good, pending, now).await)?.to_string();
    assert!(refusal.contains("invalid_grant"), "{refusal}");

    // Without the verifier, a stolen code is good for nothing.
    let (good, pending) = place.come_back(ANN).await?;
    let refusal = refused(login.finish(&good, changed(&pending, "verifier")?, now).await)?.to_string();
    assert!(refusal.contains("invalid_grant"), "{refusal}");

    // A token of another login.
    let (good, pending) = place.come_back(ANN).await?;
    assert_eq!(refused(login.finish(&good, changed(&pending, "nonce")?, now).await)?, Refused::Nonce);

    // A token from long ago.
    let (good, pending) = place.come_back(ANN).await?;
    let later = now + Duration::from_hours(24);
    assert!(matches!(refused(login.finish(&good, pending, later).await)?, Refused::Expired(_)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_and_a_provider_that_is_gone_are_told_apart() -> Result<()> {
    let settings = OidcSettings { algorithm: "RS256", in_token: true, accounts: ACCOUNTS };
    let Some(mut place) = Place::new(&settings, "basic", ClaimNames::default())? else { return Ok(()) };
    let issuer = place.provider.issuer();
    for client_id in ["basic", "post"] {
        let wrong = registration(client_id, "another secret", ClaimNames::default());
        place.login = Login::new(crate::issuer(&issuer, PACE), wrong);
        let (answer, pending) = place.come_back(ANN).await?;
        let refused = refused(place.login.finish(&answer, pending, SystemTime::now()).await)?;
        assert!(refused.to_string().contains("invalid_client") && !refused.is_temporary(), "{refused}");
    }
    let (answer, pending) = place.come_back(ANN).await?;
    let Place { provider, login } = place;
    drop(provider);
    let gone = refused(login.finish(&answer, pending, SystemTime::now()).await)?;
    assert!(gone.is_temporary(), "{gone}");
    let url = issuer.parse()?;
    let late = Login::new(
        entrepot_identity::provider::Issuer::new(client(), url, PACE),
        registration("basic", OidcProvider::SECRET, ClaimNames::default()),
    );
    assert!(late.begin(OidcProvider::REDIRECT_URI, &[]).await.unwrap_err().is_temporary());
    Ok(())
}

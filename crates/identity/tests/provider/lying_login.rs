//! Logging in at a provider that lies, or is broken.

use std::collections::HashMap;
use std::time::SystemTime;

use entrepot_identity::Secret;
use entrepot_identity::provider::{Answer, ClaimNames, Login, Refused, Registration, SecretIn, SignedIn};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::liar::{DISCOVERY, Liar, Say};
use crate::signer::Signer;
use crate::{PACE, issuer, now, with};

const REDIRECT_URI: &str = "https://registry.acme.example/callback";
const SECRET: &str = "a secret that nobody sees";

struct Place {
    liar: Liar,
    login: Login,
    signer: Signer,
}

impl Place {
    async fn new(secret: Option<Secret>) -> Self {
        let signer = Signer::ed25519();
        let liar = Liar::start(&[signer.jwk("key")]).await;
        let registration = Registration {
            client_id: "entrepot".to_owned(),
            secret,
            secret_in: SecretIn::Post,
            claims: ClaimNames::default(),
            prompt: None,
        };
        let login = Login::new(issuer(&liar.url(), PACE), registration);
        Self { liar, login, signer }
    }

    /// A whole login. The token has `claims` beside good ones and the right nonce; it is given with `more` beside it.
    async fn log_in(&self, claims: Value, more: Value) -> Result<SignedIn, Refused> {
        let (url, pending) = self.login.begin(REDIRECT_URI, &["profile"]).await?;
        let query: HashMap<String, String> = reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        let good = json!({
            "iss": self.liar.url(), "aud": "entrepot", "sub": "4711", "iat": now(), "exp": now() + 300, "nonce": query["nonce"],
        });
        let token = self.signer.sign(&json!({"alg": "EdDSA", "kid": "key"}), &with(good, claims));
        let tokens = json!({"id_token": token, "access_token": "an access token", "token_type": "Bearer"});
        self.liar.say("/token", Say::Json(with(tokens, more)));
        self.finish(pending).await
    }

    /// A login whose code is exchanged for this.
    async fn exchange(&self, answer: Say) -> Refused {
        self.liar.say("/token", answer);
        let (_, pending) = self.login.begin(REDIRECT_URI, &[]).await.unwrap();
        self.finish(pending).await.unwrap_err()
    }

    /// A renewal that the provider answers with this.
    async fn renew(&self, tokens: Value) -> (Option<Secret>, Result<SignedIn, Refused>) {
        self.liar.say("/token", Say::Json(tokens));
        self.login.renew(&Secret::from("the last"), "4711", SystemTime::now()).await
    }

    async fn finish(&self, pending: entrepot_identity::provider::Pending) -> Result<SignedIn, Refused> {
        let answer =
            Answer { code: Some("the code".to_owned()), state: Some(pending.state().to_owned()), ..Answer::default() };
        let outcome = self.login.finish(&answer, pending, SystemTime::now()).await;
        if let Err(refused) = &outcome {
            let text = format!("{refused} {refused:?} {:?}", self.login);
            for secret in [SECRET, "the code", "an access token"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        outcome
    }
}

#[tokio::test]
async fn what_is_sent_and_where() {
    let place = Place::new(Some(Secret::from(SECRET))).await;
    let (url, _) = place.login.begin(REDIRECT_URI, &["openid", "groups"]).await.unwrap();
    let query: HashMap<String, String> = reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    assert!(url.starts_with(&format!("{}/auth?", place.liar.url())), "{url}");
    assert_eq!((query["response_type"].as_str(), query["client_id"].as_str()), ("code", "entrepot"));
    assert_eq!((query["scope"].as_str(), query["redirect_uri"].as_str()), ("openid groups", REDIRECT_URI));
    assert_eq!((query["code_challenge_method"].as_str(), query["code_challenge"].len()), ("S256", 43));
    assert!(!query.contains_key("code_verifier") && !url.contains(SECRET));

    let whole = json!({"preferred_username": "ann", "email": "ann@acme.example", "groups": ["dev"]});
    place.log_in(whole.clone(), json!({})).await.unwrap();
    let sent = place.liar.last("/token");
    assert!(sent.contains("code_verifier=") && sent.contains("grant_type=authorization_code"), "{sent}");
    assert!(sent.contains("client_secret=a+secret+that+nobody+sees") && sent.contains("client_id=entrepot"), "{sent}");
    // The token said everything.
    assert_eq!(place.liar.asked("/userinfo"), 0);

    let public = Place::new(None).await;
    public.log_in(whole, json!({})).await.unwrap();
    let sent = public.liar.last("/token");
    assert!(sent.contains("client_id=entrepot") && !sent.contains("client_secret"), "{sent}");
}

#[tokio::test]
async fn the_userinfo_of_somebody_else_is_refused() {
    let place = Place::new(None).await;
    let admin = json!({"preferred_username": "admin", "groups": ["admins"]});
    for other in [json!({"sub": "1"}), json!({}), json!({"sub": null}), json!({"sub": ["4711"]})] {
        place.liar.say("/userinfo", Say::Json(with(admin.clone(), other.clone())));
        let refused = place.log_in(json!({}), json!({})).await.unwrap_err();
        assert!(matches!(&refused, Refused::Claim { name, .. } if name == "sub"), "{other}: {refused}");
    }
    // Of the same one, it adds to the token and takes nothing back.
    place.liar.say("/userinfo", Say::Json(with(admin, json!({"sub": "4711"}))));
    let both = place.log_in(json!({"preferred_username": "ann"}), json!({})).await.unwrap();
    assert_eq!((both.person.username.as_str(), both.person.groups), ("ann", vec!["admins".to_owned()]));
    // It is asked with the access token, and only if that is for bearers.
    assert!(place.liar.last("/userinfo").contains("authorization: Bearer an access token"));
    let asked = place.liar.asked("/userinfo");
    let refused = place.log_in(json!({}), json!({"token_type": "DPoP"})).await.unwrap_err();
    assert!(matches!(&refused, Refused::Claim { name, .. } if name == "preferred_username"), "{refused}");
    assert_eq!(place.liar.asked("/userinfo"), asked);
    // What cannot be asked does not mean that there are no groups.
    place.liar.say("/userinfo", Say::Status(500, json!({})));
    assert!(place.log_in(json!({"preferred_username": "ann"}), json!({})).await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn answers_to_the_code_that_let_nobody_in() {
    let place = Place::new(Some(Secret::from(SECRET))).await;
    let elsewhere = Liar::start(&[]).await;
    let temporary = [
        Say::Redirect(format!("{}/token", elsewhere.url())),
        Say::Status(500, json!({})),
        Say::Status(429, json!({"error": "slow_down"})),
        Say::Json(json!({"access_token": "an access token"})),
        Say::Json(json!("a text")),
        Say::Huge(1024 * 1024),
    ];
    for answer in temporary {
        let refused = place.exchange(answer).await;
        assert!(refused.is_temporary(), "{refused}");
    }
    assert_eq!(elsewhere.asked("/token"), 0);
    let refused = place
        .exchange(Say::Status(400, json!({"error": "invalid_grant", "error_description": "used\r\nbefore"})))
        .await;
    assert!(refused.to_string().ends_with("refuses: invalid_grant (used\\u{d}\\u{a}before)"), "{refused}");
    assert!(matches!(place.exchange(Say::Status(403, json!({}))).await, Refused::Provider { .. }));
    assert!(matches!(place.exchange(Say::Json(json!({"id_token": "a.b.c"}))).await, Refused::Malformed(_)));
    // The token is checked however it came.
    for (claims, wanted) in [
        (json!({"aud": "another client"}), "the token's audience"),
        (json!({"nonce": "another"}), "the token is not the answer to this login"),
        (json!({"exp": now() - 3600}), "the token expired"),
        (json!({"iss": "https://id.acme.example"}), "the token's issuer"),
    ] {
        let refused = place.log_in(claims, json!({})).await.unwrap_err().to_string();
        assert!(refused.starts_with(wanted), "{refused}");
    }
}

#[tokio::test]
async fn what_comes_for_the_next_renewal_is_there_whatever_comes_of_this_one() {
    let place = Place::new(None).await;
    let given = |(renewal, outcome): (Option<Secret>, Result<SignedIn, Refused>)| {
        (renewal.map(|renewal| renewal.expose_secret().to_owned()), outcome)
    };
    let bearer = json!({"access_token": "an access token", "token_type": "Bearer", "refresh_token": "the next"});
    let next = || Some("the next".to_owned());
    // What proves nothing, an endpoint that fails, and claims that nobody can be made of.
    let (renewal, outcome) = given(place.renew(with(bearer.clone(), json!({"id_token": "a.b.c"}))).await);
    assert_eq!(renewal, next());
    assert!(matches!(outcome, Err(Refused::Malformed(_))), "{outcome:?}");
    place.liar.say("/userinfo", Say::Status(500, json!({})));
    let (renewal, outcome) = given(place.renew(bearer.clone()).await);
    assert_eq!(renewal, next());
    assert!(outcome.unwrap_err().is_temporary());
    place.liar.say("/userinfo", Say::Json(json!({"sub": "4711"})));
    let (renewal, outcome) = given(place.renew(bearer.clone()).await);
    assert_eq!(renewal, next());
    assert!(matches!(&outcome, Err(Refused::Claim { name, .. }) if name == "preferred_username"), "{outcome:?}");
    // Where the exchange itself comes to nothing there is none.
    let (renewal, outcome) = given(place.renew(json!("a text")).await);
    assert!(renewal.is_none() && outcome.unwrap_err().is_temporary());
}

#[tokio::test]
async fn who_is_told_of_without_a_token_is_asked_about_once() {
    let place = Place::new(None).await;
    // There are no groups, so this is not everything that a person is made of.
    place.liar.say("/userinfo", Say::Json(json!({"sub": "4711", "preferred_username": "ann"})));
    let (_, outcome) = place.renew(json!({"access_token": "an access token", "token_type": "Bearer"})).await;
    let person = outcome.unwrap().person;
    assert_eq!((person.username.as_str(), person.groups.len()), ("ann", 0));
    assert_eq!(place.liar.asked("/userinfo"), 1);
}

#[tokio::test]
async fn a_wrong_secret_is_found_before_anybody_logs_in() {
    let place = Place::new(Some(Secret::from(SECRET))).await;
    for (status, answer, is_right) in [
        (400, json!({"error": "invalid_grant"}), true),
        (400, json!({"error": "invalid_request", "error_description": "invalid_client, no"}), true),
        (400, json!({"error": "unauthorized_client"}), true),
        (403, json!("a text"), true),
        (400, json!({"error": "invalid_client"}), false),
        (401, json!({"error": "invalid_client"}), false),
        // Whatever words it has, this status is about us.
        (401, json!({"error": "unauthorized_client"}), false),
        (401, json!("a text"), false),
    ] {
        place.liar.say("/token", Say::Status(status, answer.clone()));
        let outcome = place.login.check().await;
        assert_eq!(outcome.is_ok(), is_right, "{status} {answer}: {outcome:?}");
        assert!(matches!(outcome, Ok(()) | Err(Refused::Provider { .. })), "{outcome:?}");
    }
    place.liar.say("/token", Say::Status(503, json!({})));
    assert!(place.login.check().await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn nobody_logs_in_where_only_jobs_get_tokens() {
    let place = Place::new(None).await;
    let issuer = place.liar.url();
    place.liar.say(DISCOVERY, Say::Json(json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")})));
    let refused = place.login.begin(REDIRECT_URI, &[]).await.unwrap_err();
    assert_eq!(refused, Refused::NoEndpoint { issuer, endpoint: "authorization" });
}

//! Finding a provider's keys: rotation, and providers that are down, slow or lie.

use std::time::{Duration, Instant, SystemTime};

use entrepot_identity::provider::{Claims, Expected, Issuer, Pace, Refused};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::liar::{DISCOVERY, KEYS, Liar, Say};
use crate::signer::Signer;
use crate::{AUDIENCE, PACE, issuer, job};

async fn verify(issuer: &Issuer, token: &str) -> Result<Claims, Refused> {
    issuer.verify(token, &Expected::audience(AUDIENCE), SystemTime::now()).await
}

fn token(liar: &Liar, signer: &Signer, id: &str) -> String {
    signer.sign(&json!({"alg": "EdDSA", "kid": id}), &job(&liar.url()))
}

/// Why a provider cannot be asked.
fn why(refused: &Refused) -> &str {
    assert!(refused.is_temporary(), "{refused}");
    let Refused::Unavailable { why, .. } = refused else { panic!("{refused}") };
    why
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_names_one() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let liar = Liar::start(&[old.jwk("old")]).await;
    let issuer = issuer(&liar.url(), PACE);
    let (before, after) = (token(&liar, &old, "old"), token(&liar, &new, "new"));
    verify(&issuer, &before).await.unwrap();
    // Not yet published, and right after the keys were read: that is not asked again.
    assert!(matches!(verify(&issuer, &after).await, Err(Refused::UnknownKey { .. })));
    assert_eq!(liar.asked(KEYS), 1);
    liar.say(KEYS, Say::Json(json!({"keys": [new.jwk("new")]})));
    sleep(PACE.gap).await;
    verify(&issuer, &after).await.unwrap();
    assert_eq!(liar.asked(KEYS), 2);
    // What is no longer published is no longer good.
    assert!(matches!(verify(&issuer, &before).await, Err(Refused::UnknownKey { .. })));
}

#[tokio::test]
async fn invented_keys_do_not_hammer_the_provider() {
    let (known, invented) = (Signer::ed25519(), Signer::ed25519());
    let liar = Liar::start(&[known.jwk("known")]).await;
    let pace = Pace { gap: Duration::from_mins(10), ..PACE };
    let issuer = issuer(&liar.url(), pace);
    let tokens: Vec<String> = (0..100).map(|number| token(&liar, &invented, &format!("key{number}"))).collect();
    let all = futures_util::future::join_all(tokens.iter().map(|token| verify(&issuer, token))).await;
    assert!(all.iter().all(|outcome| matches!(outcome, Err(Refused::UnknownKey { .. }))));
    verify(&issuer, &token(&liar, &known, "known")).await.unwrap();
    assert_eq!((liar.asked(DISCOVERY), liar.asked(KEYS)), (1, 1));
}

#[tokio::test]
async fn a_provider_that_is_down_lets_nobody_in_until_it_is_back() {
    let signer = Signer::ed25519();
    let mut liar = Liar::start(&[signer.jwk("key")]).await;
    let issuer = issuer(&liar.url(), PACE);
    let token = token(&liar, &signer, "key");
    liar.stop().await;
    let refused = verify(&issuer, &token).await.unwrap_err();
    assert!(why(&refused).contains("refused"), "{refused}");
    assert!(refused.to_string().contains(&liar.url()), "{refused}");
    liar.resume().await;
    sleep(PACE.gap).await;
    verify(&issuer, &token).await.unwrap();
}

#[tokio::test]
async fn known_keys_are_good_without_their_provider_for_a_bounded_time() {
    let (signer, other) = (Signer::ed25519(), Signer::ed25519());
    let mut liar = Liar::start(&[signer.jwk("key")]).await;
    let pace = Pace {
        gap: Duration::from_millis(50),
        fresh: Duration::from_millis(100),
        good: Duration::from_secs(4),
        ..PACE
    };
    let issuer = issuer(&liar.url(), pace);
    let (known, unknown) = (token(&liar, &signer, "key"), token(&liar, &other, "other"));
    let started = Instant::now();
    verify(&issuer, &known).await.unwrap();
    liar.stop().await;
    sleep(pace.fresh * 2).await;
    verify(&issuer, &known).await.unwrap();
    // Whether there is such a key by now, nobody can say.
    why(&verify(&issuer, &unknown).await.unwrap_err());
    sleep((pace.good + pace.fresh).saturating_sub(started.elapsed())).await;
    why(&verify(&issuer, &known).await.unwrap_err());
    liar.resume().await;
    sleep(pace.gap).await;
    verify(&issuer, &known).await.unwrap();
}

#[tokio::test]
async fn stale_keys_are_read_anew_so_that_a_withdrawn_one_ends() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let liar = Liar::start(&[old.jwk("old")]).await;
    let pace = Pace { gap: Duration::from_millis(20), fresh: Duration::from_millis(300), ..PACE };
    let issuer = issuer(&liar.url(), pace);
    let token = token(&liar, &old, "old");
    verify(&issuer, &token).await.unwrap();
    liar.say(KEYS, Say::Json(json!({"keys": [new.jwk("new")]})));
    sleep(pace.fresh).await;
    assert!(matches!(verify(&issuer, &token).await, Err(Refused::UnknownKey { .. })));
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up() {
    let signer = Signer::ed25519();
    let liar = Liar::start(&[signer.jwk("key")]).await;
    let token = token(&liar, &signer, "key");
    let pace = Pace { request: Duration::from_millis(300), ..PACE };
    for (path, answer) in [(DISCOVERY, Say::Never), (DISCOVERY, Say::Stall), (KEYS, Say::Never), (KEYS, Say::Stall)] {
        liar.say(DISCOVERY, Say::Json(liar.discovery()));
        liar.say(path, answer);
        let issuer = issuer(&liar.url(), pace);
        let started = Instant::now();
        let refused = verify(&issuer, &token).await.unwrap_err();
        assert_eq!(why(&refused), "it does not answer in time", "{path}");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn good_keys_do_not_wait_for_a_provider_that_does_not_answer() {
    let signer = Signer::ed25519();
    let liar = Liar::start(&[signer.jwk("key")]).await;
    let pace = Pace { fresh: Duration::from_millis(100), request: Duration::from_secs(60), ..PACE };
    let issuer = issuer(&liar.url(), pace);
    let token = token(&liar, &signer, "key");
    verify(&issuer, &token).await.unwrap();
    liar.say(DISCOVERY, Say::Never);
    sleep(PACE.gap).await;
    timeout(Duration::from_secs(30), verify(&issuer, &token)).await.unwrap().unwrap();
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_refused_with_the_reason() {
    let signer = Signer::ed25519();
    let liar = Liar::start(&[signer.jwk("key")]).await;
    let token = token(&liar, &signer, "key");
    let mut other = liar.discovery();
    other["issuer"] = "https://id.acme.example".into();
    liar.say("/elsewhere", Say::Json(liar.discovery()));
    let elsewhere = format!("{}/elsewhere", liar.url());
    let table = [
        (DISCOVERY, Say::Json(other), "names another issuer"),
        (DISCOVERY, Say::Json(json!([])), "is not understood"),
        (DISCOVERY, Say::Redirect(elsewhere.clone()), "redirect (302)"),
        (DISCOVERY, Say::Huge(1024 * 1024), "more than 262144 bytes"),
        (DISCOVERY, Say::Status(503, json!({})), "answers 503 instead of its discovery document"),
        (DISCOVERY, Say::Status(404, json!({})), "answers 404"),
        (KEYS, Say::Json(json!({"keys": []})), "publishes no key"),
        (KEYS, Say::Json(json!({})), "is not understood"),
        (KEYS, Say::Redirect(elsewhere), "redirect (302)"),
        (KEYS, Say::Huge(1024 * 1024), "more than 262144 bytes"),
        (KEYS, Say::Status(500, json!({"keys": [signer.jwk("key")]})), "answers 500 instead of its key set"),
    ];
    for (path, answer, wanted) in table {
        liar.say(DISCOVERY, Say::Json(liar.discovery()));
        liar.say(path, answer);
        let issuer = issuer(&liar.url(), PACE);
        let refused = verify(&issuer, &token).await.unwrap_err();
        assert!(why(&refused).contains(wanted), "{path}: {refused}");
        assert_eq!(issuer.check().await.unwrap_err(), refused);
    }
    assert_eq!(liar.asked("/elsewhere"), 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_nobody_else() {
    let signer = Signer::ed25519();
    let liar = Liar::start(&[signer.jwk("key")]).await;
    liar.say(DISCOVERY, Say::Late(Duration::from_secs(1), liar.discovery()));
    let issuer = issuer(&liar.url(), Pace { gap: Duration::from_mins(10), ..PACE });
    let token = token(&liar, &signer, "key");
    assert!(timeout(Duration::from_millis(100), verify(&issuer, &token)).await.is_err());
    verify(&issuer, &token).await.unwrap();
    assert_eq!((liar.asked(DISCOVERY), liar.asked(KEYS)), (1, 1));
}

//! Tokens that somebody made who should not be let in.

use std::time::SystemTime;

use entrepot_identity::provider::{Claims, Expected, Issuer, Refused};
use serde_json::{Value, json};

use crate::liar::Liar;
use crate::signer::{Signer, encoded, sign_with_secret, unsigned};
use crate::{AUDIENCE, PACE, issuer, job, now, with};

/// A provider with one key of each kind, and what asks it.
struct Place {
    liar: Liar,
    issuer: Issuer,
    rsa: Signer,
    p256: Signer,
    p384: Signer,
    ed: Signer,
}

impl Place {
    async fn new() -> Self {
        let [rsa, p256, p384, ed] = [Signer::rsa(), Signer::p256(), Signer::p384(), Signer::ed25519()];
        let keys = [
            rsa.jwk("rsa"),
            p256.jwk("p256"),
            p384.jwk("p384"),
            ed.jwk("ed"),
            with(rsa.jwk("pss"), json!({"alg": "PS256"})),
        ];
        let liar = Liar::start(&keys).await;
        let issuer = issuer(&liar.url(), PACE);
        Self { liar, issuer, rsa, p256, p384, ed }
    }

    fn job(&self) -> Value {
        job(&self.liar.url())
    }

    async fn verify(&self, token: &str) -> Result<Claims, Refused> {
        self.issuer.verify(token, &Expected::audience(AUDIENCE), SystemTime::now()).await
    }

    /// Why it is refused; nothing of the token is in the message.
    async fn refusal(&self, token: &str) -> Refused {
        let refused = self.verify(token).await.expect_err("it was let in");
        let text = format!("{refused} {refused:?}");
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(!text.contains(part), "{text}");
        }
        refused
    }
}

fn head(algorithm: &str, key: &str) -> Value {
    json!({"typ": "JWT", "alg": algorithm, "kid": key})
}

#[tokio::test]
async fn every_accepted_algorithm_lets_in_and_a_changed_token_does_not() {
    let place = Place::new().await;
    for (signer, key, algorithms) in [
        (&place.rsa, "rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        (&place.rsa, "pss", &["PS256"]),
        (&place.p256, "p256", &["ES256"]),
        (&place.p384, "p384", &["ES384"]),
        (&place.ed, "ed", &["EdDSA", "Ed25519"]),
    ] {
        for algorithm in algorithms {
            let token = signer.sign(&head(algorithm, key), &place.job());
            let claims = place.verify(&token).await.unwrap_or_else(|refused| panic!("{algorithm}: {refused}"));
            assert_eq!(claims.all()["repository"], "acme/app");
            let (message, signature) = token.rsplit_once('.').unwrap();
            let other = unsigned(&head(algorithm, key), &with(place.job(), json!({"repository": "evil/app"})));
            let mut flipped = signature.to_owned().into_bytes();
            flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
            let flipped = String::from_utf8(flipped).unwrap();
            for bad in [
                format!("{other}.{signature}"),
                format!("{message}.{flipped}"),
                format!("{message}."),
                format!("{message}.{}", &signature[..signature.len() / 2]),
                // Signatures of zeros, which some implementations of ECDSA took for good.
                format!("{message}.{}", encoded(&[0; 64])),
                format!("{message}.{}", encoded(&[0; 96])),
            ] {
                let refused = place.refusal(&bad).await;
                assert!(matches!(refused, Refused::Signature { .. }), "{algorithm}: {refused}");
            }
        }
    }
    assert_eq!(place.liar.asked("/jwks"), 1);
}

#[tokio::test]
async fn no_signature_and_shared_secrets_are_refused() {
    let place = Place::new().await;
    for name in ["none", "None", "nOnE"] {
        let message = unsigned(&head(name, "rsa"), &place.job());
        for token in [format!("{message}."), format!("{message}.{}", encoded(b"signature"))] {
            assert_eq!(place.refusal(&token).await, Refused::Algorithm(name.to_owned()));
        }
    }
    for secret in place.rsa.public_texts() {
        let token = sign_with_secret(&secret, &head("HS256", "rsa"), &place.job());
        assert_eq!(place.refusal(&token).await, Refused::Algorithm("HS256".to_owned()));
        // And as if it were another algorithm.
        let token = sign_with_secret(&secret, &head("RS256", "rsa"), &place.job());
        assert!(matches!(place.refusal(&token).await, Refused::Signature { .. }));
    }
    assert_eq!(place.liar.asked("/token"), 0);
}

#[tokio::test]
async fn an_algorithm_fits_its_key() {
    let place = Place::new().await;
    for (signer, algorithm, key) in [
        (&place.rsa, "RS256", "pss"),
        (&place.rsa, "RS256", "p256"),
        (&place.p256, "ES256", "rsa"),
        (&place.p256, "ES256", "p384"),
        (&place.p384, "ES384", "p256"),
        (&place.ed, "EdDSA", "p256"),
    ] {
        let refused = place.refusal(&signer.sign(&head(algorithm, key), &place.job())).await;
        assert!(matches!(refused, Refused::KeyMisfit { .. }), "{algorithm} {key}: {refused}");
    }
}

#[tokio::test]
async fn somebody_elses_key_is_refused_however_it_is_named() {
    let place = Place::new().await;
    let (own, other) = (Signer::rsa(), Liar::start(&[]).await);
    let sign = |changes: Value| own.sign(&with(json!({"typ": "JWT", "alg": "RS256"}), changes), &place.job());
    let elsewhere = format!("{}/jwks", other.url());
    for changes in [
        json!({"kid": "rsa"}),
        json!({"kid": "rsa", "jwk": own.jwk("rsa")}),
        json!({"kid": "rsa", "jku": elsewhere, "x5u": elsewhere, "x5c": ["MIIB"]}),
    ] {
        assert!(matches!(place.refusal(&sign(changes)).await, Refused::Signature { .. }));
    }
    let ids = ["", "../../../../dev/null", "rsa\0", "' OR 1=1 --", "RSA", " rsa", &elsewhere, "a\r\nb: c"];
    for id in ids {
        let refused = place.refusal(&sign(json!({"kid": id, "jwk": own.jwk(id)}))).await;
        assert!(matches!(refused, Refused::UnknownKey { .. }), "{id}: {refused}");
        assert!(!refused.to_string().contains(char::is_control), "{refused}");
    }
    // Two published keys are good for this, so a token without a name could be of either.
    assert!(matches!(place.refusal(&sign(json!({"alg": "PS256"}))).await, Refused::UnnamedKey { .. }));
    let unnamed = place.ed.sign(&json!({"alg": "EdDSA"}), &place.job());
    place.verify(&unnamed).await.unwrap();
    assert_eq!(other.asked("/jwks"), 0);
}

#[tokio::test]
async fn a_good_signature_alone_lets_nobody_in() {
    let place = Place::new().await;
    let sign = |changes: Value| place.ed.sign(&head("EdDSA", "ed"), &with(place.job(), changes));
    let table = [
        (json!({"aud": "https://other.example"}), "the token's audience is https://other.example, not"),
        (json!({"aud": format!("{AUDIENCE}/")}), "the token's audience is"),
        (json!({"aud": null}), "the claim aud is neither"),
        (json!({"iss": "https://id.acme.example"}), "the token's issuer is https://id.acme.example, not"),
        (json!({"exp": now() - 3600}), "the token expired 36"),
        (json!({"exp": null}), "the claim exp is"),
        (json!({"nbf": now() + 3600}), "the token is good only in 3"),
        (json!({"azp": "somebody"}), "the token was given to somebody"),
        (json!({"sub": null}), "the claim sub is"),
    ];
    for (changes, wanted) in table {
        let refused = place.refusal(&sign(changes.clone())).await.to_string();
        assert!(refused.starts_with(wanted), "{changes}: {refused}");
    }
    place.verify(&sign(json!({}))).await.unwrap();
    let kind = place.ed.sign(&with(head("EdDSA", "ed"), json!({"typ": "at+jwt"})), &place.job());
    assert!(matches!(place.refusal(&kind).await, Refused::Malformed(_)));
    let long = sign(json!({"more": "x".repeat(16 * 1024)}));
    assert!(matches!(place.refusal(&long).await, Refused::TooLong(_)));
}

//! Registry tokens that this registry has not signed, or not so.

use anyhow::{Context as _, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrepot_test_harness::{Registry, get};
use entrepot_test_people::PASSWORD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{PRIVATE, PUBLIC, Scene, basic, bearer, reads, with};

/// What a token says.
pub(crate) fn claims(token: &str) -> Result<Value> {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Result<Value> {
    let part = token.split('.').nth(index).context("not a token")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with a signature by HMAC-SHA-256 with `key`.
fn by_hmac(header: &Value, claims: &Value, key: &[u8]) -> Result<String> {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(signed.as_bytes());
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

/// A real token of mallory's, and what it would say if it were for ann's private repository.
fn forged(scene: &Scene) -> Result<(String, Value)> {
    let token = scene.registry_token(&basic("mallory", PASSWORD), &[&format!("repository:{PUBLIC}:pull")])?;
    let mut wanted = claims(&token)?;
    wanted["sub"] = json!("ann");
    wanted["access"] = json!([{ "type": "repository", "name": PRIVATE, "actions": ["pull", "push", "delete"] }]);
    Ok((token, wanted))
}

fn refused(scene: &Scene, token: &str, what: &str) -> Result<()> {
    for request in reads().into_iter().chain([get("/v2/"), get(format!("/v2/{PUBLIC}/manifests/v1"))]) {
        let answer = scene.ask(&with(request, &bearer(token)))?;
        ensure!(answer.status == 401, "{what}: {} {}", answer.status, answer.text());
    }
    Ok(())
}

#[test]
fn an_edited_token_is_none() -> Result<()> {
    let scene = Scene::start()?;
    let (token, wanted) = forged(&scene)?;
    scene.ask(&with(get(format!("/v2/{PUBLIC}/manifests/v1")), &bearer(&token)))?.expect(200)?;
    let parts: Vec<_> = token.split('.').collect();
    refused(&scene, &format!("{}.{}.{}", parts[0], encoded(&wanted), parts[2]), "other claims")?;
    refused(&scene, &format!("{}.{}.", parts[0], parts[1]), "no signature")?;
    refused(&scene, &format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])), "a signature of zeros")?;
    refused(&scene, &format!("{}.{}", parts[0], parts[1]), "two parts")?;
    refused(&scene, &format!("{token}.{}", parts[2]), "four parts")?;
    let mut later = claims(&token)?;
    later["exp"] = json!(4_102_444_800_u64);
    refused(&scene, &format!("{}.{}.{}", parts[0], encoded(&later), parts[2]), "a later end")
}

#[test]
fn the_algorithm_is_the_registrys_and_not_the_tokens() -> Result<()> {
    let scene = Scene::start()?;
    let (token, wanted) = forged(&scene)?;
    let (header, signature) = (part(&token, 0)?, token.rsplit('.').next().unwrap_or_default());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        for signature in ["", signature] {
            refused(&scene, &format!("{}.{}.{signature}", encoded(&header), encoded(&wanted)), alg)?;
        }
    }
    // The public key is no secret: nothing may take it for one.
    let keys = scene.ask(&get("/.well-known/jwks.json"))?.expect(200)?.json()?;
    let public = keys["keys"][0]["x"].as_str().context("no key")?;
    let raw = URL_SAFE_NO_PAD.decode(public)?;
    let kid = header["kid"].clone();
    for key in [&raw[..], public.as_bytes(), keys["keys"][0].to_string().as_bytes(), b""] {
        for alg in ["HS256", "EdDSA"] {
            let header = json!({ "typ": "JWT", "alg": alg, "kid": kid });
            refused(&scene, &by_hmac(&header, &wanted, key)?, alg)?;
        }
    }
    for alg in ["RS256", "ES256", "PS512", "ES384", "HS512", "EdDSA "] {
        let header = json!({ "typ": "JWT", "alg": alg, "kid": kid });
        refused(&scene, &format!("{}.{}.{signature}", encoded(&header), encoded(&wanted)), alg)?;
    }
    Ok(())
}

#[test]
fn a_token_names_no_key_of_its_own() -> Result<()> {
    let scene = Scene::start()?;
    let (token, wanted) = forged(&scene)?;
    let (header, signature) = (part(&token, 0)?, token.rsplit('.').next().unwrap_or_default());
    for (what, value) in [
        ("kid", json!("other")),
        ("kid", json!("")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' UNION SELECT 'x' --")),
        ("kid", json!(7)),
        ("kid", Value::Null),
        ("jku", json!("http://127.0.0.1:9/jwks.json")),
        ("x5u", json!("http://127.0.0.1:9/cert.pem")),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("crit", json!(["exp"])),
    ] {
        let mut header = header.clone();
        header[what] = value;
        refused(&scene, &format!("{}.{}.{signature}", encoded(&header), encoded(&wanted)), what)?;
    }
    let mut without = header;
    without.as_object_mut().context("no header")?.remove("kid");
    refused(&scene, &format!("{}.{}.{signature}", encoded(&without), encoded(&wanted)), "no kid")
}

#[test]
fn another_registrys_token_is_none() -> Result<()> {
    let (scene, other) = (Scene::start()?, Scene::start()?);
    let theirs = other.registry_token(&basic("ann", PASSWORD), &[&format!("repository:{PRIVATE}:pull")])?;
    other.ask(&with(get(format!("/v2/{PRIVATE}/manifests/v1")), &bearer(&theirs)))?.expect(200)?;
    refused(&scene, &theirs, "signed by another registry")
}

#[test]
fn a_token_outlives_a_restart_and_nothing_else_of_it() -> Result<()> {
    let mut scene = Scene::start()?;
    let token = bearer(&scene.registry_token(&basic("ann", PASSWORD), &[&format!("repository:{PRIVATE}:pull")])?);
    let manifest = with(get(format!("/v2/{PRIVATE}/manifests/v1")), &token);
    restart(&mut scene.registry)?;
    scene.ask(&manifest)?.expect(200)?;
    scene.people.set_password("ann", "another password of ann")?;
    restart(&mut scene.registry)?;
    scene.ask(&manifest)?.expect(401).map(drop)
}

fn restart(registry: &mut Registry) -> Result<()> {
    registry.kill()?;
    registry.restart()
}

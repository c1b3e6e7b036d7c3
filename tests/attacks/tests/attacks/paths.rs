//! Paths that look like one repository and mean another.

use anyhow::{Result, ensure};
use entrepot_test_harness::{get, head, post, put};

use crate::{PRIVATE, PUBLIC, SECRET, Scene};

#[test]
fn no_spelling_of_a_path_opens_a_private_repository() -> Result<()> {
    let scene = Scene::start()?;
    for name in [
        "mallory/../ann/secret",
        "mallory/app/../../ann/secret",
        "mallory%2F..%2Fann%2Fsecret",
        "mallory/%2e%2e/ann/secret",
        "mallory/..%2fann/secret",
        "mallory\\..\\ann\\secret",
        "ann/open/../secret",
        "ann/open%2F..%2Fsecret",
        "./ann/secret",
        "/ann/secret",
        "//ann/secret",
        "ann//secret",
        "ann/./secret",
        "ann%2Fsecret",
        "ann%2fsecret",
        "%61nn/secret",
        "ann/%73ecret",
        "ANN/secret",
        "Ann/Secret",
        "ann/secret%00",
        "ann/secret%20",
        "ann/secret/",
        "ann/secret;x=1",
        "ann/secret%3Fx",
        "ann/secret%23",
        "ann/secret.",
        "ann/\u{ff53}ecret",
        "ann/secret%0d%0aX-Evil:%201",
        "mallory/manifests/../../ann/secret",
    ] {
        for request in [get(format!("/v2/{name}/manifests/v1")), head(format!("/v2/{name}/tags/list"))] {
            for who in [None, Some("mallory")] {
                let answer = match who {
                    None => scene.ask(&request),
                    Some(who) => scene.ask_as(who, request.clone()),
                };
                // A request that is no HTTP may also get no answer.
                let Ok(answer) = answer else { continue };
                ensure!((400..500).contains(&answer.status), "{name}: {}", answer.status);
                ensure!(
                    answer.header("docker-content-digest").is_none() && answer.header("x-evil").is_none(),
                    "{name}"
                );
                ensure!(!answer.text().contains(std::str::from_utf8(SECRET)?), "{name}: {}", answer.text());
            }
        }
        let pushed = scene.ask_as("mallory", post(format!("/v2/{name}/blobs/uploads/")));
        if let Ok(answer) = pushed {
            ensure!((400..500).contains(&answer.status), "{name}: {}", answer.status);
        }
    }
    Ok(())
}

#[test]
fn a_repository_whose_name_has_the_words_of_a_route_is_guarded_as_itself() -> Result<()> {
    let scene = Scene::start()?;
    let long = format!("{PUBLIC}/blobs/uploads/manifests");
    for name in ["ann/manifests/v1", "ann/tags/list", "ann/_catalog", "ann/blobs/uploads", &long] {
        let (read, written) =
            (get(format!("/v2/{name}/manifests/v1")), put(format!("/v2/{name}/manifests/v1")).body("{}"));
        for request in [read, written, post(format!("/v2/{name}/blobs/uploads/"))] {
            let anonymous = scene.ask(&request)?;
            ensure!(matches!(anonymous.status, 400 | 401), "{name}: {} {}", anonymous.status, anonymous.text());
            let mallory = scene.ask_as("mallory", request)?;
            ensure!(matches!(mallory.status, 400 | 403), "{name}: {} {}", mallory.status, mallory.text());
        }
    }
    scene.ask_as("ann", get(format!("/v2/{PRIVATE}/manifests/v1")))?.expect(200).map(drop)
}

#[test]
fn what_needs_no_login_tells_nothing() -> Result<()> {
    let scene = Scene::start()?;
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json", "/metrics", "/", "/v1/search?q=secret"] {
        let answer = scene.ask(&get(path))?;
        ensure!(!answer.text().contains("secret"), "{path}: {}", answer.text());
    }
    let keys = scene.ask(&get("/.well-known/jwks.json"))?.expect(200)?.json()?;
    let key = keys["keys"][0].as_object().cloned().unwrap_or_default();
    let mut fields: Vec<_> = key.keys().map(String::as_str).collect();
    fields.sort_unstable();
    ensure!(fields == ["alg", "crv", "kid", "kty", "use", "x"], "{keys}");
    Ok(())
}

//! Scopes: more than one may have, more than there are, and more than can be read.

use anyhow::{Result, ensure};
use entrepot_test_harness::{delete, get, post};
use entrepot_test_people::PASSWORD;
use serde_json::json;

use crate::{PRIVATE, PUBLIC, Scene, basic, bearer, reads, signatures, token_form, with};

#[test]
fn who_asks_for_more_gets_what_they_may_have() -> Result<()> {
    let scene = Scene::start()?;
    let mallory = basic("mallory", PASSWORD);
    let narrow = scene.people.token("ann", "pull", &[PRIVATE])?.secret;
    let private = |actions: &str| format!("repository:{PRIVATE}:{actions}");
    let cases = [
        (String::new(), private("pull,push,delete"), json!([])),
        (mallory.clone(), private("*"), json!([])),
        (mallory.clone(), "repository:*:pull".to_owned(), json!(null)),
        (mallory.clone(), "repository:ann/*:pull".to_owned(), json!(null)),
        (mallory.clone(), "repository::pull".to_owned(), json!(null)),
        (mallory.clone(), format!("repository:{PUBLIC}:pull,push,delete,admin,*"), json!(["pull"])),
        (mallory.clone(), "registry:*:*".to_owned(), json!(null)),
        (mallory, format!("repository(plugin):{PRIVATE}:pull"), json!([])),
        (basic("ann", &narrow), private("pull,push,delete"), json!(["pull"])),
        (basic("ann", &narrow), format!("repository:{PUBLIC}:pull"), json!([])),
        (basic("ann", PASSWORD), private("pull"), json!(["pull"])),
    ];
    for (authorization, scope, actions) in cases {
        let token = scene.registry_token(&authorization, &[&scope])?;
        let claims = signatures::claims(&token)?;
        let entry = claims.pointer("/access/0/actions").cloned().unwrap_or_default();
        ensure!(entry == actions, "{scope}: {claims}");
        if actions == json!([]) || actions.is_null() {
            for request in reads() {
                scene.ask(&with(request, &bearer(&token)))?.expect(401)?;
            }
        }
    }
    // A token is for what it says, also in the hands of whom more is allowed.
    let pull = bearer(&scene.registry_token(&basic("ann", PASSWORD), &[&private("pull")])?);
    scene.ask(&with(get(format!("/v2/{PRIVATE}/manifests/v1")), &pull))?.expect(200)?;
    for request in [
        post(format!("/v2/{PRIVATE}/blobs/uploads/")),
        delete(format!("/v2/{PRIVATE}/manifests/v1")),
        get(format!("/v2/{PUBLIC}/manifests/v1")),
        get("/v2/_catalog"),
    ] {
        let answer = scene.ask(&with(request.clone(), &pull))?.expect(401)?;
        let challenge = answer.required("www-authenticate")?;
        ensure!(challenge.contains("error=\"insufficient_scope\""), "{}: {challenge}", request.target());
    }
    // Nor does it buy another one, wider or only later.
    scene.granted(&pull, &[&private("pull,push,delete")])?.expect(401)?;
    scene.granted(&pull, &[])?.expect(401)?;
    scene.granted(&bearer(&scene.registry_token("", &[])?), &[])?.expect(401).map(drop)
}

#[test]
fn the_name_and_the_service_of_a_request_give_nothing() -> Result<()> {
    let scene = Scene::start()?;
    // `account` is what old clients send beside their credentials.
    for query in ["account=ann", "account=ann&service=other", "account=ann&client_id=docker&offline_token=true"] {
        let scope = format!("repository:{PRIVATE}:pull");
        let answer = scene.ask(&get(format!("/token?{query}&scope={scope}")))?.expect(200)?.json()?;
        ensure!(answer.get("refresh_token").is_none(), "{answer}");
        let claims = signatures::claims(answer["token"].as_str().unwrap_or_default())?;
        ensure!(claims["sub"] == "" && claims["access"][0]["actions"] == json!([]), "{claims}");
    }
    Ok(())
}

#[test]
fn so_many_scopes_are_refused_and_huge_ones_break_nothing() -> Result<()> {
    let scene = Scene::start()?;
    let ann = basic("ann", PASSWORD);
    let many: Vec<_> = (0..65).map(|number| format!("repository:ann/r{number}:pull")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    scene.granted(&ann, &many)?.expect(400)?;
    scene.granted(&ann, &many[..64])?.expect(200)?;
    let joined = many.join("%20");
    scene.granted(&ann, &[&joined])?.expect(400)?;
    let form = |scope: &str| {
        token_form(&format!(
            "grant_type=password&username=ann&password=correct+horse+battery&service=entrepot&scope={scope}"
        ))
    };
    scene.ask(&form(&many.join("+")))?.expect(400)?;
    for scope in [
        "x".repeat(60_000),
        format!("repository:{}:pull", "a/".repeat(20_000)),
        format!("repository:ann/app:{}", "pull,".repeat(10_000)),
        "repository:".repeat(5_000),
        "+".repeat(60_000),
    ] {
        let answer = scene.ask(&form(&scope))?;
        ensure!(matches!(answer.status, 200 | 400), "{:.30}: {}", scope, answer.status);
        if answer.status == 200 {
            ensure!(answer.text().len() < 8_000, "{:.30} gives an answer of {} bytes", scope, answer.text().len());
        }
    }
    for body in [
        "",
        "grant_type=password",
        "grant_type=client_credentials",
        "grant_type=refresh_token",
        "\u{0}=%00",
        "a=%ff%fe",
    ] {
        let answer = scene.ask(&token_form(body))?;
        ensure!(matches!(answer.status, 400 | 401), "{body}: {}", answer.status);
    }
    Ok(())
}

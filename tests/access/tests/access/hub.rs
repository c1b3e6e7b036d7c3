//! The routes of Docker Hub that other tools use.

use anyhow::Result;
use entrepot_test_harness::content::{INDEX, descriptor, sha256};
use entrepot_test_harness::{get, post, put};
use serde_json::{Value, json};

use crate::world::{PASSWORD, Shows, World, with_json};

#[test]
fn tools_for_docker_hub_find_what_they_know() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let ann = Shows::Password("ann");
    world.done(&ann, "POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    for tag in ["v1", "v2", "v3"] {
        world.push(&ann, "acme/app", tag)?;
    }
    world.push(&ann, "acme/other", "v1")?;

    let login = with_json(post("/v2/users/login"), &json!({ "username": "ann", "password": PASSWORD }));
    let token =
        world.ask(&Shows::Nothing, login)?.expect(200)?.json()?["token"].as_str().unwrap_or_default().to_owned();
    let ask = |path: &str| -> Result<Value> {
        let request = get(path).header("Authorization", format!("JWT {token}"));
        world.ask(&Shows::Nothing, request)?.expect(200)?.json()
    };
    let repositories = ask("/v2/repositories/acme/")?;
    assert_eq!((&repositories["count"], &repositories["results"][0]["name"]), (&json!(2), &json!("app")));
    assert_eq!((&repositories["next"], &repositories["results"][0]["is_private"]), (&Value::Null, &json!(true)));
    assert_eq!(ask("/v2/repositories/acme/app/")?["namespace"], "acme");

    let page = ask("/v2/repositories/acme/app/tags/?page_size=2")?;
    assert_eq!((&page["count"], &page["previous"]), (&json!(3), &Value::Null));
    assert_eq!((&page["results"][0]["name"], &page["results"][1]["name"]), (&json!("v3"), &json!("v2")));
    assert!(page["results"][0]["full_size"].as_u64().is_some_and(|size| size > 5), "{page}");
    let next = page["next"].as_str().unwrap_or_default();
    let path = next.strip_prefix(&format!("http://{}", world.registry.address()?)).unwrap_or_default();
    let page = ask(path)?;
    assert_eq!((&page["results"][0]["name"], &page["next"]), (&json!("v1"), &Value::Null));
    assert_eq!(ask("/v2/repositories/acme/app/tags?ordering=name")?["results"][0]["name"], "v1");
    Ok(())
}

#[test]
fn the_images_of_an_index_are_named() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let ann = Shows::Password("ann");
    world.push(&ann, "ann/app", "amd64")?;
    let content = world.ask(&ann, get("/v2/ann/app/manifests/amd64"))?.expect(200)?.body;
    let mut child = descriptor("application/vnd.oci.image.manifest.v1+json", &content);
    child["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [child] }).to_string();
    let push = put("/v2/ann/app/manifests/all").header("Content-Type", INDEX).body(index.clone());
    world.ask(&ann, push)?.expect(201)?;
    let tags = world.done(&ann, "GET", "/v2/repositories/ann/app/tags?ordering=name", None)?;
    let tag = &tags["results"][0];
    assert_eq!((&tag["name"], &tag["digest"]), (&json!("all"), &json!(sha256(index))));
    assert_eq!((&tag["images"][0]["architecture"], &tag["images"][0]["os"]), (&json!("amd64"), &json!("linux")));
    Ok(())
}

#[test]
fn who_logs_in_with_a_token_keeps_it() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let token = world.token("ann", &["pull"])?;
    let login = with_json(post("/v2/users/login/"), &json!({ "username": "ann", "password": token }));
    assert_eq!(world.ask(&Shows::Nothing, login)?.expect(200)?.json()?["token"], json!(token));
    let wrong = with_json(post("/v2/users/login"), &json!({ "username": "ann", "password": "wrong" }));
    let refused = world.ask(&Shows::Nothing, wrong)?.expect(401)?;
    assert!(refused.json()?["detail"].is_string());
    assert_eq!(refused.code()?, "UNAUTHORIZED");
    Ok(())
}

#[test]
fn a_repository_called_repositories_is_nobody_elses() -> Result<()> {
    let world = World::start()?;
    world.account("repositories")?;
    let owner = Shows::Password("repositories");
    let digest = world.push(&owner, "repositories/acme/tags", "latest")?;
    for path in ["/v2/repositories/acme/tags/manifests/latest", "/v2/repositories/acme/tags/tags/list"] {
        world.ask(&owner, get(path))?.expect(200)?;
    }
    let manifest = world.ask(&owner, get(format!("/v2/repositories/acme/tags/manifests/{digest}")))?.expect(200)?;
    assert_eq!(manifest.header("docker-content-digest"), Some(digest.as_str()));
    Ok(())
}

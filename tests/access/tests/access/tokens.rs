//! Tokens and robots: what they are good for, rotation and the end.

use anyhow::Result;
use entrepot_test_harness::{get, post};
use serde_json::json;

use crate::world::{Shows, World, with_json};

fn world() -> Result<World> {
    let world = World::start()?;
    world.account("ann")?;
    world.done(&Shows::Password("ann"), "POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    world.push(&Shows::Password("ann"), "acme/app", "v1")?;
    Ok(world)
}

#[test]
fn a_personal_token_lives_and_ends() -> Result<()> {
    let world = world()?;
    let (ann, path) = (Shows::Password("ann"), "/api/v1/accounts/ann/tokens");
    let (id, token) = world.made(&ann, path.to_owned(), &["pull"])?;
    let pull = || get("/v2/acme/app/manifests/v1");
    world.ask(&Shows::Bearer(token.clone()), pull())?.expect(200)?;
    world.ask(&Shows::Bearer(token.clone()), post("/v2/acme/app/blobs/uploads/"))?.expect(403)?;
    world.ask(&Shows::Basic("ann".to_owned(), token.clone()), pull())?.expect(200)?;

    let listed = world.done(&ann, "GET", path, None)?;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["scopes"]), (&json!(id), &json!(["pull"])));
    assert!(!listed.to_string().contains(&token), "a list shows the secret");

    let rotated = world.done(&ann, "POST", format!("{path}/{id}/rotate"), None)?;
    let fresh = rotated["token"].as_str().unwrap_or_default().to_owned();
    world.ask(&Shows::Bearer(token), pull())?.expect(401)?;
    world.ask(&Shows::Bearer(fresh.clone()), pull())?.expect(200)?;
    world.done(&ann, "DELETE", format!("{path}/{id}"), None)?;
    world.ask(&Shows::Bearer(fresh), pull())?.expect(401)?;
    let gone = world.ask(&ann, entrepot_test_harness::delete(format!("{path}/{id}")))?.expect(404)?;
    assert_eq!(gone.json()?["type"], "/api#not-found");
    Ok(())
}

#[test]
fn a_token_for_some_repositories_is_for_no_others() -> Result<()> {
    let world = world()?;
    let ann = Shows::Password("ann");
    world.push(&ann, "acme/other", "v1")?;
    let body = json!({ "scopes": ["pull", "push"], "repositories": ["acme/app"], "lifetime_seconds": 3600 });
    let made = world.done(&ann, "POST", "/api/v1/accounts/ann/tokens", Some(body))?;
    let token = Shows::Bearer(made["token"].as_str().unwrap_or_default().to_owned());
    world.ask(&token, get("/v2/acme/app/manifests/v1"))?.expect(200)?;
    world.ask(&token, get("/v2/acme/other/manifests/v1"))?.expect(403)?;
    world.ask(&token, get("/api/v1/accounts/ann/tokens"))?.expect(403)?;
    Ok(())
}

#[test]
fn an_organization_has_tokens_of_its_own() -> Result<()> {
    let world = world()?;
    let (ann, path) = (Shows::Password("ann"), "/api/v1/organizations/acme/tokens");
    let (id, token) = world.made(&ann, path.to_owned(), &["pull", "push"])?;
    world.push(&Shows::Bearer(token.clone()), "acme/app", "v2")?;
    assert_eq!(world.done(&ann, "GET", path, None)?["items"][0]["kind"], "organization");
    let rotated = world.done(&ann, "POST", format!("/api/v1/namespaces/acme/tokens/{id}/rotate"), None)?;
    world.ask(&Shows::Bearer(token), get("/api/v1/me"))?.expect(401)?;
    let fresh = Shows::Bearer(rotated["token"].as_str().unwrap_or_default().to_owned());
    assert_eq!(world.done(&fresh, "GET", "/api/v1/me", None)?["kind"], "organization");
    world.done(&ann, "DELETE", format!("/api/v1/namespaces/acme/tokens/{id}"), None)?;
    world.ask(&fresh, get("/api/v1/me"))?.expect(401)?;
    Ok(())
}

#[test]
fn a_robot_does_what_it_was_given() -> Result<()> {
    let world = world()?;
    let (ann, path) = (Shows::Password("ann"), "/api/v1/namespaces/acme/robots");
    let robot = json!({ "name": "deploy", "description": "pulls" });
    let made = world.done(&ann, "POST", path, Some(robot.clone()))?;
    assert_eq!(made["name"], "acme+deploy");
    let exists = world.ask(&ann, with_json(post(path), &robot))?.expect(409)?;
    assert_eq!(exists.json()?["type"], "/api#exists");
    let (_, token) = world.made(&ann, format!("{path}/deploy/tokens"), &["pull", "push", "delete"])?;
    let token = Shows::Basic("acme+deploy".to_owned(), token);
    let pull = || get("/v2/acme/app/manifests/v1");
    world.ask(&token, pull())?.expect(403)?;
    world.done(&ann, "PUT", format!("{path}/deploy/grants"), Some(json!({ "pattern": "acme/*", "role": "read" })))?;
    world.ask(&token, pull())?.expect(200)?;
    assert_eq!(world.done(&token, "GET", "/api/v1/me", None)?["kind"], "robot");

    world.done(&ann, "POST", format!("{path}/deploy/disable"), None)?;
    world.ask(&token, pull())?.expect(401)?;
    assert!(world.done(&ann, "GET", path, None)?["items"][0]["disabled_at"].is_string());
    world.done(&ann, "POST", format!("{path}/deploy/enable"), None)?;
    world.ask(&token, pull())?.expect(200)?;
    assert_eq!(world.done(&ann, "GET", format!("{path}/deploy/tokens"), None)?["items"][0]["kind"], "robot");
    assert_eq!(world.done(&ann, "GET", format!("{path}/deploy/grants"), None)?["items"][0]["pattern"], "acme/*");
    world.done(&ann, "DELETE", format!("{path}/deploy/grants?pattern=acme/*"), None)?;
    world.ask(&token, pull())?.expect(403)?;
    world.done(&ann, "DELETE", format!("{path}/deploy"), None)?;
    world.ask(&token, pull())?.expect(401)?;
    Ok(())
}

#[test]
fn keys_rotate_while_tokens_are_out() -> Result<()> {
    let world = world()?;
    let token = || -> Result<Shows> {
        let answer = world.ask(&Shows::Password("ann"), get("/token?scope=repository:acme/app:pull"))?.expect(200)?;
        Ok(Shows::Bearer(answer.json()?["token"].as_str().unwrap_or_default().to_owned()))
    };
    let pull = || get("/v2/acme/app/manifests/v1");
    let first = token()?;
    world.ask(&first, pull())?.expect(200)?;
    world.root("POST", "/api/v1/keys/rotate", Some(json!({})))?;
    world.ask(&first, pull())?.expect(200)?;
    world.root("POST", "/api/v1/keys/rotate", Some(json!({ "at_once": true })))?;
    world.ask(&first, pull())?.expect(401)?;
    world.ask(&token()?, pull())?.expect(200)?;
    Ok(())
}

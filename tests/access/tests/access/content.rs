//! Repositories, tags and manifests; tags that stay, and how many repositories there may be.

use anyhow::Result;
use entrepot_test_harness::{delete, get, post};
use serde_json::json;

use crate::world::{ROOT, Shows, World, with_json};

fn world() -> Result<World> {
    let world = World::start()?;
    world.account("ann")?;
    world.account("ben")?;
    world.done(&Shows::Password("ann"), "POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    Ok(world)
}

#[test]
fn a_repository_and_what_is_in_it() -> Result<()> {
    let world = world()?;
    let (ann, ben) = (Shows::Password("ann"), Shows::Password("ben"));
    let new = json!({ "name": "acme/team/app", "visibility": "public" });
    let made = world.done(&ann, "POST", "/api/v1/repositories", Some(new.clone()))?;
    assert_eq!((&made["visibility"], &made["created_by"]), (&json!("public"), &json!("ann")));
    world.ask(&ann, with_json(post("/api/v1/repositories"), &new))?.expect(409)?;
    assert_eq!(world.done(&ben, "GET", "/api/v1/tags/acme/team/app", None)?["items"], json!([]));
    world.ask(&ben, get("/api/v1/tags/acme/nothing"))?.expect(403)?;

    let digest = world.push(&ann, "acme/team/app", "v1")?;
    let tags = world.done(&Shows::Nothing, "GET", "/api/v1/tags/acme/team/app", None)?;
    assert_eq!((&tags["items"][0]["name"], &tags["items"][0]["digest"]), (&json!("v1"), &json!(digest)));
    for reference in ["v1", &digest] {
        let manifest = world.done(&ben, "GET", format!("/api/v1/manifests/{reference}/acme/team/app"), None)?;
        assert_eq!((&manifest["digest"], &manifest["content"]["schemaVersion"]), (&json!(digest), &json!(2)));
    }

    let path = "/api/v1/repositories/acme/team/app";
    world.done(&ann, "PATCH", path, Some(json!({ "visibility": "private" })))?;
    world.ask(&ben, get(path))?.expect(404)?;
    world.ask(&Shows::Nothing, get("/api/v1/manifests/v1/acme/team/app"))?.expect(401)?;
    assert_eq!(world.done(&ben, "GET", "/api/v1/namespaces/acme/repositories", None)?["items"], json!([]));
    let listed = world.done(&ann, "GET", "/api/v1/namespaces/acme/repositories", None)?;
    assert_eq!(listed["items"][0]["name"], "acme/team/app");

    world.done(&ann, "DELETE", "/api/v1/manifests/v1/acme/team/app", None)?;
    world.ask(&ann, get("/api/v1/manifests/v1/acme/team/app"))?.expect(404)?;
    world.done(&ann, "DELETE", format!("/api/v1/manifests/{digest}/acme/team/app"), None)?;
    world.ask(&ann, get(format!("/api/v1/manifests/{digest}/acme/team/app")))?.expect(404)?;
    Ok(())
}

#[test]
fn immutable_tags_stay() -> Result<()> {
    let world = world()?;
    let (ann, path) = (Shows::Password("ann"), "/api/v1/namespaces/acme/immutable-tags");
    let rule = json!({ "repositories": "acme/*", "tags": "v*" });
    world.done(&ann, "PUT", path, Some(rule.clone()))?;
    assert_eq!(world.done(&ann, "GET", path, None)?["items"], json!([rule]));
    world.push(&ann, "acme/app", "v1")?;
    let refused = world.ask(&ann, delete("/api/v1/manifests/v1/acme/app"))?.expect(403)?;
    assert_eq!(refused.json()?["type"], "/api#immutable");
    world.done(&ann, "DELETE", format!("{path}?repositories=acme/*&tags=v*"), None)?;
    world.done(&ann, "DELETE", "/api/v1/manifests/v1/acme/app", None)?;
    let beyond = json!({ "repositories": "other/*", "tags": "v*" });
    let refused = world.ask(&ann, with_json(entrepot_test_harness::put(path), &beyond))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "pattern");
    Ok(())
}

#[test]
fn a_quota_of_repositories_holds() -> Result<()> {
    let world = world()?;
    let (ann, path) = (Shows::Password("ann"), "/api/v1/namespaces/acme/quota");
    world.root("PUT", path, Some(json!({ "max_repositories": 1 })))?;
    let quota = world.done(&ann, "GET", path, None)?;
    assert_eq!(quota["max_repositories"], 1);
    assert!(quota["max_bytes"].is_null());
    world.done(&ann, "POST", "/api/v1/repositories", Some(json!({ "name": "acme/one" })))?;
    let full = world.ask(&ann, with_json(post("/api/v1/repositories"), &json!({ "name": "acme/two" })))?.expect(403)?;
    assert_eq!(full.json()?["type"], "/api#quota");
    world.done(&Shows::Password(ROOT), "PUT", path, Some(json!({ "max_repositories": null })))?;
    world.done(&ann, "POST", "/api/v1/repositories", Some(json!({ "name": "acme/two" })))?;
    Ok(())
}

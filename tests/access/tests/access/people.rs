//! Accounts, and edits that only count if nobody else came between.

use anyhow::Result;
use entrepot_test_harness::{get, patch, post};
use serde_json::json;

use crate::world::{PASSWORD, ROOT, Shows, World, with_json};

#[test]
fn who_somebody_is() -> Result<()> {
    let world = World::start()?;
    let nobody = world.done(&Shows::Nothing, "GET", "/api/v1/me", None)?;
    assert_eq!(nobody["kind"], "anonymous");
    assert!(nobody.get("name").is_none(), "{nobody}");
    let root = world.root("GET", "/api/v1/me", None)?;
    assert_eq!((&root["kind"], &root["name"]), (&json!("account"), &json!(ROOT)));
    assert_eq!((&root["administrator"], &root["credential"]), (&json!(true), &json!("password")));
    let token = world.token(ROOT, &["pull", "push"])?;
    let limited = world.done(&Shows::Bearer(token), "GET", "/api/v1/me", None)?;
    assert_eq!((&limited["credential"], &limited["scopes"]), (&json!("token"), &json!(["pull", "push"])));
    Ok(())
}

#[test]
fn an_account_from_its_beginning_to_its_end() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let ann = Shows::Password("ann");
    let shown = world.done(&ann, "GET", "/api/v1/accounts/ann", None)?;
    assert_eq!((&shown["email"], &shown["source"]), (&json!("ann@acme.example"), &json!("local")));
    assert_eq!(shown["default_visibility"], "private");

    let change = json!({ "display_name": "Ann", "default_visibility": "public" });
    let changed = world.done(&ann, "PATCH", "/api/v1/accounts/ann", Some(change))?;
    assert_eq!((&changed["display_name"], &changed["default_visibility"]), (&json!("Ann"), &json!("public")));

    let path = "/api/v1/accounts/ann/password";
    let wrong = json!({ "password": "another long password", "current_password": "wrong" });
    let refused = world.ask(&ann, with_json(post(path), &wrong))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "current_password");
    let right = json!({ "password": "another long password", "current_password": PASSWORD });
    world.done(&ann, "POST", path, Some(right))?;
    world.ask(&ann, get("/api/v1/me"))?.expect(401)?;
    let ann = Shows::Basic("ann".to_owned(), "another long password".to_owned());
    world.done(&ann, "GET", "/api/v1/me", None)?;

    world.root("POST", "/api/v1/accounts/ann/disable", None)?;
    world.ask(&ann, get("/api/v1/me"))?.expect(401)?;
    assert!(world.root("GET", "/api/v1/accounts/ann", None)?["disabled_at"].is_string());
    world.root("POST", "/api/v1/accounts/ann/enable", None)?;
    world.done(&ann, "GET", "/api/v1/me", None)?;

    world.root("PUT", "/api/v1/accounts/ann/administrator", None)?;
    world.done(&ann, "GET", "/api/v1/accounts", None)?;
    world.root("DELETE", "/api/v1/accounts/ann/administrator", None)?;
    world.ask(&ann, get("/api/v1/accounts"))?.expect(403)?;
    let last = world.ask(&Shows::Password(ROOT), post("/api/v1/accounts/root/disable"))?.expect(409)?;
    assert!(last.text().contains("only administrator"), "{}", last.text());

    world.root("POST", "/api/v1/accounts/ann/to-organization", Some(json!({ "owner": ROOT })))?;
    world.ask(&ann, get("/api/v1/me"))?.expect(401)?;
    assert_eq!(world.root("GET", "/api/v1/organizations/ann", None)?["name"], "ann");
    Ok(())
}

#[test]
fn an_edit_counts_only_for_what_was_seen() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    world.root("POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    world.push(&Shows::Password(ROOT), "acme/app", "v1")?;
    let name = json!({ "display_name": "Somebody" });
    for (path, change) in [
        ("/api/v1/accounts/ann", name.clone()),
        ("/api/v1/organizations/acme", name),
        ("/api/v1/repositories/acme/app", json!({ "visibility": "public" })),
    ] {
        let root = Shows::Password(ROOT);
        let seen = world.ask(&root, get(path))?.expect(200)?;
        let tag = seen.required("etag")?.to_owned();
        world.ask(&root, get(path).header("If-None-Match", &tag))?.expect(304)?;
        let edit = |tag: &str| with_json(patch(path).header("If-Match", tag), &change);
        let changed = world.ask(&root, edit(&tag))?.expect(200)?;
        assert_ne!(changed.required("etag")?, tag, "{path}");
        let stale = world.ask(&root, edit(&tag))?.expect(412)?;
        assert_eq!(stale.json()?["type"], "/api#changed");
        world.ask(&root, edit("*"))?.expect(200)?;
        let now = world.ask(&root, get(path).header("If-None-Match", &tag))?.expect(200)?;
        assert_eq!(now.header("etag"), changed.header("etag"), "{path}");
    }
    Ok(())
}

//! Lists come in pages, whatever is in them.

use anyhow::Result;
use entrepot_test_harness::get;
use serde_json::{Value, json};

use crate::world::{ROOT, Shows, World};

/// Every value of `field`, by pages of two.
fn walk(world: &World, shows: &Shows, path: &str, field: &str) -> Result<Vec<Value>> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let (mut all, mut next) = (Vec::new(), Some(format!("{path}{mark}limit=2")));
    while let Some(path) = next {
        let page = world.done(shows, "GET", &path, None)?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2, "{path}: {page}");
        all.extend(items.iter().map(|item| item[field].clone()));
        next = page["next"].as_str().map(str::to_owned);
    }
    Ok(all)
}

#[test]
fn every_list_can_be_walked() -> Result<()> {
    let world = World::start()?;
    let (root, names) = (Shows::Password(ROOT), ["ann", "ben", "eve"]);
    for name in names {
        world.account(name)?;
    }
    world.root("POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    world.root("POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": "all" })))?;
    for name in names {
        world.root("PUT", format!("/api/v1/organizations/acme/teams/all/members/{name}"), None)?;
        world.root("POST", "/api/v1/organizations", Some(json!({ "name": format!("{name}-org") })))?;
        world.root("POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": name })))?;
        world.root("POST", "/api/v1/namespaces/acme/robots", Some(json!({ "name": name })))?;
        world.root("POST", "/api/v1/repositories", Some(json!({ "name": format!("acme/{name}") })))?;
        world.push(&root, "acme/app", name)?;
        world.made(&root, "/api/v1/accounts/root/tokens".to_owned(), &["pull"])?;
        world.made(&root, "/api/v1/organizations/acme/tokens".to_owned(), &["pull"])?;
    }
    let organizations = json!(["acme", "ann-org", "ben-org", "eve-org"]);
    for (path, field, expected) in [
        ("/api/v1/accounts", "name", json!(["ann", "ben", "eve", "root"])),
        ("/api/v1/organizations", "name", organizations.clone()),
        ("/api/v1/organizations?all=true", "name", organizations),
        ("/api/v1/organizations/acme/members", "account", json!(["ann", "ben", "eve", "root"])),
        ("/api/v1/organizations/acme/teams", "name", json!(["all", "ann", "ben", "eve"])),
        ("/api/v1/organizations/acme/teams/all/members", "account", json!(["ann", "ben", "eve"])),
        ("/api/v1/namespaces/acme/robots", "name", json!(["acme+ann", "acme+ben", "acme+eve"])),
        ("/api/v1/namespaces/acme/repositories", "name", json!(["acme/ann", "acme/app", "acme/ben", "acme/eve"])),
        ("/api/v1/tags/acme/app", "name", json!(["ann", "ben", "eve"])),
    ] {
        assert_eq!(json!(walk(&world, &root, path, field)?), expected, "{path}");
    }
    for path in ["/api/v1/accounts/root/tokens", "/api/v1/organizations/acme/tokens"] {
        assert_eq!(walk(&world, &root, path, "label")?.len(), 3, "{path}");
    }
    for query in ["limit=x", "after=a%00b", "unknown=1"] {
        let refused = world.ask(&root, get(format!("/api/v1/accounts?{query}")))?.expect(422)?;
        assert_eq!(refused.json()?["field"], "query", "{query}");
    }
    Ok(())
}

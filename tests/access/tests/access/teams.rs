//! Organizations, teams and what they may do.

use anyhow::Result;
use entrepot_test_harness::{get, post};
use serde_json::json;

use crate::world::{Shows, World, with_json};

const TEAM: &str = "/api/v1/organizations/acme/teams/developers";

fn world() -> Result<World> {
    let world = World::start()?;
    world.account("ann")?;
    world.account("ben")?;
    world.done(&Shows::Password("ann"), "POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    Ok(world)
}

#[test]
fn a_team_gives_a_role_and_takes_it_back() -> Result<()> {
    let world = world()?;
    let (ann, ben) = (Shows::Password("ann"), Shows::Password("ben"));
    world.push(&ann, "acme/app", "v1")?;
    let pull = || get("/v2/acme/app/manifests/v1");
    world.ask(&ben, pull())?.expect(403)?;

    let team = json!({ "name": "developers", "description": "who develops" });
    world.done(&ann, "POST", "/api/v1/organizations/acme/teams", Some(team))?;
    world.done(&ann, "PUT", format!("{TEAM}/members/ben"), None)?;
    let grant = json!({ "pattern": "acme/a*", "role": "read" });
    world.done(&ann, "PUT", format!("{TEAM}/grants"), Some(grant.clone()))?;
    assert_eq!(world.done(&ann, "GET", format!("{TEAM}/grants"), None)?["items"], json!([grant]));
    world.ask(&ben, pull())?.expect(200)?;
    world.ask(&ben, post("/v2/acme/app/blobs/uploads/"))?.expect(403)?;

    world.done(&ann, "PUT", format!("{TEAM}/grants"), Some(json!({ "pattern": "acme/a*", "role": "write" })))?;
    world.push(&ben, "acme/app", "v2")?;
    let explained = world.done(&ben, "GET", "/api/v1/access/explain?action=push&repository=acme/app", None)?;
    assert_eq!(explained["allowed"], true);
    assert_eq!(explained["reasons"][0]["role"], "write");

    world.done(&ann, "DELETE", format!("{TEAM}/grants?pattern=acme/a*"), None)?;
    world.ask(&ben, pull())?.expect(403)?;
    let explained = world.root("GET", "/api/v1/access/explain?as=ben&action=push&repository=acme/app", None)?;
    assert_eq!((&explained["allowed"], &explained["needed"]), (&json!(false), &json!("write")));
    assert!(explained["remedies"].as_array().is_some_and(|remedies| !remedies.is_empty()), "{explained}");
    world.ask(&ben, get("/api/v1/access/explain?as=ann&action=push&repository=acme/app"))?.expect(403)?;

    let members = world.done(&ben, "GET", format!("{TEAM}/members"), None)?;
    assert_eq!(members["items"], json!([{ "account": "ben", "by_hand": true }]));
    world.done(&ann, "DELETE", format!("{TEAM}/members/ben"), None)?;
    world.done(&ann, "DELETE", TEAM, None)?;
    assert_eq!(world.done(&ann, "GET", "/api/v1/organizations/acme/teams", None)?["items"], json!([]));
    Ok(())
}

#[test]
fn groups_elsewhere_belong_to_a_team() -> Result<()> {
    let world = world()?;
    let ann = Shows::Password("ann");
    world.done(&ann, "POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": "developers" })))?;
    let path = format!("{TEAM}/groups");
    let group = json!({ "source": "ldap", "name": "cn=developers,dc=acme" });
    world.done(&ann, "PUT", &path, Some(group.clone()))?;
    assert_eq!(world.done(&ann, "GET", &path, None)?["items"], json!([group]));
    world.done(&ann, "DELETE", format!("{path}?source=ldap&name=cn%3Ddevelopers%2Cdc%3Dacme"), None)?;
    assert_eq!(world.done(&ann, "GET", &path, None)?["items"], json!([]));
    let unknown = json!({ "source": "nowhere", "name": "x" });
    let refused = world.ask(&ann, with_json(entrepot_test_harness::put(&path), &unknown))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "group");
    Ok(())
}

#[test]
fn members_come_and_go_but_an_owner_stays() -> Result<()> {
    let world = world()?;
    let (ann, ben) = (Shows::Password("ann"), Shows::Password("ben"));
    let members = "/api/v1/organizations/acme/members";
    world.ask(&ben, get("/api/v1/organizations/acme"))?.expect(404)?;
    world.done(&ann, "PUT", format!("{members}/ben"), Some(json!({ "role": "member" })))?;
    world.done(&ben, "GET", "/api/v1/organizations/acme", None)?;
    assert_eq!(world.done(&ben, "GET", "/api/v1/organizations", None)?["items"][0]["name"], "acme");
    let listed = world.done(&ben, "GET", members, None)?;
    assert_eq!(listed["items"], json!([{ "account": "ann", "role": "owner" }, { "account": "ben", "role": "member" }]));
    let only = world.ask(&ann, entrepot_test_harness::delete(format!("{members}/ann")))?.expect(409)?;
    assert!(only.text().contains("only owner"), "{}", only.text());
    world.done(&ann, "PUT", format!("{members}/ben"), Some(json!({ "role": "owner" })))?;
    world.done(&ben, "DELETE", format!("{members}/ann"), None)?;
    world.ask(&ann, get("/api/v1/organizations/acme"))?.expect(404)?;
    Ok(())
}

#[test]
fn somebody_outside_is_given_a_role_by_themselves() -> Result<()> {
    let world = world()?;
    let (ann, ben) = (Shows::Password("ann"), Shows::Password("ben"));
    world.push(&ann, "acme/app", "v1")?;
    let path = "/api/v1/namespaces/acme/people/ben/grants";
    world.done(&ann, "PUT", path, Some(json!({ "pattern": "acme/app", "role": "admin" })))?;
    world.done(&ben, "PATCH", "/api/v1/repositories/acme/app", Some(json!({ "visibility": "public" })))?;
    assert_eq!(world.done(&ann, "GET", path, None)?["items"][0]["role"], "admin");
    world.done(&ann, "DELETE", format!("{path}?pattern=acme/app"), None)?;
    world.ask(&ben, entrepot_test_harness::delete(format!("{path}?pattern=acme/app")))?.expect(403)?;
    Ok(())
}

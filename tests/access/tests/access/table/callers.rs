//! Everybody who asks, and how they came to what they may.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::PLACES;
use crate::world::{ROOT, Shows, World};

/// In the order of the rules.
pub(crate) const CALLERS: [&str; 16] = [
    "anonymous",
    "stranger",
    "reader",
    "writer",
    "team-admin",
    "owner",
    "administrator",
    "robot",
    "pull-token",
    "push-token",
    "delete-token",
    "admin-token",
    "one-repository-token",
    "organization-token",
    "expired",
    "revoked",
];
const ALL: &[&str] = &["pull", "push", "delete", "admin"];

/// What each of them shows.
pub(crate) struct Cast(Vec<(&'static str, Shows)>);

impl Cast {
    pub(crate) fn shows(&self, caller: &str) -> Shows {
        let found = self.0.iter().find(|(name, _)| *name == caller);
        found.map_or(Shows::Nothing, |(_, shows)| shows.clone())
    }

    /// The people, the organizations, the teams and the repositories of the table.
    pub(crate) fn assemble(world: &World) -> Result<Self> {
        for name in ["stranger", "reader", "writer", "team-admin", "owner", "elsewhere"] {
            world.account(name)?;
        }
        let owner = Shows::Password("owner");
        world.done(&owner, "POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
        world.root("POST", "/api/v1/organizations", Some(json!({ "name": "other", "owner": "elsewhere" })))?;
        for (account, team, role) in
            [("reader", "readers", "read"), ("writer", "writers", "write"), ("team-admin", "admins", "admin")]
        {
            let path = format!("/api/v1/organizations/acme/teams/{team}");
            world.done(&owner, "POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": team })))?;
            world.done(&owner, "PUT", format!("{path}/members/{account}"), None)?;
            let grant = json!({ "pattern": "acme/*", "role": role });
            world.done(&owner, "PUT", format!("{path}/grants"), Some(grant))?;
        }
        for place in PLACES {
            let visibility = if place.what == "public" { "public" } else { "private" };
            let name = format!("{}/{}", place.namespace, place.repository);
            world.root("POST", "/api/v1/repositories", Some(json!({ "name": name, "visibility": visibility })))?;
            world.push(&Shows::Password(ROOT), &name, "v1")?;
        }
        Ok(Self(shown(world, &owner)?))
    }
}

fn shown(world: &World, owner: &Shows) -> Result<Vec<(&'static str, Shows)>> {
    let mut all = Vec::new();
    for name in ["stranger", "reader", "writer", "team-admin", "owner"] {
        all.push((name, Shows::Bearer(world.token(name, ALL)?)));
    }
    all.push(("administrator", Shows::Bearer(world.token(ROOT, ALL)?)));
    all.push(("robot", robot(world, owner)?));
    for (caller, scope) in
        [("pull-token", "pull"), ("push-token", "push"), ("delete-token", "delete"), ("admin-token", "admin")]
    {
        all.push((caller, Shows::Bearer(world.token("owner", &[scope])?)));
    }
    let tokens = "/api/v1/accounts/owner/tokens";
    let limited = json!({ "scopes": ["pull"], "repositories": ["acme/*"] });
    all.push(("one-repository-token", made(world, owner, tokens, limited)?.1));
    let of_organization = json!({ "scopes": ["pull", "push"] });
    all.push(("organization-token", made(world, owner, "/api/v1/organizations/acme/tokens", of_organization)?.1));
    let short = json!({ "scopes": ALL, "lifetime_seconds": 1 });
    all.push(("expired", made(world, owner, tokens, short)?.1));
    let (id, revoked) = made(world, owner, tokens, json!({ "scopes": ALL }))?;
    world.done(owner, "DELETE", format!("{tokens}/{id}"), None)?;
    all.push(("revoked", revoked));
    sleep(Duration::from_millis(1100));
    Ok(all)
}

fn robot(world: &World, owner: &Shows) -> Result<Shows> {
    let robots = "/api/v1/namespaces/acme/robots";
    world.done(owner, "POST", robots, Some(json!({ "name": "deploy" })))?;
    let grant = json!({ "pattern": "acme/*", "role": "write" });
    world.done(owner, "PUT", format!("{robots}/deploy/grants"), Some(grant))?;
    Ok(made(world, owner, &format!("{robots}/deploy/tokens"), json!({ "scopes": ALL }))?.1)
}

fn made(world: &World, shows: &Shows, path: &str, body: serde_json::Value) -> Result<(String, Shows)> {
    let made = world.done(shows, "POST", path, Some(body))?;
    let text = |key: &str| made[key].as_str().map(str::to_owned).with_context(|| format!("no {key}"));
    Ok((text("id")?, Shows::Bearer(text("token")?)))
}

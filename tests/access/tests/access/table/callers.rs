//! Everybody who asks, and how they came to what they may.

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use entrepot_test_support::servers::{OidcProvider, OidcSettings};
use serde_json::json;

use super::PLACES;
use crate::world::{ROOT, Shows, World};

/// In the order of the rules.
pub(crate) const CALLERS: [&str; 18] = [
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
    "disabled",
    "job",
];
const ALL: &[&str] = &["pull", "push", "delete", "admin"];

/// What each of them shows.
pub(crate) struct Cast {
    shown: Vec<(&'static str, Shows)>,
    /// Signs the job's token, where an OpenID provider is installed.
    _provider: Option<OidcProvider>,
}

impl Cast {
    /// What a caller shows; `None` for one who could not come.
    pub(crate) fn shows(&self, caller: &str) -> Option<&Shows> {
        self.shown.iter().find(|(name, _)| *name == caller).map(|(_, shows)| shows)
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
        let mut shown = shown(world, &owner)?;
        let provider = OidcProvider::start(&OidcSettings { algorithm: "ES256", in_token: false, accounts: "{}" })?;
        if let Some(provider) = &provider {
            shown.push(("job", job(world, provider)?));
        }
        Ok(Self { shown, _provider: provider })
    }
}

fn shown(world: &World, owner: &Shows) -> Result<Vec<(&'static str, Shows)>> {
    let mut all = vec![("anonymous", Shows::Nothing)];
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
    world.account("disabled")?;
    all.push(("disabled", Shows::Bearer(world.token("disabled", ALL)?)));
    world.root("POST", "/api/v1/accounts/disabled/disable", None)?;
    sleep(Duration::from_millis(1100));
    Ok(all)
}

/// A job that a rule lets in, to pull and push.
fn job(world: &World, provider: &OidcProvider) -> Result<Shows> {
    let (issuer, audience) = (provider.issuer(), "registry.acme.example");
    let rule = json!({
        "issuer": issuer, "audience": audience, "claims": { "repository": "acme/app" }, "scopes": ["pull", "push"],
    });
    world.root("POST", "/api/v1/namespaces/acme/job-rules", Some(rule))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "repo:acme/app", "iat": now, "exp": now + 3600, "repository": "acme/app",
    });
    Ok(Shows::Basic("acme".to_owned(), provider.sign(&claims.to_string())?))
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

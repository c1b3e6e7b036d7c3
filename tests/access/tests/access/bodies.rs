//! What is refused, and how that is said.

use anyhow::Result;
use entrepot_test_harness::{Request, delete, get, patch, post};
use serde_json::json;

use crate::world::{ROOT, Shows, World, with_json};

#[test]
fn a_mistake_names_its_field() -> Result<()> {
    let world = World::start()?;
    let root = Shows::Password(ROOT);
    for (path, body, field, says) in [
        ("/api/v1/accounts", json!({ "name": "Ann" }), "name", "a-z"),
        ("/api/v1/accounts", json!({}), "body", "name"),
        ("/api/v1/accounts", json!({ "name": "ann", "admin": true }), "admin", "unknown field"),
        ("/api/v1/accounts", json!({ "name": "ann", "administrator": "yes" }), "administrator", "boolean"),
        ("/api/v1/accounts", json!({ "name": "ann", "email": "nobody" }), "email", "address"),
        ("/api/v1/accounts", json!({ "name": "ann", "password": "short" }), "password", "characters"),
        ("/api/v1/accounts/root/tokens", json!({ "scopes": [] }), "scopes", "one scope"),
        ("/api/v1/accounts/root/tokens", json!({ "scopes": ["pull", "fly"] }), "scopes[1]", "pull, push"),
        (
            "/api/v1/accounts/root/tokens",
            json!({ "scopes": ["pull"], "lifetime_seconds": 0 }),
            "lifetime_seconds",
            "one",
        ),
        (
            "/api/v1/accounts/root/tokens",
            json!({ "scopes": ["pull"], "repositories": ["a b"] }),
            "repositories[0]",
            "pattern",
        ),
        (
            "/api/v1/repositories",
            json!({ "name": "acme/app", "visibility": "secret" }),
            "visibility",
            "public or private",
        ),
    ] {
        let answer = world.ask(&root, with_json(post(path), &body))?.expect(422)?;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json()?;
        assert_eq!((&problem["type"], &problem["status"]), (&json!("/api#invalid"), &json!(422)), "{body}");
        assert_eq!(problem["field"], field, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{body}: {problem}");
    }
    Ok(())
}

#[test]
fn problems_have_their_status_and_kind() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let (root, ann) = (Shows::Password(ROOT), Shows::Password("ann"));
    let json_of = |bytes: usize| json!({ "name": "a".repeat(bytes) });
    let named = json!({ "name": "ann" });
    let table: [(&Shows, Request, u16, &str); 12] = [
        (&Shows::Nothing, get("/api/v1/accounts"), 401, "unauthenticated"),
        (&ann, get("/api/v1/accounts"), 403, "denied"),
        (&root, get("/api/v1/accounts/ghost"), 404, "not-found"),
        (&root, get("/api/v1/nothing"), 404, "not-found"),
        (&root, get("/api/v1/accounts/NOBODY"), 422, "invalid"),
        (&root, delete("/api/v1/accounts"), 405, "method"),
        (&root, with_json(post("/api/v1/accounts"), &named), 409, "exists"),
        (&root, with_json(post("/api/v1/accounts"), &json_of(70_000)), 413, "too-large"),
        (&root, post("/api/v1/accounts").body(named.to_string()), 415, "not-json"),
        (&root, post("/api/v1/accounts").header("Content-Type", "text/plain").body("{}"), 415, "not-json"),
        (&root, with_json(patch("/api/v1/accounts/ann"), &json!([])), 422, "invalid"),
        (&Shows::Bearer("ept_nonsense".to_owned()), get("/api/v1/me"), 401, "unauthenticated"),
    ];
    for (shows, request, status, kind) in table {
        let what = format!("{request:?}").chars().take(120).collect::<String>();
        let answer = world.ask(shows, request)?;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        let problem = answer.json()?;
        assert_eq!(problem["type"], format!("/api#{kind}"), "{what}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        match status {
            401 => assert_eq!(
                answer.joined("www-authenticate").as_deref(),
                Some("Basic realm=\"entrepot\", charset=\"UTF-8\", Bearer realm=\"entrepot\"")
            ),
            405 => assert!(answer.required("allow")?.contains("POST"), "{what}"),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn a_cookie_is_nothing() -> Result<()> {
    let world = World::start()?;
    let token = world.token(ROOT, &["pull", "admin"])?;
    let with_cookie = get("/api/v1/accounts").header("Cookie", format!("session={token}; token={token}"));
    world.ask(&Shows::Nothing, with_cookie)?.expect(401)?;
    Ok(())
}

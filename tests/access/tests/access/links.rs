//! Links that work once, where no letters go out: a link that an administrator hands over, invitations that people see when they log
//! in, and the link that the registry shows when it starts.

use anyhow::{Context as _, Result};
use entrepot_test_harness::{get, patch, post};
use serde_json::json;

use crate::world::{PASSWORD, ROOT, Shows, World, with_json};

/// The secret of a link: the last part of its address.
pub(crate) fn secret_of(link: &str) -> Result<String> {
    link.rsplit('/').next().map(str::to_owned).context("a link without a path")
}

#[test]
fn a_link_to_a_new_password_works_once() -> Result<()> {
    let mut world = World::start()?;
    world.account("ann")?;
    let made = world.root("POST", "/api/v1/accounts/ann/reset-link", None)?;
    let link = made["link"].as_str().context("no link")?.to_owned();
    assert_eq!(made["lifetime_seconds"], 3600);
    let secret = secret_of(&link)?;
    assert!(link.ends_with(&format!("/link/reset/{secret}")), "the page of the link");
    let nobody = Shows::Nothing;
    let look = json!({ "kind": "reset", "secret": secret });
    let seen = world.done(&nobody, "POST", "/api/v1/links/look", Some(look.clone()))?;
    assert_eq!((&seen["kind"], &seen["account"]), (&json!("reset"), &json!("ann")));
    // A program that follows links uses nothing up, and the log has no secret.
    world.ask(&nobody, get(format!("/link/reset/{secret}")))?;
    let line = world.registry.wait_for_log(|line| line.contains("/link/reset/"))?;
    assert!(line.contains("/link/reset/…"), "{line}");
    assert!(!world.registry.log().contains(&secret));

    let weak = json!({ "secret": secret, "password": "short" });
    let refused = world.ask(&nobody, with_json(post("/api/v1/links/reset"), &weak))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "password");
    for other in ["confirm", "sign-up"] {
        let asked = with_json(post(format!("/api/v1/links/{other}")), &json!({ "secret": secret }));
        assert_eq!(world.ask(&nobody, asked)?.expect(410)?.json()?["type"], "/api#link");
    }
    let new = json!({ "secret": secret, "password": "another long password" });
    let used = world.done(&nobody, "POST", "/api/v1/links/reset", Some(new.clone()))?;
    assert_eq!(used["account"], "ann");
    world.ask(&nobody, with_json(post("/api/v1/links/reset"), &new))?.expect(410)?;
    world.ask(&nobody, with_json(post("/api/v1/links/look"), &look))?.expect(410)?;
    world.ask(&Shows::Password("ann"), get("/api/v1/me"))?.expect(401)?;
    let ann = Shows::Basic("ann".to_owned(), "another long password".to_owned());
    world.done(&ann, "GET", "/api/v1/me", None)?;
    let log = world.root("GET", "/api/v1/audit?actor=ann", None)?;
    let actions: Vec<_> = log["items"].as_array().context("no items")?.iter().map(|one| &one["action"]).collect();
    assert!(actions.contains(&&json!("account.reset")), "{log}");
    assert!(!log.to_string().contains(&secret), "{log}");
    Ok(())
}

#[test]
fn without_letters_that_is_said() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let (root, nobody) = (Shows::Password(ROOT), Shows::Nothing);
    for (shows, path, body, status) in [
        (&nobody, "/api/v1/reset", json!({ "email": "ann@acme.example" }), 501),
        (&nobody, "/api/v1/sign-up", json!({ "name": "ben", "email": "b@acme.example", "password": PASSWORD }), 403),
        (&root, "/api/v1/accounts/ann/confirmation", json!({}), 501),
    ] {
        let answer = world.ask(shows, with_json(post(path), &body))?.expect(status)?;
        let problem = answer.json()?;
        let says = if status == 501 { "mail.host" } else { "ask an administrator" };
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{problem}");
    }
    Ok(())
}

#[test]
fn who_finds_a_token_cannot_have_letters_sent_elsewhere() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    let token = Shows::Bearer(world.token("ann", &["pull", "push", "delete", "admin"])?);
    let path = "/api/v1/accounts/ann";
    let change = json!({ "email": "eve@evil.example" });
    let refused = world.ask(&token, with_json(patch(path), &change))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "current_password");
    assert_eq!(world.done(&token, "GET", path, None)?["email"], "ann@acme.example");
    let proven = json!({ "email": "ann@b.example", "current_password": PASSWORD });
    let changed = world.done(&token, "PATCH", path, Some(proven))?;
    assert_eq!((&changed["email"], &changed["email_confirmed"]), (&json!("ann@b.example"), &json!(false)));
    world.root("PATCH", path, Some(json!({ "email": "ann@c.example" })))?;
    Ok(())
}

#[test]
fn people_are_asked_into_an_organization() -> Result<()> {
    let world = World::start()?;
    world.account("ann")?;
    world.account("ben")?;
    world.root("POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    world.root("POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": "ops" })))?;
    let (path, ann) = ("/api/v1/organizations/acme/invitations", Shows::Password("ann"));
    let made = world.root("POST", path, Some(json!({ "account": "ann", "role": "owner", "team": "ops" })))?;
    assert_eq!((&made["account"], &made["role"], &made["team"]), (&json!("ann"), &json!("owner"), &json!("ops")));
    assert_eq!((&made["inviter"], &made["organization"]), (&json!(ROOT), &json!("acme")));
    assert_eq!(world.root("GET", path, None)?["items"], json!([made]));
    assert_eq!(world.done(&ann, "GET", "/api/v1/invitations", None)?["items"], json!([made]));
    let accept = format!("/api/v1/invitations/{}/accept", made["id"].as_str().context("no id")?);
    world.ask(&Shows::Password("ben"), post(&*accept))?.expect(404)?;
    world.ask(&ann, get("/api/v1/organizations/acme"))?.expect(404)?;
    world.done(&ann, "POST", &*accept, None)?;
    world.ask(&ann, post(&*accept))?.expect(404)?;
    assert_eq!(
        world.done(&ann, "GET", "/api/v1/organizations/acme/teams/ops/members", None)?["items"][0]["account"],
        "ann"
    );

    let made = world.done(&ann, "POST", path, Some(json!({ "account": "ben" })))?;
    assert_eq!(made["role"], "member");
    let id = made["id"].as_str().context("no id")?;
    world.done(&Shows::Password("ben"), "DELETE", format!("/api/v1/invitations/{id}"), None)?;
    world.ask(&ann, entrepot_test_harness::delete(format!("{path}/{id}")))?.expect(404)?;
    let made = world.done(&ann, "POST", path, Some(json!({ "account": "ben" })))?;
    world.done(&ann, "DELETE", format!("{path}/{}", made["id"].as_str().context("no id")?), None)?;
    let both = json!({ "account": "ben", "email": "ben@acme.example" });
    for body in [json!({}), both] {
        assert_eq!(world.ask(&ann, with_json(post(path), &body))?.expect(422)?.json()?["field"], "account");
    }
    world.ask(&ann, with_json(post(path), &json!({ "email": "ben@acme.example" })))?.expect(501)?;
    Ok(())
}

#[test]
fn the_first_administrator_comes_by_a_link_of_this_start() -> Result<()> {
    let mut world = World::without_administrator(&[])?;
    let shown = |world: &mut World| -> Result<String> {
        let line = world.registry.wait_for_log(|line| line.contains("/link/set-up/"))?;
        let (_, rest) = line.split_once("/link/set-up/").context("no link")?;
        Ok(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    };
    let older = shown(&mut world)?;
    world.registry.kill()?;
    world.registry.restart()?;
    let secret = shown(&mut world)?;
    assert_ne!(older, secret);
    let set_up = |world: &World, secret: &str, name: &str| {
        let body = json!({ "secret": secret, "name": name, "password": PASSWORD, "email": "root@acme.example" });
        world.ask(&Shows::Nothing, with_json(post("/api/v1/links/set-up"), &body))
    };
    set_up(&world, &older, "eve")?.expect(410)?;
    assert_eq!(set_up(&world, &secret, ROOT)?.expect(201)?.json()?["account"], ROOT);
    set_up(&world, &secret, "eve")?.expect(410)?;
    assert_eq!(world.root("GET", "/api/v1/me", None)?["administrator"], true);
    world.registry.kill()?;
    world.registry.restart()?;
    world.root("GET", "/api/v1/me", None)?;
    assert!(!world.registry.log().contains("/link/set-up/"), "somebody governs it");
    Ok(())
}

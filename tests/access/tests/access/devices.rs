//! Programs without a browser: how they are logged in, and out again.

use anyhow::{Context as _, Result};
use entrepot_test_harness::{Answer, Request, get, post};
use serde_json::{Value, json};

use crate::pages::Browser;
use crate::world::{Shows, World};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn world() -> Result<World> {
    let world = World::start()?;
    world.account("ann")?;
    Ok(world)
}

fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    post(path).header("Content-Type", "application/x-www-form-urlencoded").body(fields.join("&"))
}

/// What a program has that waits.
struct Waits {
    device: String,
    user: String,
}

impl Waits {
    fn begin(world: &World) -> Result<Self> {
        let asked = form("/device/code", &[("client_id", "entrepot"), ("label", "laptop")]);
        let codes = world.ask(&Shows::Nothing, asked)?.expect(200)?.json()?;
        let text = |key: &str| codes[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {codes}"));
        let (device, user) = (text("device_code")?, text("user_code")?);
        assert_eq!(text("verification_uri")?.rsplit('/').next(), Some("device"));
        assert_eq!(text("verification_uri_complete")?, format!("{}?code={user}", text("verification_uri")?));
        assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
        Ok(Self { device, user })
    }

    fn poll(&self, world: &World) -> Result<Answer> {
        let fields = [("grant_type", GRANT), ("client_id", "entrepot"), ("device_code", &self.device)];
        world.ask(&Shows::Nothing, form("/token", &fields))
    }

    /// Why it gets nothing.
    fn refused(&self, world: &World) -> Result<String> {
        refusal(self.poll(world)?)
    }

    fn code(&self) -> String {
        format!("code={}", self.user)
    }
}

fn refusal(answer: Answer) -> Result<String> {
    let said = answer.expect(400)?;
    assert_eq!(said.header("cache-control"), Some("no-store"));
    let said = said.json()?;
    assert!(said["error_description"].as_str().is_some_and(|why| !why.is_empty()), "{said}");
    Ok(said["error"].as_str().context("no error")?.to_owned())
}

#[test]
fn a_program_is_let_in_by_who_is_logged_in() -> Result<()> {
    let world = world()?;
    let waits = Waits::begin(&world)?;
    let page = format!("/device?code={}", waits.user);
    let stranger = Browser::open(&world)?;
    let login = stranger.get(&page)?.expect(303)?;
    assert_eq!(login.required("location")?, format!("/login?next=%2Fdevice%3Fcode%3D{}", waits.user));

    let ann = Browser::logged_in(&world, "ann")?;
    let typed = ann.send("/device", &format!("code={}", waits.user.replace('-', "").to_lowercase()))?.expect(303)?;
    assert_eq!(typed.required("location")?, page);
    let shown = ann.get(&page)?.expect(200)?.text();
    for said in ["entrepot on laptop", &waits.user, "logged in as ann", "pull, push, delete", "another address"] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    assert_eq!(waits.refused(&world)?, "authorization_pending", "to look lets nothing in");
    assert_eq!(waits.refused(&world)?, "slow_down");

    let waits = Waits::begin(&world)?;
    let done = ann.send("/device/approve", &waits.code())?.expect(303)?;
    assert_eq!(done.required("location")?, "/device?done=let-in");
    assert!(ann.get("/device?done=let-in")?.text().contains("It is let in."));
    let given = waits.poll(&world)?.expect(200)?;
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let given = given.json()?;
    let expected =
        json!({ "token_type": "Bearer", "expires_in": 7_776_000, "scope": "pull push delete", "username": "ann" });
    for (key, value) in expected.as_object().context("an object")? {
        assert_eq!(&given[key], value, "{key}");
    }
    assert_eq!(waits.refused(&world)?, "invalid_grant", "a code is good once");

    let token = given["access_token"].as_str().context("no token")?.to_owned();
    let shows = Shows::Basic("ann".to_owned(), token.clone());
    world.push(&shows, "ann/app", "v1")?;
    world.ask(&Shows::Bearer(token.clone()), get("/v2/ann/app/manifests/v1"))?.expect(200)?;
    world.ask(&shows, get("/api/v1/accounts/ann/tokens"))?.expect(403)?;
    let listed = world.done(&Shows::Password("ann"), "GET", "/api/v1/accounts/ann/tokens", None)?;
    let row = &listed["items"][0];
    assert_eq!((&row["kind"], &row["label"]), (&json!("device"), &json!("entrepot on laptop")));
    assert!(ann.get("/settings/tokens")?.text().contains("logged in from a browser"));
    let log = world.root("GET", "/api/v1/audit?actor=ann", None)?;
    let actions: Vec<_> = log["items"].as_array().into_iter().flatten().map(|entry| &entry["action"]).collect();
    assert!(actions.contains(&&json!("device.approve")), "{actions:?}");

    world.ask(&Shows::Nothing, form("/token/revoke", &[("token", &token)]))?.expect(200)?;
    world.ask(&shows, get("/v2/ann/app/manifests/v1"))?.expect(401)?;
    Ok(())
}

#[test]
fn a_program_is_turned_away() -> Result<()> {
    let world = world()?;
    let (waits, ann) = (Waits::begin(&world)?, Browser::logged_in(&world, "ann")?);
    ann.send("/device/deny", &waits.code())?.expect(303)?;
    assert_eq!(waits.refused(&world)?, "access_denied");
    let late = ann.send("/device/approve", &waits.code())?.expect(422)?.text();
    assert!(late.contains("Nothing waits with this code"), "{late}");
    Ok(())
}

#[test]
fn no_other_site_lets_a_program_in() -> Result<()> {
    let world = world()?;
    let (waits, ann) = (Waits::begin(&world)?, Browser::logged_in(&world, "ann")?);
    let other = Browser::open(&world)?;
    for forged in [
        ann.form("/device/approve", &waits.code()).header("Sec-Fetch-Site", "cross-site"),
        ann.form("/device/approve", &waits.code()).header("Origin", "http://evil.example"),
        ann.form("/device/approve", &waits.code()),
        other.form("/device/approve", &waits.code()).header("Sec-Fetch-Site", "same-origin"),
        form("/device/approve", &[("code", &waits.user)]).header("Sec-Fetch-Site", "same-origin"),
        get(format!("/device/approve?code={}", waits.user)),
    ] {
        let answer = ann.ask(forged)?;
        assert!(matches!(answer.status, 403 | 405), "{}", answer.status);
    }
    let token = world.token("ann", &["pull", "push", "delete", "admin"])?;
    let with_token = form("/device/approve", &[("code", &waits.user)]).header("Sec-Fetch-Site", "same-origin");
    world.ask(&Shows::Bearer(token), with_token)?.expect(403)?;
    assert_eq!(waits.refused(&world)?, "authorization_pending");
    Ok(())
}

#[test]
fn codes_are_not_guessed() -> Result<()> {
    let world = world()?;
    world.account("eve")?;
    let (waits, eve) = (Waits::begin(&world)?, Browser::logged_in(&world, "eve")?);
    // Each from another address.
    for _ in 0..10 {
        eve.get("/device?code=BBBB-BBBB")?.expect(422)?;
    }
    for path in ["/device?code=BBBB-BBBB".to_owned(), format!("/device?code={}", waits.user)] {
        let slowed = eve.get(&path)?.expect(429)?;
        assert!(!slowed.text().contains("laptop"));
    }
    eve.send("/device/approve", &waits.code())?.expect(429)?;
    assert_eq!(waits.refused(&world)?, "authorization_pending");
    let ann = Browser::logged_in(&world, "ann")?;
    assert!(ann.get(&format!("/device?code={}", waits.user))?.expect(200)?.text().contains("laptop"));
    for nonsense in ["", "BCDF", "AAAA-AAAA", "%3Cscript%3E"] {
        let text = ann.send("/device", &format!("code={nonsense}"))?.expect(422)?.text();
        assert!(!text.contains("<script"), "{text}");
    }
    Ok(())
}

#[test]
fn it_is_said_where_programs_are_logged_in() -> Result<()> {
    let world = world()?;
    let document = world.ask(&Shows::Nothing, get("/.well-known/oauth-authorization-server"))?.expect(200)?.json()?;
    let issuer = document["issuer"].as_str().context("no issuer")?;
    for (key, path) in [
        ("token_endpoint", "/token"),
        ("device_authorization_endpoint", "/device/code"),
        ("revocation_endpoint", "/token/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(document[key], format!("{issuer}{path}"), "{key}");
    }
    assert!(document["grant_types_supported"].as_array().is_some_and(|all| all.contains(&json!(GRANT))));
    Ok(())
}

#[test]
fn what_is_asked_for_wrongly_is_said_in_the_words_of_oauth() -> Result<()> {
    let world = world()?;
    let personal = world.token("ann", &["pull"])?;
    let ask = |request: Request| refusal(world.ask(&Shows::Nothing, request)?);
    for (path, fields, code) in [
        ("/device/code", &[][..], "invalid_request"),
        ("/device/code", &[("client_id", "")], "invalid_request"),
        ("/device/code", &[("client_id", "entrepot"), ("label", "two%0Alines")], "invalid_request"),
        ("/token", &[("grant_type", GRANT)], "invalid_grant"),
        ("/token", &[("grant_type", GRANT), ("client_id", "entrepot"), ("device_code", "none")], "invalid_grant"),
        ("/token/revoke", &[], "invalid_request"),
        ("/token/revoke", &[("token", &personal)], "unsupported_token_type"),
    ] {
        assert_eq!(ask(form(path, fields))?, code, "{path} {fields:?}");
    }
    world.ask(&Shows::Nothing, form("/token/revoke", &[("token", "never")]))?.expect(200)?;
    world.ask(&Shows::Bearer(personal), get("/v2/"))?.expect(200)?;
    let large = "x".repeat(70_000);
    assert_eq!(ask(form("/device/code", &[("client_id", &large)]))?, "invalid_request");
    // Under another name the code is nobody's.
    let waits = Waits::begin(&world)?;
    let fields = [("grant_type", GRANT), ("client_id", "docker"), ("device_code", &waits.device)];
    assert_eq!(ask(form("/token", &fields))?, "invalid_grant");
    assert_eq!(waits.refused(&world)?, "authorization_pending");

    let many = |address: &str| {
        form("/device/code", &[("client_id", "entrepot")]).header("X-Forwarded-For", address.to_owned())
    };
    let statuses: Vec<u16> =
        (0..25).map(|_| Ok(world.registry.ask(&many("192.0.2.1"))?.status)).collect::<Result<_>>()?;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    let refused = world.registry.ask(&many("192.0.2.1"))?.expect(429)?;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.json()?["error"], Value::from("temporarily_unavailable"));
    Ok(())
}

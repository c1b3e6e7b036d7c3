//! Every page and every form: who sees what, and that nothing is done by a form that was not shown. A page of the server that is not
//! in the table fails the test.

use anyhow::{Context as _, Result};
use entrepot_test_harness::{Answer, Request, get, post};
use serde_json::json;

use crate::world::{PASSWORD, Shows, World};

/// Where the server has the paths of its pages.
const ROUTES: &str = include_str!("../../../../crates/server/src/web.rs");
const ID: &str = "01980000-0000-7000-8000-000000000000";

/// A page: its path, and the status for nobody, for a stranger and for the owner.
#[rustfmt::skip]
const PAGES: &[(&str, [u16; 3])] = &[
    ("/", [200, 200, 200]),
    ("/login", [200, 200, 200]),
    ("/login/oidc/{provider}", [404, 404, 404]),
    ("/login/oidc/{provider}/callback", [404, 404, 404]),
    ("/sign-up", [403, 403, 403]),
    ("/reset", [200, 200, 200]),
    ("/device", [303, 200, 200]),
    ("/link/{kind}/{secret}", [410, 410, 410]),
    ("/settings", [303, 200, 200]),
    ("/settings/password", [303, 200, 200]),
    ("/settings/second-factor", [303, 200, 200]),
    ("/settings/tokens", [303, 200, 200]),
    ("/settings/sessions", [303, 200, 200]),
    ("/organizations", [303, 200, 200]),
    ("/organizations/{organization}", [303, 404, 200]),
    ("/organizations/{organization}/teams", [303, 404, 200]),
    ("/organizations/{organization}/teams/{team}", [303, 404, 200]),
    ("/organizations/{organization}/robots", [303, 403, 200]),
    ("/organizations/{organization}/robots/{robot}", [303, 403, 200]),
    ("/organizations/{organization}/tokens", [303, 403, 200]),
    ("/organizations/{organization}/ci", [303, 403, 200]),
];

/// A form: its path, and the status for nobody and for a stranger who send it empty.
#[rustfmt::skip]
const FORMS: &[(&str, [u16; 2])] = &[
    ("/login", [403, 403]),
    ("/login/second-factor", [303, 303]),
    ("/login/passkey", [501, 501]),
    ("/login/passkey/begin", [501, 501]),
    ("/logout", [303, 303]),
    ("/sign-up", [422, 422]),
    ("/reset", [422, 422]),
    ("/device", [303, 422]),
    ("/device/approve", [303, 422]),
    ("/device/deny", [303, 422]),
    ("/link/{kind}/{secret}", [410, 410]),
    ("/invitations/{id}/accept", [403, 404]),
    ("/invitations/{id}/decline", [403, 404]),
    ("/settings", [303, 422]),
    ("/settings/email", [303, 422]),
    ("/settings/confirmation", [303, 501]),
    ("/settings/password", [303, 422]),
    ("/settings/second-factor/begin", [303, 200]),
    ("/settings/second-factor/confirm", [303, 422]),
    ("/settings/second-factor/codes", [303, 409]),
    ("/settings/second-factor/remove", [303, 409]),
    ("/settings/second-factor/app/remove", [303, 409]),
    ("/settings/second-factor/passkeys", [303, 501]),
    ("/settings/second-factor/passkeys/begin", [303, 501]),
    ("/settings/second-factor/passkeys/remove", [303, 409]),
    ("/settings/sessions/end-others", [303, 303]),
    ("/settings/sessions/{id}/end", [303, 404]),
    ("/settings/tokens", [303, 422]),
    ("/settings/tokens/{id}/rotate", [303, 404]),
    ("/settings/tokens/{id}/revoke", [303, 404]),
    ("/organizations", [303, 422]),
    ("/organizations/{organization}/members/{account}/role", [303, 403]),
    ("/organizations/{organization}/members/{account}/remove", [303, 403]),
    ("/organizations/{organization}/invitations", [303, 403]),
    ("/organizations/{organization}/invitations/{id}/revoke", [303, 403]),
    ("/organizations/{organization}/teams", [303, 403]),
    ("/organizations/{organization}/teams/{team}/remove", [303, 403]),
    ("/organizations/{organization}/teams/{team}/members", [303, 403]),
    ("/organizations/{organization}/teams/{team}/members/{account}/remove", [303, 403]),
    ("/organizations/{organization}/teams/{team}/roles", [303, 403]),
    ("/organizations/{organization}/teams/{team}/roles/remove", [303, 403]),
    ("/organizations/{organization}/robots", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/disable", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/enable", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/remove", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/tokens", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/tokens/{id}/rotate", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/tokens/{id}/revoke", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/roles", [303, 403]),
    ("/organizations/{organization}/robots/{robot}/roles/remove", [303, 403]),
    ("/organizations/{organization}/tokens", [303, 403]),
    ("/organizations/{organization}/tokens/{id}/rotate", [303, 403]),
    ("/organizations/{organization}/tokens/{id}/revoke", [303, 403]),
    ("/organizations/{organization}/ci", [303, 403]),
];

/// A path with what is in braces replaced.
fn concrete(path: &str) -> String {
    let marks = [
        ("{kind}", "reset"),
        ("{secret}", "nothing"),
        ("{id}", ID),
        ("{organization}", "acme"),
        ("{account}", "owner"),
        ("{provider}", "acme"),
        ("{team}", "web"),
        ("{robot}", "deploy"),
    ];
    marks.iter().fold(path.to_owned(), |path, (mark, value)| path.replace(mark, value))
}

/// A browser: its cookies, and the code of its forms.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookies: String,
    code: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn open(world: &'a World) -> Result<Self> {
        let mut browser = Self { world, cookies: String::new(), code: String::new() };
        browser.look("/reset")?;
        Ok(browser)
    }

    pub(crate) fn logged_in(world: &'a World, name: &str) -> Result<Self> {
        let mut browser = Self::open(world)?;
        let answer =
            browser.send("/login", &format!("name={name}&password={}", PASSWORD.replace(' ', "+")))?.expect(303)?;
        browser.take(&answer);
        browser.look("/reset")?;
        Ok(browser)
    }

    fn look(&mut self, path: &str) -> Result<()> {
        let page = self.get(path)?.expect(200)?;
        self.take(&page);
        let text = page.text();
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").context("a page without a form")?;
        self.code = rest.split('"').next().context("no code")?.to_owned();
        Ok(())
    }

    fn take(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            if let Some(pair) = cookie.split(';').next().filter(|pair| !pair.ends_with('=')) {
                pair.clone_into(&mut self.cookies);
            }
        }
    }

    pub(crate) fn ask(&self, request: Request) -> Result<Answer> {
        self.world.ask(&Shows::Nothing, request.header("Cookie", &self.cookies))
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        self.ask(get(path))
    }

    /// Sends a form as the page has it.
    pub(crate) fn send(&self, path: &str, form: &str) -> Result<Answer> {
        self.ask(self.form(path, form).header("Sec-Fetch-Site", "same-origin"))
    }

    pub(crate) fn form(&self, path: &str, form: &str) -> Request {
        let form = format!("csrf={}&{form}", self.code);
        post(path).header("Content-Type", "application/x-www-form-urlencoded").body(form)
    }
}

/// The methods and paths of the server's pages.
fn routes() -> Vec<(&'static str, String)> {
    let mut routes = Vec::new();
    for part in ROUTES.split(".route(").skip(1) {
        let part = part.split(".route(").next().unwrap_or_default().split('\n').next().unwrap_or_default();
        let Some(path) = part.split('"').nth(1).filter(|path| !path.starts_with("/assets/")) else { continue };
        for method in ["get", "post"] {
            if part.contains(&format!("{method}(")) {
                routes.push((method, path.to_owned()));
            }
        }
    }
    routes
}

#[test]
fn every_page_and_form_is_in_the_table() {
    let routes = routes();
    assert!(routes.len() > 30, "{routes:?}");
    for (method, path) in &routes {
        let known = match *method {
            "get" => PAGES.iter().any(|(page, _)| page == path),
            _ => FORMS.iter().any(|(form, _)| form == path),
        };
        assert!(known, "{method} {path} is not in the table");
    }
    assert_eq!(routes.len(), PAGES.len() + FORMS.len(), "the table has what the server has not");
}

fn world() -> Result<World> {
    let world = World::start()?;
    world.account("owner")?;
    world.account("stranger")?;
    for (path, name) in
        [("organizations", "acme"), ("organizations/acme/teams", "web"), ("namespaces/acme/robots", "deploy")]
    {
        let path = format!("/api/v1/{path}");
        world.done(&Shows::Password("owner"), "POST", path, Some(json!({ "name": name })))?;
    }
    Ok(world)
}

#[test]
fn everybody_on_every_page() -> Result<()> {
    let world = world()?;
    let browsers =
        [Browser::open(&world)?, Browser::logged_in(&world, "stranger")?, Browser::logged_in(&world, "owner")?];
    let mut wrong = Vec::new();
    for (path, expected) in PAGES {
        for (browser, (who, expected)) in browsers.iter().zip(["nobody", "stranger", "owner"].iter().zip(expected)) {
            let answer = browser.get(&concrete(path))?;
            if answer.status != *expected {
                wrong.push(format!("{who} on {path}: {} is not {expected}", answer.status));
            }
            let policy = answer.required("content-security-policy")?;
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
            assert_eq!(answer.header("x-frame-options"), Some("DENY"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(
                answer
                    .header("referrer-policy")
                    .is_some_and(|policy| ["same-origin", "strict-origin"].contains(&policy))
            );
            assert_eq!(answer.header("www-authenticate"), None, "a browser would ask in a window of its own");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn everybody_on_every_form() -> Result<()> {
    let world = world()?;
    let mut wrong = Vec::new();
    for (path, expected) in FORMS {
        let at = concrete(path);
        let browsers = [Browser::open(&world)?, Browser::logged_in(&world, "stranger")?];
        for (browser, (who, expected)) in browsers.iter().zip(["nobody", "stranger"].iter().zip(expected)) {
            let code = post(&at).header("Content-Type", "application/x-www-form-urlencoded");
            // Without the code, with another browser's, from another site, and from who does not say whence.
            let other = Browser::open(&world)?;
            for (why, forged) in [
                ("no code", code.clone().body("name=evil").header("Sec-Fetch-Site", "same-origin")),
                ("another's code", other.form(&at, "").header("Sec-Fetch-Site", "same-origin")),
                ("another site", browser.form(&at, "").header("Sec-Fetch-Site", "cross-site")),
                ("a neighbour", browser.form(&at, "").header("Sec-Fetch-Site", "same-site")),
                ("another origin", browser.form(&at, "").header("Origin", "http://evil.example")),
                ("a hidden origin", browser.form(&at, "").header("Origin", "null")),
                ("no origin", browser.form(&at, "")),
            ] {
                let answer = browser.ask(forged)?;
                if answer.status != 403 || !answer.text().contains("That did not come from here") {
                    wrong.push(format!("{who} with {why} on {path}: {}", answer.status));
                }
            }
            let answer = browser.send(&at, "")?;
            if answer.status != *expected {
                wrong.push(format!("{who} on {path}: {} is not {expected}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_cookie_is_worth_nothing_to_the_api() -> Result<()> {
    let world = world()?;
    let browser = Browser::logged_in(&world, "owner")?;
    browser.ask(get("/api/v1/accounts/owner"))?.expect(401)?;
    browser.ask(get("/v2/acme/private/tags/list"))?.expect(401)?;
    Ok(())
}

#[test]
fn members_see_the_teams_and_nothing_that_is_for_owners() -> Result<()> {
    let world = world()?;
    let owner = Shows::Password("owner");
    world.done(&owner, "PUT", "/api/v1/organizations/acme/teams/web/members/stranger", None)?;
    let grant = json!({ "pattern": "acme/payroll", "role": "read" });
    world.done(&owner, "PUT", "/api/v1/organizations/acme/teams/web/grants", Some(grant))?;
    let member = Browser::logged_in(&world, "stranger")?;
    for path in ["/organizations/acme", "/organizations/acme/teams", "/organizations/acme/teams/web"] {
        let text = member.get(path)?.expect(200)?.text();
        assert!(text.contains("stranger") && !text.contains("/remove\"") && !text.contains("payroll"), "{text}");
        assert!(!text.contains("/organizations/acme/robots"), "what is for owners is not beside it: {text}");
    }
    for path in ["robots", "robots/deploy", "tokens"] {
        member.get(&format!("/organizations/acme/{path}"))?.expect(403)?;
    }
    member.send("/organizations/acme/teams/web/members", "account=owner")?.expect(403)?;
    member.send("/organizations/acme/robots/deploy/tokens", "label=x&scopes=pull&lifetime=7")?.expect(403)?;
    Ok(())
}

#[test]
fn a_list_that_is_longer_than_a_page_goes_on() -> Result<()> {
    let world = world()?;
    let owner = Shows::Password("owner");
    for number in 0..200 {
        let team = json!({ "name": format!("t{number:03}") });
        world.done(&owner, "POST", "/api/v1/organizations/acme/teams", Some(team))?;
    }
    let browser = Browser::logged_in(&world, "owner")?;
    let first = browser.get("/organizations/acme/teams")?.expect(200)?.text();
    assert!(first.contains("/teams/t199\"") && !first.contains("/teams/web\""), "{first}");
    assert!(first.contains("/organizations/acme/teams?after=t199\""), "{first}");
    let rest = browser.get("/organizations/acme/teams?after=t199")?.expect(200)?.text();
    assert!(rest.contains("/teams/web\"") && !rest.contains("/teams/t199\"") && !rest.contains("?after="), "{rest}");
    let nonsense = browser.get("/organizations/acme/teams?after=%3Cscript%3E")?.expect(200)?.text();
    assert!(nonsense.contains("/teams/t000\""), "what is no name is where the list begins: {nonsense}");
    Ok(())
}

#[test]
fn what_is_typed_is_text() -> Result<()> {
    let world = world()?;
    let browser = Browser::logged_in(&world, "owner")?;
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E%22%27";
    for (path, form) in [
        ("/settings/tokens", format!("label={evil}&repositories={evil}&lifetime=7")),
        ("/login", format!("name={evil}")),
        ("/organizations/acme/teams/web/roles", format!("pattern={evil}&role=read")),
        (
            "/organizations/acme/robots/deploy/tokens",
            format!("label={evil}&scopes=pull&repositories={evil}&lifetime=7"),
        ),
    ] {
        let text = browser.send(path, &form)?.text();
        assert!(!text.contains("<script>") && text.contains("alert(1)"), "{text}");
    }
    let text = browser.get("/login?next=%22%3E%3Cscript%3E&done=%3Cscript%3E")?.text();
    assert!(!text.contains("<script"), "{text}");
    let answer = browser.get("/settings?next=%0d%0aSet-Cookie:%20entrepot=x")?;
    assert!(answer.header("set-cookie").is_none());
    let large = format!("label={}", "a".repeat(70_000));
    browser.send("/settings/tokens", &large)?.expect(413)?;
    Ok(())
}

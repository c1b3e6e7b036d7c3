//! Letters with links, through a real SMTP server: they arrive, and what they link to works once.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use entrepot_test_harness::{get, post};
use entrepot_test_support::servers::{KeptLetter, Smtp, SmtpSecurity};
use serde_json::{Value, json};

use crate::links::secret_of;
use crate::world::{PASSWORD, ROOT, Shows, World, with_json};

const URL: &str = "https://registry.acme.example";

/// A registry that sends letters, and where they go.
struct Post {
    world: World,
    server: Smtp,
}

impl Post {
    fn start(sign_up: &str) -> Result<Option<Self>> {
        let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(None) };
        let port = server.address().port().to_string();
        let settings = [
            ("ENTREPOT_MAIL_HOST", "127.0.0.1"),
            ("ENTREPOT_MAIL_PORT", &port),
            ("ENTREPOT_MAIL_SECURITY", "none"),
            ("ENTREPOT_MAIL_FROM", "registry@acme.example"),
            ("ENTREPOT_HTTP_PUBLIC_URL", URL),
            ("ENTREPOT_ACCESS_SIGN_UP", sign_up),
        ];
        Ok(Some(Self { world: World::with(&settings)?, server }))
    }

    /// The secret of the `count`th letter to somebody, whose link leads to the page of a `kind`. Something that looks into letters follows
    /// the link before its reader does.
    fn secret(&self, to: &str, count: usize, kind: &str) -> Result<String> {
        let letter = self.letter(to, count)?;
        let link = letter.link().context("no link")?;
        let path = link.strip_prefix(URL).with_context(|| link.to_owned())?;
        assert!(path.starts_with(&format!("/link/{kind}/")), "{path}");
        for _ in 0..2 {
            self.world.ask(&Shows::Nothing, get(path))?;
        }
        secret_of(link)
    }

    fn letter(&self, to: &str, count: usize) -> Result<KeptLetter> {
        self.server.wait_for_letters(to, count)?.pop().context("no letter")
    }

    /// Asks as nobody.
    fn nobody(&self, path: &str, body: Value) -> Result<u16> {
        Ok(self.world.ask(&Shows::Nothing, with_json(post(path), &body))?.status)
    }
}

#[test]
fn an_account_that_somebody_asks_for() -> Result<()> {
    let Some(post) = Post::start("on")? else { return Ok(()) };
    let ask = json!({ "name": "ann", "email": "Ann@acme.example", "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/sign-up", ask.clone())?, 204);
    let older = post.secret("Ann@acme.example", 1, "sign-up")?;
    assert_eq!(post.nobody("/api/v1/sign-up", ask)?, 204);
    let secret = post.secret("Ann@acme.example", 2, "sign-up")?;
    let ann = Shows::Password("ann");
    post.world.ask(&ann, get("/api/v1/me"))?.expect(401)?;
    assert_eq!(post.nobody("/api/v1/links/sign-up", json!({ "secret": older }))?, 410);
    assert_eq!(post.nobody("/api/v1/links/sign-up", json!({ "secret": secret }))?, 201);
    assert_eq!(post.nobody("/api/v1/links/sign-up", json!({ "secret": secret }))?, 410);
    let account = post.world.done(&ann, "GET", "/api/v1/accounts/ann", None)?;
    assert_eq!((&account["email_confirmed"], &account["administrator"]), (&json!(true), &json!(false)));
    let taken = json!({ "name": "ann", "email": "eve@acme.example", "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/sign-up", taken)?, 409);
    // Some letters later it is enough.
    let again = json!({ "name": "more", "email": "Ann@acme.example", "password": PASSWORD });
    let answers: Vec<_> = (0..4).map(|_| post.nobody("/api/v1/sign-up", again.clone())).collect::<Result<_>>()?;
    assert_eq!(answers, [204, 204, 204, 429]);
    Ok(())
}

#[test]
fn only_people_of_a_domain_sign_up() -> Result<()> {
    let Some(post) = Post::start("acme.example b.example")? else { return Ok(()) };
    let ask =
        |name: &str, domain: &str| json!({ "name": name, "email": format!("{name}@{domain}"), "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/sign-up", ask("eve", "evil.example"))?, 422);
    assert_eq!(post.nobody("/api/v1/sign-up", ask("eve", "acme.example.evil.example"))?, 422);
    assert_eq!(post.nobody("/api/v1/sign-up", ask("ben", "b.example"))?, 204);
    post.secret("ben@b.example", 1, "sign-up")?;
    Ok(())
}

#[test]
fn an_address_is_confirmed_and_then_a_password_is_chosen() -> Result<()> {
    let Some(post) = Post::start("off")? else { return Ok(()) };
    let world = &post.world;
    let new = json!({ "name": "ann", "email": "ann@acme.example" });
    world.root("POST", "/api/v1/accounts", Some(new))?;
    let first = post.secret("ann@acme.example", 1, "confirm")?;
    // Until it is confirmed, no link to a password goes there; the answer is the same.
    let forgotten = json!({ "email": "ann@acme.example" });
    assert_eq!(post.nobody("/api/v1/reset", forgotten.clone())?, 204);
    world.root("POST", "/api/v1/accounts/ann/confirmation", None)?;
    let secret = post.secret("ann@acme.example", 2, "confirm")?;
    assert_eq!(post.nobody("/api/v1/links/confirm", json!({ "secret": first }))?, 410, "a newer one took its place");
    assert_eq!(post.nobody("/api/v1/links/confirm", json!({ "secret": secret }))?, 200);
    assert_eq!(post.nobody("/api/v1/links/confirm", json!({ "secret": secret }))?, 410);
    assert_eq!(world.root("GET", "/api/v1/accounts/ann", None)?["email_confirmed"], true);
    let nothing_left =
        world.ask(&Shows::Password(ROOT), entrepot_test_harness::post("/api/v1/accounts/ann/confirmation"))?;
    assert_eq!(nothing_left.status, 409);

    assert_eq!(post.nobody("/api/v1/reset", forgotten)?, 204);
    assert_eq!(post.nobody("/api/v1/reset", json!({ "email": "nobody@acme.example" }))?, 204);
    let secret = post.secret("ann@acme.example", 3, "reset")?;
    let choose = json!({ "secret": secret, "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/links/reset", choose.clone())?, 200);
    assert_eq!(post.nobody("/api/v1/links/reset", choose)?, 410);
    world.done(&Shows::Password("ann"), "GET", "/api/v1/me", None)?;
    assert!(post.letter("ann@acme.example", 4)?.text.contains("was changed"));

    // Another address: the old one is told, the new one is asked.
    let change = json!({ "email": "ann@b.example", "current_password": PASSWORD });
    world.done(&Shows::Password("ann"), "PATCH", "/api/v1/accounts/ann", Some(change))?;
    assert!(post.letter("ann@acme.example", 5)?.text.contains("Another e-mail address was given"));
    let secret = post.secret("ann@b.example", 1, "confirm")?;
    assert_eq!(post.nobody("/api/v1/links/confirm", json!({ "secret": secret }))?, 200);
    let letters = post.server.letters()?;
    assert!(!letters.iter().any(|letter| letter.to == ["nobody@acme.example"]));
    Ok(())
}

#[test]
fn a_forgotten_password_tells_nobody_who_has_an_account() -> Result<()> {
    let Some(post) = Post::start("off")? else { return Ok(()) };
    post.world.account("ann")?;
    let secret = post.secret("ann@acme.example", 1, "confirm")?;
    assert_eq!(post.nobody("/api/v1/links/confirm", json!({ "secret": secret }))?, 200);
    let asked = |email: &str| -> Result<(u16, String)> {
        let body = json!({ "email": email });
        let answer = post.world.ask(&Shows::Nothing, with_json(entrepot_test_harness::post("/api/v1/reset"), &body))?;
        Ok((answer.status, answer.text()))
    };
    // Also when they have got all the letters that they get.
    for _ in 0..8 {
        assert_eq!(asked("ann@acme.example")?, asked("nobody@acme.example")?);
    }
    post.secret("ann@acme.example", 2, "reset")?;
    sleep(Duration::from_secs(1));
    let count = post.server.letters()?.iter().filter(|letter| letter.to == ["ann@acme.example"]).count();
    assert!(count <= 5, "{count} letters to one address");
    Ok(())
}

#[test]
fn an_invitation_to_an_address() -> Result<()> {
    let Some(post) = Post::start("off")? else { return Ok(()) };
    let world = &post.world;
    world.account("ben")?;
    world.root("POST", "/api/v1/organizations", Some(json!({ "name": "acme" })))?;
    world.root("POST", "/api/v1/organizations/acme/teams", Some(json!({ "name": "ops" })))?;
    let path = "/api/v1/organizations/acme/invitations";
    let invite = |email: &str| world.root("POST", path, Some(json!({ "email": email, "team": "ops" })));

    // An account is made by it, though nobody signs up here.
    invite("ann@b.example")?;
    let letter = post.letter("ann@b.example", 1)?;
    assert!(letter.text.contains("root invites you to the team ops of the organization acme"), "{}", letter.text);
    let secret = post.secret("ann@b.example", 1, "invitation")?;
    let look = json!({ "kind": "invitation", "secret": secret });
    let seen = world.done(&Shows::Nothing, "POST", "/api/v1/links/look", Some(look))?;
    assert_eq!((&seen["invitation"]["organization"], &seen["invitation"]["team"]), (&json!("acme"), &json!("ops")));
    let join = json!({ "secret": secret, "name": "ann", "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/links/join", join.clone())?, 201);
    assert_eq!(post.nobody("/api/v1/links/join", join)?, 410);
    let ann = Shows::Password("ann");
    assert_eq!(world.done(&ann, "GET", "/api/v1/organizations/acme", None)?["name"], "acme");
    assert_eq!(world.done(&ann, "GET", "/api/v1/accounts/ann", None)?["email_confirmed"], true);

    // Who has an account accepts with it, wherever the letter went.
    invite("b@c.example")?;
    let secret = post.secret("b@c.example", 1, "invitation")?;
    let accept = |shows: &Shows| {
        world.ask(shows, with_json(entrepot_test_harness::post("/api/v1/links/accept"), &json!({ "secret": secret })))
    };
    accept(&Shows::Nothing)?.expect(401)?;
    accept(&Shows::Password("ben"))?.expect(200)?;
    accept(&Shows::Password("ben"))?.expect(410)?;
    accept(&ann)?.expect(410)?;

    // One that is taken back does nothing.
    let made = invite("eve@d.example")?;
    let secret = post.secret("eve@d.example", 1, "invitation")?;
    world.root("DELETE", format!("{path}/{}", made["id"].as_str().context("no id")?), None)?;
    let join = json!({ "secret": secret, "name": "eve", "password": PASSWORD });
    assert_eq!(post.nobody("/api/v1/links/join", join)?, 410);

    // A letter that does not go out leaves no invitation.
    let refused = world.ask(
        &Shows::Password(ROOT),
        with_json(entrepot_test_harness::post(path), &json!({ "email": "refused@d.example" })),
    )?;
    assert_eq!(refused.status, 503);
    assert_eq!(world.root("GET", path, None)?["items"], json!([]));
    Ok(())
}

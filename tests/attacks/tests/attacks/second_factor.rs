//! The second factor: used again, guessed, and gone around.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Answer, Request, get, post};
use entrepot_test_people::PASSWORD;
use totp_rs::Totp;

use crate::browser::{Browser, between};
use crate::{PRIVATE, Scene, basic, token_form, with};

/// What somebody has on their telephone and on paper.
struct Factor {
    secret: String,
    recovery: Vec<String>,
}

impl Factor {
    /// Set up by ann; the code of now is used up by that.
    fn of_ann(scene: &Scene) -> Result<Self> {
        let mut ann = Browser::in_which(scene, "ann")?;
        let begun = ann.send("/settings/second-factor", "/settings/second-factor/begin", &[])?.expect(200)?;
        let secret = between(&begun.text(), "data-once>", "<")?;
        let factor = Self { secret, recovery: Vec::new() };
        let code = factor.code(Duration::ZERO)?;
        let shown = ann.send("/settings/second-factor", "/settings/second-factor/confirm", &[("code", &code)])?;
        let list = between(&shown.expect(200)?.text(), "<ol class=\"codes\">", "</ol>")?;
        let recovery = list.split("<li>").filter_map(|item| item.strip_suffix("</li>")).map(str::to_owned).collect();
        Ok(Self { recovery, ..factor })
    }

    /// The code of now, or of a while ahead.
    fn code(&self, ahead: Duration) -> Result<String> {
        let totp = Totp::from_url(format!("otpauth://totp/acme:ann?secret={}&issuer=acme", self.secret))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + ahead;
        Ok(totp.generate(now.as_secs()).to_string())
    }

    fn recovery(&self, index: usize) -> Result<&str> {
        self.recovery.get(index).map(String::as_str).context("there are not so many codes")
    }
}

/// Somebody has to begin again, with the password.
fn sent_back(answer: &Answer) -> Result<()> {
    let to = answer.header("location").unwrap_or_default();
    ensure!(answer.status == 303 && to.starts_with("/login"), "{} to {to:?}", answer.status);
    Ok(())
}

/// A code of the next step is taken too, so that no test has to wait for one.
const NEXT: Duration = Duration::from_secs(30);

#[test]
fn nothing_is_good_twice() -> Result<()> {
    let scene = Scene::start()?;
    let factor = Factor::of_ann(&scene)?;
    ensure!(factor.recovery.len() == 10, "{} codes", factor.recovery.len());
    let mut ann = Browser::of(&scene);
    let waiting = ann.half_way("ann")?;
    ensure!(!ann.is_in()?, "the password alone let her in");
    let code = factor.code(NEXT)?;
    ann.prove(&waiting, &code)?.expect(303)?;
    ensure!(ann.is_in()?);

    // Somebody who has looked over her shoulder has all of it: the password, the code, and the page in which it was typed.
    let mut thief = Browser::of(&scene);
    sent_back(&thief.prove(&waiting, &code)?)?;
    sent_back(&thief.prove(&waiting, factor.recovery(0)?)?)?;
    let own = thief.half_way("ann")?;
    thief.prove(&own, &code)?.expect(422)?;
    ensure!(!thief.is_in()?, "a code was taken twice");

    let mut ann = Browser::of(&scene);
    let waiting = ann.half_way("ann")?;
    ann.prove(&waiting, factor.recovery(0)?)?.expect(303)?;
    thief.prove(&own, factor.recovery(0)?)?.expect(422)?;
    ensure!(ann.is_in()? && !thief.is_in()?, "a recovery code was taken twice");
    Ok(())
}

#[test]
fn a_password_is_good_for_a_few_guesses() -> Result<()> {
    let scene = Scene::start()?;
    let factor = Factor::of_ann(&scene)?;
    let mut mallory = Browser::of(&scene);
    let waiting = mallory.half_way("ann")?;
    for _ in 0..5 {
        mallory.prove(&waiting, "00000a")?.expect(422)?;
    }
    sent_back(&mallory.prove(&waiting, factor.recovery(0)?)?)?;
    ensure!(!mallory.is_in()?, "a sixth guess was looked at");
    // With the password again and again it becomes slow, whatever is shown.
    let mut slowed = false;
    for _ in 0..3 {
        let again = mallory.log_in("ann")?;
        slowed |= again.status == 429;
        let Ok(waiting) = between(&again.text(), "name=\"waiting\" value=\"", "\"") else { break };
        for _ in 0..5 {
            slowed |= mallory.prove(&waiting, "00000a")?.status == 429;
        }
    }
    ensure!(slowed, "fifteen guesses and more were looked at");
    ensure!(!mallory.is_in()?);
    Ok(())
}

#[test]
fn a_password_that_was_found_is_not_enough_anywhere() -> Result<()> {
    let scene = Scene::start()?;
    let manifest = get(format!("/v2/{PRIVATE}/manifests/v1"));
    scene.ask_as("ann", manifest.clone())?.expect(200)?;
    let identity = scene.identity_token()?;
    Factor::of_ann(&scene)?;

    let grant =
        format!("grant_type=password&client_id=docker&service=entrepot&username=ann&password={}", plus(PASSWORD));
    let hub = format!(r#"{{"username":"ann","password":"{PASSWORD}"}}"#);
    let ways: [Request; 5] = [
        with(get("/v2/"), &basic("ann", PASSWORD)),
        with(manifest, &basic("ann", PASSWORD)),
        with(get("/api/v1/me"), &basic("ann", PASSWORD)),
        token_form(&grant),
        post("/v2/users/login").header("Content-Type", "application/json").body(hub),
    ];
    for way in ways {
        let what = way.target().to_owned();
        let refused = scene.ask(&way)?;
        ensure!(refused.status == 401, "{what}: {} {}", refused.status, refused.text());
        ensure!(refused.text().contains("access token"), "{what} does not say what to do: {}", refused.text());
    }
    // Who does not know the password does not hear that there is a second factor.
    let guessed = scene.ask(&with(get("/v2/"), &basic("ann", "wrong horse battery")))?.expect(401)?;
    ensure!(!guessed.text().contains("second factor"), "{}", guessed.text());
    // What she had given out before goes on.
    let token = scene.people.token("ann", "pull", &[])?;
    scene.ask(&with(get(format!("/v2/{PRIVATE}/tags/list")), &basic("ann", &token.secret)))?.expect(200)?;
    let form = format!("grant_type=refresh_token&client_id=docker&service=entrepot&refresh_token={identity}");
    scene.ask(&token_form(&form))?.expect(200).map(drop)
}

fn plus(text: &str) -> String {
    text.replace(' ', "+")
}

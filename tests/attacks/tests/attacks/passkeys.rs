//! Passkeys: forged, replayed, taken from elsewhere. What is shown has a real key; only what it says is changed.

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::Answer;
use entrepot_test_people::PASSWORD;
use entrepot_test_support::passkey::{PRESENT, SoftPasskey, VERIFIED};

use crate::Scene;
use crate::browser::{Browser, between};

const HOST: &str = "localhost:5000";
const ORIGIN: &str = "http://localhost:5000";
const SETTINGS: &str = "/settings/second-factor";

fn scene() -> Result<Scene> {
    Scene::with(&[("ENTREPOT_HTTP_PUBLIC_URL", ORIGIN)])
}

impl<'a> Browser<'a> {
    fn here(scene: &'a Scene) -> Self {
        let mut browser = Self::of(scene);
        browser.host = Some(HOST);
        browser
    }

    /// Makes a passkey for somebody who has no second factor yet, and stays logged in.
    fn with_passkey(scene: &'a Scene, name: &str) -> Result<(Self, SoftPasskey)> {
        let mut browser = Self::here(scene);
        browser.log_in(name)?.expect(303)?;
        let begin = format!("{SETTINGS}/passkeys/begin");
        let begun = browser.send(SETTINGS, &begin, &[("current_password", PASSWORD)])?.expect(200)?;
        let (passkey, answer) = SoftPasskey::make(&options(&begun)?, ORIGIN)?;
        let made = [("label", "laptop"), ("passkey", answer.as_str())];
        browser.send(SETTINGS, &format!("{SETTINGS}/passkeys"), &made)?.expect(200)?;
        Ok((browser, passkey))
    }

    /// What a browser is told that wants to log in with a passkey alone.
    fn asks(&mut self) -> Result<String> {
        options(&self.send("/login", "/login/passkey/begin", &[])?.expect(200)?)
    }

    fn shows(&mut self, answer: &str) -> Result<Answer> {
        self.send("/login", "/login/passkey", &[("passkey", answer)])
    }

    /// Whether a passkey lets somebody in, from the beginning.
    fn comes_in(&mut self, passkey: &SoftPasskey) -> Result<bool> {
        self.cookies.clear();
        let options = self.asks()?;
        self.shows(&passkey.show(&options)?)?.expect(303)?;
        self.is_in()
    }

    fn half(&mut self, name: &str) -> Result<(String, String)> {
        let page = self.log_in(name)?.expect(200)?;
        Ok((between(&page.text(), "name=\"waiting\" value=\"", "\"")?, options(&page)?))
    }

    fn shows_after_password(&mut self, waiting: &str, answer: &str) -> Result<Answer> {
        self.send("/login", "/login/second-factor", &[("waiting", waiting), ("passkey", answer)])
    }
}

/// What a page tells the browser.
fn options(page: &Answer) -> Result<String> {
    let options = between(&page.text(), "data-passkey=\"", "\"")?;
    Ok(options.replace("&#34;", "\"").replace("&quot;", "\""))
}

#[test]
fn what_a_passkey_has_said_is_good_once_and_in_one_browser() -> Result<()> {
    let scene = scene()?;
    let (_, passkey) = Browser::with_passkey(&scene, "ann")?;
    let mut ann = Browser::here(&scene);
    let answer = passkey.show(&ann.asks()?)?;
    let mut thief = Browser::here(&scene);
    thief.asks()?;
    thief.shows(&answer)?.expect(303)?;
    ensure!(!thief.is_in()?, "another browser came in with it");
    ann.shows(&answer)?.expect(303)?;
    ensure!(ann.is_in_as("ann")?);
    let mut again = Browser::here(&scene);
    again.cookies.clone_from(&ann.cookies);
    again.cookies.remove(crate::browser::SESSION);
    again.shows(&answer)?.expect(303)?;
    ensure!(!again.is_in()?, "it was taken twice");

    // What was made for the second step does nothing in the first, and the other way round.
    let mut ann = Browser::here(&scene);
    let (waiting, asked) = ann.half("ann")?;
    ann.shows(&passkey.show(&asked)?)?.expect(303)?;
    ensure!(!ann.is_in()?);
    let alone = ann.asks()?;
    ann.shows_after_password(&waiting, &passkey.show(&alone)?)?.expect(422)?;
    ensure!(!ann.is_in()?);
    let (waiting, asked) = ann.half("ann")?;
    let answer = passkey.show(&asked)?;
    ann.shows_after_password(&waiting, &answer)?.expect(303)?;
    ensure!(ann.is_in_as("ann")?);
    let (other, _) = thief.half("ann")?;
    thief.shows_after_password(&other, &answer)?.expect(422)?;
    ensure!(!thief.is_in()?, "it was taken twice after the password");
    Ok(())
}

#[test]
fn nobody_comes_in_with_what_another_site_was_told() -> Result<()> {
    let scene = scene()?;
    let (_, mut passkey) = Browser::with_passkey(&scene, "ann")?;
    let mut browser = Browser::here(&scene);
    ensure!(browser.comes_in(&passkey)?);
    let right = passkey.words.clone();
    for origin in
        ["http://localhost:5001", "https://localhost:5000", "http://evil.example", "http://localhost:5000.evil.example"]
    {
        passkey.words.origin = origin.to_owned();
        ensure!(!browser.comes_in(&passkey)?, "a page of {origin} has asked");
    }
    passkey.words.clone_from(&right);
    passkey.words.site = "evil.example".to_owned();
    ensure!(!browser.comes_in(&passkey)?, "it was used for another site");
    passkey.words.clone_from(&right);
    passkey.words.challenge = Some("A".repeat(43));
    ensure!(!browser.comes_in(&passkey)?, "it has signed what it liked");
    for flags in [0, PRESENT, VERIFIED] {
        passkey.words.clone_from(&right);
        passkey.words.flags = flags;
        ensure!(!browser.comes_in(&passkey)?, "{flags} is not enough to come in by it alone");
    }
    passkey.words.clone_from(&right);
    passkey.words.user = None;
    ensure!(!browser.comes_in(&passkey)?, "it does not say whose it is");
    passkey.words.clone_from(&right);
    ensure!(!browser.is_in()?);
    Ok(())
}

#[test]
fn nobody_comes_in_with_the_passkey_of_another() -> Result<()> {
    let scene = scene()?;
    let (mut ann, of_ann) = Browser::with_passkey(&scene, "ann")?;
    let (mut mallory, mut own) = Browser::with_passkey(&scene, "mallory")?;

    // With ann's password and a passkey of her own.
    let mut browser = Browser::here(&scene);
    let (waiting, asked) = browser.half("ann")?;
    browser.shows_after_password(&waiting, &own.show(&asked)?)?.expect(422)?;
    ensure!(!browser.is_in()?);
    // One that says it is ann's, but has not her key.
    own.pretend(&of_ann);
    let (waiting, asked) = browser.half("ann")?;
    browser.shows_after_password(&waiting, &own.show(&asked)?)?.expect(422)?;
    ensure!(!browser.is_in()? && !browser.comes_in(&own)?);

    // Registering it for herself gives her nothing either.
    let page = mallory.look(SETTINGS)?;
    ensure!(page.text().contains("laptop"), "her own is there");
    ensure!(!mallory.is_in_as("ann")?);

    // Taken away is taken away, also while it is being used.
    let mut late = Browser::here(&scene);
    let asked_before = late.asks()?;
    let answer = of_ann.show(&asked_before)?;
    let shown = ann.look(SETTINGS)?;
    let id = between(&shown.text(), "<option value=\"", "\"")?;
    let again = of_ann.show(&options(&shown)?)?;
    let remove = [("id", id.as_str()), ("passkey", again.as_str())];
    ann.send("/settings", &format!("{SETTINGS}/passkeys/remove"), &remove)?.expect(303)?;
    late.shows(&answer)?.expect(303)?;
    ensure!(!late.is_in()? && !late.comes_in(&of_ann)?);
    Ok(())
}

#[test]
fn who_finds_a_browser_adds_no_passkey() -> Result<()> {
    let scene = scene()?;
    let mut browser = Browser::here(&scene);
    browser.log_in("ann")?.expect(303)?;
    let begin = format!("{SETTINGS}/passkeys/begin");
    for shown in [&[][..], &[("current_password", "wrong horse battery")], &[("code", "000000")]] {
        let refused = browser.send(SETTINGS, &begin, shown)?.expect(422)?;
        ensure!(!refused.text().contains("attestation"), "{shown:?}: it has begun");
    }
    let (mut ann, passkey) = Browser::with_passkey(&scene, "ann")?;
    for shown in [&[("current_password", PASSWORD)][..], &[("code", "000000")], &[("passkey", "{}")]] {
        ann.send(SETTINGS, &begin, shown)?.expect(422)?;
    }
    let shown = ann.look(SETTINGS)?;
    let again = passkey.show(&options(&shown)?)?;
    let begun = ann.send("/settings", &begin, &[("passkey", &again)])?.expect(200)?;
    // What was made for another site, or for nothing that was asked, is not kept.
    let (_, elsewhere) = SoftPasskey::make(&options(&begun)?, "http://evil.example")?;
    let add = format!("{SETTINGS}/passkeys");
    ann.send("/settings", &add, &[("label", "evil"), ("passkey", &elsewhere)])?;
    let page = ann.look(SETTINGS)?.text();
    ensure!(!page.contains("evil"), "{page}");
    Ok(())
}

#[test]
fn a_copy_of_a_passkey_is_refused_and_in_the_log() -> Result<()> {
    let scene = scene()?;
    let (_, mut passkey) = Browser::with_passkey(&scene, "ann")?;
    let mut browser = Browser::here(&scene);
    passkey.words.counter = 7;
    ensure!(browser.comes_in(&passkey)?);
    ensure!(!browser.comes_in(&passkey)?, "the same count twice");
    passkey.words.counter = 6;
    ensure!(!browser.comes_in(&passkey)?, "the count went back");
    let output = scene.registry.command("audit --target ann").output()?;
    let log = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && log.matches("counter went back").count() == 2, "{log}");
    passkey.words.counter = 8;
    ensure!(browser.comes_in(&passkey)?);
    let page = browser.look("/settings/sessions")?.text();
    page.contains("by passkey").then_some(()).context(page)
}

#[test]
fn what_an_administrator_took_away_lets_nobody_in() -> Result<()> {
    let scene = scene()?;
    let (_, passkey) = Browser::with_passkey(&scene, "ann")?;
    let mut browser = Browser::here(&scene);
    let asked_before = browser.asks()?;
    let output = scene.registry.command("user reset-second-factor ann").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    browser.shows(&passkey.show(&asked_before)?)?.expect(303)?;
    ensure!(!browser.is_in()? && !browser.comes_in(&passkey)?);
    browser.log_in("ann")?.expect(303)?;
    ensure!(browser.is_in_as("ann")?, "the password alone lets her in");
    let output = scene.registry.command("audit --target ann").output()?;
    let log = String::from_utf8(output.stdout)?;
    ensure!(log.contains("second_factor.off"), "{log}");
    Ok(())
}

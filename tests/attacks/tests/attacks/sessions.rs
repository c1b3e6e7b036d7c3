//! Sessions of browsers: planted, kept after they have ended, and shown where they do not belong.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::get;

use crate::browser::{Browser, SESSION};
use crate::{PRIVATE, Scene, basic, bearer, with};

#[test]
fn a_session_cannot_be_planted() -> Result<()> {
    let scene = Scene::start()?;
    let mut mallory = Browser::in_which(&scene, "mallory")?;
    let made_up = "A".repeat(43);
    for planted in [mallory.cookies[SESSION].clone(), made_up] {
        let mut ann = Browser::of(&scene);
        ann.cookies.insert(SESSION.to_owned(), planted.clone());
        // The form comes from the planted browser; what she gets in it is hers alone.
        ann.log_in("ann")?.expect(303)?;
        ensure!(ann.cookies[SESSION] != planted, "she goes on with a session that somebody else knows");
        ensure!(ann.is_in_as("ann")?);
        let mut thief = Browser::of(&scene);
        thief.cookies.insert(SESSION.to_owned(), planted);
        ensure!(!thief.is_in_as("ann")?, "the planted one became hers");
    }
    ensure!(mallory.is_in_as("mallory")?, "mallory is who he was");
    Ok(())
}

#[test]
fn what_was_before_the_log_in_is_worth_nothing_after_it() -> Result<()> {
    let scene = Scene::start()?;
    let mut ann = Browser::of(&scene);
    ann.look("/login")?.expect(200)?;
    let before = ann.cookies.clone();
    ensure!(!before.is_empty(), "the form belongs to a browser");
    ann.log_in("ann")?.expect(303)?;
    for value in before.values() {
        let mut thief = Browser::of(&scene);
        thief.cookies.insert(SESSION.to_owned(), value.clone());
        ensure!(!thief.is_in()?, "a cookie from before is a session");
        ensure!(ann.cookies.values().all(|now| now != value), "a cookie stayed the same");
    }
    Ok(())
}

#[test]
fn a_session_that_has_ended_is_nobody() -> Result<()> {
    let scene = Scene::start()?;
    let (mut here, mut there) = (Browser::in_which(&scene, "ann")?, Browser::in_which(&scene, "ann")?);
    let kept = here.cookies.clone();
    ensure!(here.is_in()? && there.is_in()?);
    here.send("/settings", "/logout", &[])?.expect(303)?;
    here.cookies = kept.clone();
    ensure!(!here.is_in()?, "the cookie still works after the log-out");
    ensure!(there.is_in()?, "the other browser was not logged out");

    let mut again = Browser::in_which(&scene, "ann")?;
    again.send("/settings/sessions", "/settings/sessions/end-others", &[])?.expect(303)?;
    ensure!(again.is_in()? && !there.is_in()?);
    let kept = again.cookies.clone();
    // As an administrator does it who has heard of a theft.
    scene.people.disable("ann")?;
    let since = Instant::now();
    let mut thief = Browser::of(&scene);
    thief.cookies = kept;
    while thief.is_in()? {
        ensure!(since.elapsed() < Duration::from_secs(1), "the session of a disabled account works");
    }
    Ok(())
}

#[test]
fn a_session_is_for_pages_alone() -> Result<()> {
    let mut scene = Scene::start()?;
    let secret = Browser::in_which(&scene, "ann")?.cookies[SESSION].clone();
    let manifest = get(format!("/v2/{PRIVATE}/manifests/v1"));
    for authorization in [bearer(&secret), basic("ann", &secret), basic("<token>", &secret)] {
        scene.ask(&with(manifest.clone(), &authorization))?.expect(401)?;
        scene.ask(&with(get("/api/v1/accounts/ann"), &authorization))?.expect(401)?;
    }
    // Other sites can have a browser send its cookies, so the API does not know them.
    for path in ["/api/v1/accounts/ann", "/api/v1/accounts/ann/sessions", "/v2/"] {
        scene.ask(&get(path).header("Cookie", format!("{SESSION}={secret}")))?.expect(401)?;
    }
    let cookie = format!("{SESSION}={secret}");
    scene.ask(&manifest.header("Cookie", cookie))?.expect(401)?;
    ensure!(!scene.registry.log().contains(&secret), "the session is in the log");
    Ok(())
}

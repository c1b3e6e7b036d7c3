//! What is shown to prove who one is: broken, stolen, old, or meant for something else.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entrepot_test_harness::get;
use entrepot_test_people::PASSWORD;

use crate::{PRIVATE, PUBLIC, SECRET, Scene, basic, bearer, reads, token_form, with};

#[test]
fn nonsense_proves_nothing_and_breaks_nothing() -> Result<()> {
    let mut scene = Scene::start()?;
    let encoded = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    let values = [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!!".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer a.b.c".to_owned(),
        "Bearer ..".to_owned(),
        "Bearer ept_".to_owned(),
        "Digest username=\"ann\"".to_owned(),
        "Negotiate abc".to_owned(),
        "null".to_owned(),
        encoded(b""),
        encoded(b"ann"),
        encoded(b":"),
        encoded(b"ann:"),
        encoded(b":correct horse battery"),
        encoded(b"ann\0:correct horse battery"),
        encoded(b"ann:correct horse battery\0"),
        encoded(b"a\0nn:x"),
        encoded(b"\xff\xfe:\xff"),
        encoded(b"ann:\xc3\x28"),
        encoded("a\u{2028}nn:\u{0}".as_bytes()),
        encoded(b"ann\r\nX-Evil: 1:x"),
        encoded(b"ANN:correct horse battery"),
        encoded(b" ann:correct horse battery"),
        encoded(format!("{}:x", "a".repeat(8000)).as_bytes()),
        encoded(format!("ann:{}", "x".repeat(8000)).as_bytes()),
        bearer(&"x.".repeat(4000)),
    ];
    for value in values {
        for request in [get("/v2/"), get(format!("/v2/{PUBLIC}/manifests/v1")), get("/token?service=entrepot")] {
            let answer = scene.ask(&with(request.clone(), &value))?;
            // After ten wrong guesses the address has to wait.
            ensure!(matches!(answer.status, 401 | 429), "{value:.60}: {} {}", answer.status, answer.text());
            ensure!(answer.header("x-evil").is_none());
            ensure!(!answer.text().contains("correct horse"), "{}", answer.text());
        }
    }
    ensure!(!scene.registry.log().contains("correct horse"), "a password is in the log");
    Ok(())
}

#[test]
fn huge_headers_are_refused_and_the_server_goes_on() -> Result<()> {
    let scene = Scene::start()?;
    for length in [20_000, 70_000, 1_000_000] {
        for value in [bearer(&"x".repeat(length)), format!("Basic {}", STANDARD.encode("a".repeat(length)))] {
            // It may say so, or hang up before all is sent.
            if let Ok(answer) = scene.ask(&with(get("/v2/"), &value)) {
                ensure!(matches!(answer.status, 401 | 429 | 431), "{length}: {}", answer.status);
            }
        }
    }
    let many: String = (0..2000).map(|number| format!("username=u{number}&")).collect();
    let answer = scene.ask(&token_form(&format!("{many}grant_type=password&username=ann&password=x")))?;
    ensure!(matches!(answer.status, 400 | 401 | 422), "{}", answer.status);
    let answer =
        scene.ask(&token_form(&format!("grant_type=password&username=ann&password={}", "x".repeat(200_000))))?;
    ensure!(matches!(answer.status, 400 | 413), "{}", answer.status);
    scene.ask_as("ann", get(format!("/v2/{PRIVATE}/manifests/v1")))?.expect(200).map(drop)
}

#[test]
fn guessing_is_slowed_and_does_not_lock_the_owner_out() -> Result<()> {
    let scene = Scene::with(&[("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1")])?;
    let manifest = get(format!("/v2/{PRIVATE}/manifests/v1"));
    let from = |address: &str, password: &str| {
        scene.ask(&with(manifest.clone(), &basic("ann", password)).header("X-Forwarded-For", address))
    };
    from("192.0.2.1", PASSWORD)?.expect(200)?;
    let mut slowed = None;
    for number in 0..15 {
        let answer = from("198.51.100.9", &format!("guess number {number}"))?;
        match answer.status {
            401 => {}
            429 => slowed = Some(answer),
            other => anyhow::bail!("{other}: {}", answer.text()),
        }
    }
    let Some(slowed) = slowed else { anyhow::bail!("fifteen guesses were looked at") };
    let after: u64 = slowed.required("retry-after")?.parse()?;
    ensure!((1..=6).contains(&after), "{after}");
    ensure!(slowed.code()? == "TOOMANYREQUESTS", "{}", slowed.text());
    // Where hashing is slow, another guess may have become free meanwhile.
    while from("198.51.100.9", "one more guess")?.status == 401 {}
    // The right one is not looked at either, though the owner's is remembered.
    from("198.51.100.9", PASSWORD)?.expect(429)?;
    from("192.0.2.1", PASSWORD)?.expect(200)?;
    // Somebody who writes another address into the header each time is still one, unless a trusted proxy wrote it.
    for number in 0..3 {
        let spoofed = with(manifest.clone(), &basic("ann", "guess again"));
        scene.ask(&spoofed.header("X-Forwarded-For", format!("203.0.113.{number}, 198.51.100.9")))?.expect(429)?;
    }
    Ok(())
}

#[test]
fn an_identity_token_is_for_the_token_service_alone_and_ends_with_the_password() -> Result<()> {
    let scene = Scene::start()?;
    let identity = scene.identity_token()?;
    for authorization in [bearer(&identity), basic("ann", &identity), basic("<token>", &identity), basic("", &identity)]
    {
        for request in reads().into_iter().chain([get("/v2/"), get("/token?service=entrepot")]) {
            scene.ask(&with(request, &authorization))?.expect(401)?;
        }
    }
    let refresh = |token: &str, scope: &str| {
        scene.ask(&token_form(&format!(
            "grant_type=refresh_token&service=entrepot&client_id=docker&refresh_token={token}&scope={scope}"
        )))
    };
    let granted = refresh(&identity, &format!("repository:{PRIVATE}:pull"))?.expect(200)?.json()?;
    ensure!(granted["refresh_token"] == identity.as_str(), "{granted}");
    let access = bearer(granted["access_token"].as_str().unwrap_or_default());
    let manifest = get(format!("/v2/{PRIVATE}/manifests/v1"));
    scene.ask(&with(manifest.clone(), &access))?.expect(200)?;
    // A registry token is no identity token, nor is a personal one.
    let personal = scene.people.token("ann", "pull", &[])?.secret;
    for other in [access.trim_start_matches("Bearer "), &personal, "", "ept_x"] {
        refresh(other, "")?.expect(401)?;
    }
    scene.people.set_password("ann", "another password of ann")?;
    until_refused(|| Ok(refresh(&identity, "")?.status))?;
    until_refused(|| Ok(scene.ask(&with(manifest.clone(), &access))?.status))?;
    until_refused(|| Ok(scene.ask(&with(manifest.clone(), &basic("ann", PASSWORD)))?.status))?;
    scene.ask(&with(manifest, &basic("ann", "another password of ann")))?.expect(200).map(drop)
}

#[test]
fn a_revoked_token_ends_within_a_second_however_warm_the_cache() -> Result<()> {
    let scene = Scene::start()?;
    let token = scene.people.token("ann", "pull", &[])?;
    let manifest = get(format!("/v2/{PRIVATE}/manifests/v1"));
    let registry_token =
        scene.registry_token(&basic("ann", &token.secret), &[&format!("repository:{PRIVATE}:pull")])?;
    let shown = [bearer(&token.secret), basic("ann", &token.secret), bearer(&registry_token)];
    for _ in 0..20 {
        for authorization in &shown {
            scene.ask(&with(manifest.clone(), authorization))?.expect(200)?;
        }
    }
    scene.people.revoke("ann", &token.id)?;
    let revoked = Instant::now();
    for authorization in &shown {
        while scene.ask(&with(manifest.clone(), authorization))?.status == 200 {
            ensure!(revoked.elapsed() < Duration::from_secs(1), "it still pulls after {:?}", revoked.elapsed());
        }
        let answer = scene.ask(&with(manifest.clone(), authorization))?.expect(401)?;
        ensure!(!answer.text().contains(std::str::from_utf8(SECRET)?), "{}", answer.text());
    }
    Ok(())
}

/// Waits a second at most until the status is 401.
fn until_refused(mut status: impl FnMut() -> Result<u16>) -> Result<()> {
    let start = Instant::now();
    while status()? != 401 {
        ensure!(start.elapsed() < Duration::from_secs(1), "it is not refused after {:?}", start.elapsed());
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

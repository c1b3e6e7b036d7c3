//! How long a refusal takes says nothing of why.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::get;

use crate::{Scene, basic, with};

/// Guesses at each name: fewer than an account has at once. Each comes from an address of its own.
const GUESSES: usize = 5;
/// Whom they are at.
const PEOPLE: [&str; 5] = ["ann", "mallory", "bob", "carl", "dora"];

#[test]
fn unknown_names_take_as_long_as_wrong_passwords() -> Result<()> {
    let scene = Scene::with(&[("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1")])?;
    for name in &PEOPLE[2..] {
        scene.people.person(name)?;
    }
    let mut guess = 0;
    let mut timed = |name: &str| -> Result<(Duration, String)> {
        guess += 1;
        let request = with(get("/v2/"), &basic(name, &format!("wrong {guess}")));
        let request = request.header("X-Forwarded-For", format!("198.51.{}.{}", guess / 250, guess % 250 + 1));
        let start = Instant::now();
        let answer = scene.ask(&request)?.expect(401)?;
        Ok((start.elapsed(), answer.text()))
    };
    // In turn, so that what else the machine does meets both.
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in PEOPLE.iter().cycle().take(GUESSES * PEOPLE.len()) {
        let (took, said) = timed(name)?;
        known.push(took);
        let (took, also) = timed(&format!("no-{name}"))?;
        unknown.push(took);
        ensure!(said == also, "{said} is not {also}");
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(known), median(unknown));
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    ensure!((0.5..2.0).contains(&ratio), "an unknown name takes {unknown:?}, a wrong password {known:?}");
    // What both cost is a password hash, and not just a look into the database.
    ensure!(unknown > Duration::from_millis(5), "{unknown:?}");
    Ok(())
}

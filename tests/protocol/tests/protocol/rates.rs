//! Limits on how often clients may ask, as Docker Hub's tell of theirs.

use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Answer, Registry, Request, get, head, post, put};
use nix::sys::signal::Signal;

const TAG: &str = "/v2/acme/app/manifests/v1";
const PUSH: (&str, &str) = ("ENTREPOT_ACCESS_ANONYMOUS", "push");

/// A registry with these limits, and an image in it.
fn limited(settings: &[(&str, &str)]) -> Result<Registry> {
    let registry = Registry::with(&[&[PUSH], settings].concat())?;
    let push = post(format!("/v2/acme/app/blobs/uploads/?digest={}", sha256("{}"))).body("{}");
    registry.ask(&push)?.expect(201)?;
    let push = put(TAG).header("Content-Type", IMAGE).body(image(b"{}", &[]).to_string());
    registry.ask(&push)?.expect(201)?;
    Ok(registry)
}

/// What an answer says of a limit: what there is, what is left, and for whom it is counted.
fn told(answer: &Answer) -> [Option<&str>; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source"].map(|name| answer.header(name))
}

fn retry_after(answer: &Answer) -> Result<u64> {
    Ok(answer.required("retry-after")?.parse()?)
}

fn metric(registry: &Registry, line: &str) -> Result<bool> {
    Ok(registry.ask(&get("/metrics"))?.expect(200)?.text().lines().any(|one| one == line))
}

#[test]
fn pulls_of_an_address_are_counted_and_nothing_else_is() -> Result<()> {
    let registry = limited(&[("ENTREPOT_RATE_PULLS_ANONYMOUS", "3/6h")])?;
    let left = |left| [Some("3;w=21600"), left, Some("127.0.0.1")];
    for _ in 0..5 {
        let looked = registry.ask(&head(TAG))?.expect(200)?;
        ensure!(told(&looked) == left(Some("3;w=21600")), "to look is no pull: {looked:?}");
    }
    ensure!(told(&registry.ask(&get("/v2/acme/app/tags/list"))?.expect(200)?) == [None; 3]);
    registry.ask(&get("/v2/acme/app/manifests/missing"))?.expect(404)?;
    for rest in ["2;w=21600", "1;w=21600", "0;w=21600"] {
        let pulled = registry.ask(&get(TAG))?.expect(200)?;
        ensure!(told(&pulled) == left(Some(rest)), "{pulled:?}");
    }
    let refused = registry.ask(&get(TAG))?.expect(429)?;
    ensure!(refused.text().contains("\"TOOMANYREQUESTS\"") && refused.text().contains("3 in 6 hours"), "{refused:?}");
    ensure!(told(&refused) == left(Some("0;w=21600")), "{refused:?}");
    // Two windows is the longest that anything counts.
    ensure!((1..=2 * 21_600).contains(&retry_after(&refused)?), "{refused:?}");
    ensure!(told(&registry.ask(&head(TAG))?.expect(200)?) == left(Some("0;w=21600")));
    registry.ask(&get(format!("/v2/acme/app/blobs/{}", sha256("{}"))))?.expect(200)?;
    ensure!(metric(&registry, "entrepot_rate_refused_total{counted=\"anonymous\"} 1")?);
    Ok(())
}

#[test]
fn who_logs_in_is_counted_by_who_they_are() -> Result<()> {
    let registry = limited(&[
        ("ENTREPOT_RATE_PULLS_ANONYMOUS", "1/6h"),
        ("ENTREPOT_RATE_PULLS_ACCOUNT", "2/1h"),
        ("ENTREPOT_RATE_PULLS_TOKEN", "off"),
    ])?;
    let mut create = registry.command("user create ann --password-stdin");
    let mut child = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(b"correct horse battery\n")?;
    ensure!(child.wait()?.success());
    let ann = |request: Request| request.basic("ann", "correct horse battery");
    registry.ask(&get(TAG))?.expect(200)?;
    registry.ask(&get(TAG))?.expect(429)?;
    for rest in ["1;w=3600", "0;w=3600"] {
        let pulled = registry.ask(&ann(get(TAG)))?.expect(200)?;
        ensure!(told(&pulled) == [Some("2;w=3600"), Some(rest), Some("ann")], "{pulled:?}");
    }
    let refused = registry.ask(&ann(get(TAG)))?.expect(429)?;
    ensure!(told(&refused) == [Some("2;w=3600"), Some("0;w=3600"), Some("ann")], "{refused:?}");
    Ok(())
}

#[test]
fn requests_of_an_address_are_counted_whatever_they_ask() -> Result<()> {
    let registry = limited(&[("ENTREPOT_RATE_REQUESTS_ADDRESS", "12/1h")])?;
    // Two have pushed.
    for path in ["/v2/", "/token?service=entrepot", "/api/v1/me", "/v2/acme/app/tags/list", "/nothing"] {
        for _ in 0..2 {
            let answer = registry.ask(&get(path))?;
            ensure!(answer.status != 429 && told(&answer) == [None; 3], "{path}: {answer:?}");
        }
    }
    for path in ["/v2/", "/token?service=entrepot", "/metrics"] {
        let refused = registry.ask(&get(path))?.expect(429)?;
        ensure!(refused.text().contains("\"TOOMANYREQUESTS\""), "{path}: {refused:?}");
        ensure!(told(&refused) == [Some("12;w=3600"), Some("0;w=3600"), Some("127.0.0.1")], "{path}: {refused:?}");
        retry_after(&refused)?;
    }
    let refused = registry.ask(&get("/api/v1/me"))?.expect(429)?;
    ensure!(refused.required("content-type")? == "application/problem+json", "{refused:?}");
    ensure!(refused.text().contains("#too-many"), "{refused:?}");
    retry_after(&refused)?;
    for probe in ["/healthz", "/readyz"] {
        registry.ask(&get(probe))?.expect(200)?;
    }
    Ok(())
}

#[test]
fn the_client_behind_a_trusted_proxy_is_counted_and_an_exempt_network_is_not() -> Result<()> {
    let registry = limited(&[
        ("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
        ("ENTREPOT_RATE_PULLS_ANONYMOUS", "1/6h"),
        ("ENTREPOT_RATE_REQUESTS_ADDRESS", "3/1h"),
        ("ENTREPOT_RATE_EXEMPT", "10.0.0.0/8,127.0.0.1"),
    ])?;
    let from = |address: &str| get(TAG).header("X-Forwarded-For", address);
    for (address, source) in [("192.0.2.1", "192.0.2.1"), ("2001:db8::7", "2001:db8::")] {
        let pulled = registry.ask(&from(address))?.expect(200)?;
        ensure!(told(&pulled)[2] == Some(source), "{pulled:?}");
        registry.ask(&from(address))?.expect(429)?;
    }
    registry.ask(&from("2001:db8::8"))?.expect(429)?;
    for _ in 0..10 {
        let pulled = registry.ask(&from("10.1.2.3"))?.expect(200)?;
        ensure!(told(&pulled) == [None; 3], "{pulled:?}");
    }
    Ok(())
}

#[test]
fn what_was_counted_outlives_the_process() -> Result<()> {
    let mut registry = limited(&[("ENTREPOT_RATE_PULLS_ANONYMOUS", "3/6h")])?;
    for _ in 0..3 {
        registry.ask(&get(TAG))?.expect(200)?;
    }
    registry.signal(Signal::SIGTERM)?;
    ensure!(registry.wait()?.success());
    registry.restart()?;
    // It learns of what it counted before when somebody asks; to look does not count.
    let start = Instant::now();
    while told(&registry.ask(&head(TAG))?.expect(200)?)[1] != Some("0;w=21600") {
        ensure!(start.elapsed() < Duration::from_secs(20), "it allows anew what was had");
        sleep(Duration::from_millis(50));
    }
    registry.ask(&get(TAG))?.expect(429)?;
    Ok(())
}

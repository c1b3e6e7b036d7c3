//! Maintenance: pulls and logins go on, and whatever would change something is refused with the operator's words.

use std::process::Output;

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Registry, Request, check, delete, get, patch, post, put, row};
use serde_json::Value;

const MESSAGE: &str = "Back-up until 14:00";

fn run(registry: &Registry, command: &str, last: &str) -> Result<Output> {
    let mut command = registry.command(command);
    if !last.is_empty() {
        command.arg(last);
    }
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {output:?}");
    Ok(output)
}

/// Ann governs the registry, and has an image in her own namespace.
fn registry() -> Result<Registry> {
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    let password = tempfile::NamedTempFile::new()?;
    std::fs::write(&password, "landed-and-stored")?;
    run(&registry, "user create ann --admin", &format!("--password-file={}", password.path().display()))?;
    registry.ask(&ann(post(format!("/v2/ann/app/blobs/uploads/?digest={}", sha256("{}"))).body("{}")))?.expect(201)?;
    let push = put("/v2/ann/app/manifests/v1").header("Content-Type", IMAGE).body(image(b"{}", &[]).to_string());
    registry.ask(&ann(push))?.expect(201)?;
    Ok(registry)
}

fn ann(request: Request) -> Request {
    // ann:landed-and-stored
    request.header("Authorization", "Basic YW5uOmxhbmRlZC1hbmQtc3RvcmVk")
}

fn json(request: Request, body: &str) -> Request {
    ann(request).header("Content-Type", "application/json").body(body)
}

#[test]
fn pulls_and_logins_go_on_and_nothing_changes() -> Result<()> {
    let registry = registry()?;
    let begun = registry.ask(&ann(post("/v2/ann/app/blobs/uploads/")))?.expect(202)?.required("location")?.to_owned();
    registry.ask(&ann(patch(&begun).body("lay")))?.expect(202)?;
    let whole = registry.ask(&ann(post("/v2/ann/app/blobs/uploads/")))?.expect(202)?.required("location")?.to_owned();
    registry.ask(&ann(patch(&whole).body("layer")))?.expect(202)?;
    run(&registry, "maintenance on", &format!("--message={MESSAGE}"))?;

    let digest = sha256("{}");
    let uploads = "/v2/ann/app/blobs/uploads/";
    let manifest = image(b"{}", &[]).to_string();
    let mut rows = Vec::new();
    for (what, request) in [
        ("no upload begins", post(uploads)),
        ("nothing comes whole", post(format!("{uploads}?digest={}", sha256("x"))).body("x")),
        ("nothing is mounted", post(format!("/v2/ann/other/blobs/uploads/?mount={digest}&from=ann/app"))),
        ("what was begun does not grow", patch(&begun).body("er")),
        ("nor does it end", put(format!("{whole}?digest={}", sha256("layer")))),
        ("no tag is set", put("/v2/ann/app/manifests/v2").header("Content-Type", IMAGE).body(manifest)),
        ("no tag goes", delete("/v2/ann/app/manifests/v1")),
        ("no blob goes", delete(format!("/v2/ann/app/blobs/{digest}"))),
        ("no new repository begins", post("/v2/ann/new/blobs/uploads/")),
    ] {
        rows.push(row(what, ann(request), 503).error("UNAVAILABLE").says(MESSAGE).with("retry-after", "30"));
    }
    for (what, request) in [
        ("nobody is made", json(post("/api/v1/accounts"), r#"{"name":"ben","password":"stored-and-sent-on"}"#)),
        ("no token is made", json(post("/api/v1/accounts/ann/tokens"), r#"{"label":"x","scopes":["pull"]}"#)),
        ("nothing is limited", json(put("/api/v1/namespaces/ann/quota"), r#"{"max_bytes":1}"#)),
        ("no key changes", json(post("/api/v1/keys/rotate"), "{}")),
    ] {
        rows.push(row(what, request, 503).says(MESSAGE).with("retry-after", "30"));
    }
    let token = "/token?service=entrepot&scope=repository:ann/app:pull,push";
    rows.push(row("pulls go on", ann(get("/v2/ann/app/manifests/v1")), 200));
    rows.push(row("and blobs", ann(get(format!("/v2/ann/app/blobs/{digest}"))), 200));
    rows.push(row("and log-ins", ann(get("/v2/")), 200));
    rows.push(row("and tokens", ann(get(token)), 200));
    rows.push(row("also for clients that would stay logged in", ann(get(format!("{token}&offline_token=true"))), 200));
    rows.push(row("wrong passwords are wrong", get("/v2/").header("Authorization", "Basic YW5uOng="), 401));
    rows.push(row("readiness is that of pulls", get("/readyz"), 200));
    check(&registry, rows)?;

    run(&registry, "maintenance off", "")?;
    // What was under way goes on where it was.
    registry.ask(&ann(patch(&begun).body("er")))?.expect(202)?;
    registry.ask(&ann(put(format!("{begun}?digest={}", sha256("layer")))))?.expect(201)?;
    registry.ask(&ann(put(format!("{whole}?digest={}", sha256("layer")))))?.expect(201)?;
    let left = registry.leftovers()?;
    ensure!(left == 0, "{left} files or objects are left of uploads");
    // The log of who did what lacks nothing of what was asked meanwhile.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let log = String::from_utf8(run(&registry, "audit --json", "")?.stdout)?;
        if ["maintenance.begin", MESSAGE, "maintenance.end"].iter().all(|wanted| log.contains(wanted))
            && log.lines().any(|line| line.contains("\"login\"") && line.contains("\"allowed\":false"))
        {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < deadline, "{log}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn administrators_begin_and_end_it_over_the_api() -> Result<()> {
    let mut registry = registry()?;
    let path = "/api/v1/maintenance";
    let now = |registry: &Registry| -> Result<Value> { registry.ask(&ann(get(path)))?.expect(200)?.json() };
    ensure!(now(&registry)?["on"] == false);
    registry.ask(&json(put(path), r#"{"message":"one\ntwo"}"#))?.expect(422)?;
    registry.ask(&json(put(path), "{}"))?.expect(200)?;
    let own = now(&registry)?;
    ensure!(own["on"] == true && own["message"].as_str().is_some_and(|words| words.contains("pulls go on")), "{own}");
    registry.ask(&json(put(path), &format!(r#"{{"message":"{MESSAGE}"}}"#)))?.expect(200)?;
    ensure!(now(&registry)?["message"] == MESSAGE);
    let status = run(&registry, "maintenance status --json", "")?;
    let status: Value = serde_json::from_slice(&status.stdout)?;
    ensure!(status["maintenance"] == true && status["message"] == MESSAGE, "{status}");
    // It is not forgotten, and a registry starts in it.
    registry.kill()?;
    registry.restart()?;
    ensure!(now(&registry)?["message"] == MESSAGE);
    registry.ask(&ann(get("/v2/ann/app/manifests/v1")))?.expect(200)?;
    registry.ask(&ann(delete("/v2/ann/app/manifests/v1")))?.expect(503)?;
    registry.ask(&ann(delete(path)))?.expect(204)?;
    ensure!(now(&registry)?["on"] == false);
    registry.ask(&ann(delete("/v2/ann/app/manifests/v1")))?.expect(202)?;
    Ok(())
}

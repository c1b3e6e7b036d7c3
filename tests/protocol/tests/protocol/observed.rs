//! What an operator sees: metrics, health, logs.

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{image, noise};
use entrepot_test_harness::{Over, Registry, get, patch, put};
use serde_json::Value;

/// The value of the samples whose name and labels begin so, added up.
fn sum(metrics: &str, sample: &str) -> f64 {
    let values = metrics.lines().filter(|line| line.starts_with(sample)).filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<f64>().ok()).sum()
}

/// Every line is a comment or `name{labels} value`, and the last one says that it is the last.
fn check_form(metrics: &str) -> Result<()> {
    let body = metrics.strip_suffix("# EOF\n").context("the exposition does not end with # EOF")?;
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            ensure!(["HELP ", "TYPE ", "UNIT "].iter().any(|kind| comment.starts_with(kind)), "{line:?}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        ensure!(value.parse::<f64>().is_ok(), "{line:?} has no number");
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        ensure!(name.starts_with("entrepot_"), "{line:?} is not ours");
        ensure!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line:?}");
        let labels = labels.strip_suffix('}').with_context(|| line.to_owned())?;
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let value = label.split_once("=\"").and_then(|(_, value)| value.strip_suffix('"'));
            ensure!(value.is_some(), "{line:?} has a malformed label");
        }
    }
    Ok(())
}

#[test]
fn metrics_hold_what_happened() -> Result<()> {
    let registry = Registry::start()?;
    let layer = noise(41, 100_000);
    registry.push_blob("acme/app", "{}")?;
    let digest = registry.push_blob("acme/app", &layer)?;
    registry.push_manifest("acme/app", "v1", &image(b"{}", &[&layer]))?;
    let location = registry.begin_upload("acme/app")?;
    registry.ask(&patch(&location).body("cancelled"))?.expect(202)?;
    registry.ask(&entrepot_test_harness::delete(&location))?.expect(204)?;
    for _ in 0..5 {
        registry.ask(&get("/v2/acme/app/manifests/v1"))?.expect(200)?;
        registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?;
    }
    registry.ask(&get("/v2/acme/app/manifests/none"))?.expect(404)?;
    registry.ask(&get("/v2/Acme/tags/list"))?.expect(400)?;

    let answer = registry.ask(&get("/metrics"))?.expect(200)?;
    ensure!(answer.required("content-type")?.starts_with("application/openmetrics-text"), "{answer:?}");
    let metrics = answer.text();
    check_form(&metrics)?;
    let cached_nowhere = Over::chosen()? == Over::S3Postgres;
    for (sample, least) in [
        ("entrepot_http_requests_total{endpoint=\"manifest\",method=\"GET\",status=\"200\"}", 5.0),
        ("entrepot_http_requests_total{endpoint=\"manifest\",method=\"GET\",status=\"404\"}", 1.0),
        ("entrepot_http_requests_total{endpoint=\"manifest\",method=\"PUT\",status=\"201\"}", 1.0),
        ("entrepot_http_requests_total{endpoint=\"invalid\",method=\"GET\",status=\"400\"}", 1.0),
        ("entrepot_http_request_seconds_count{endpoint=\"blob\",method=\"GET\"}", 5.0),
        ("entrepot_http_sent_bytes_total{endpoint=\"blob\",method=\"GET\"}", 500_000.0),
        ("entrepot_upload_bytes_total", 100_000.0),
        ("entrepot_uploads_started_total", 3.0),
        ("entrepot_uploads_finished_total", 2.0),
        ("entrepot_uploads_cancelled_total", 1.0),
        ("entrepot_manifests_pushed_total", 1.0),
        ("entrepot_cache_hits_total", 4.0),
        ("entrepot_cache_misses_total", 1.0),
        ("entrepot_store_open_seconds_count", 5.0),
        ("entrepot_store_sync_seconds_count", 1.0),
        ("entrepot_store_publish_seconds_count", 2.0),
        ("entrepot_database_read_seconds_count", 1.0),
        ("entrepot_database_commit_seconds_count", 3.0),
        ("entrepot_database_write_wait_seconds_count", 3.0),
        ("entrepot_database_writes_total", 3.0),
        ("entrepot_connections_accepted_total", 10.0),
        ("entrepot_connections_open", 1.0),
    ] {
        let found = sum(&metrics, sample);
        // Over PostgreSQL no fact is kept that another replica may change.
        let least = if cached_nowhere && sample.starts_with("entrepot_cache_") { 0.0 } else { least };
        ensure!(found >= least, "{sample} is {found}, less than {least}, in:\n{metrics}");
    }
    ensure!(!metrics.contains("acme"), "the name of a repository is a label");
    Ok(())
}

#[test]
fn metrics_can_be_switched_off() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_METRICS_ENABLED", "false")])?;
    registry.ask(&get("/metrics"))?.expect(404).map(drop)
}

#[test]
fn health() -> Result<()> {
    let registry = Registry::start()?;
    ensure!(registry.ask(&get("/healthz"))?.expect(200)?.text() == "ok\n", "not healthy");
    ensure!(registry.ask(&get("/readyz"))?.expect(200)?.text() == "ready\n", "not ready");
    registry.lose_all()?;
    registry.ask(&get("/healthz"))?.expect(200)?;
    let answer = registry.ask(&get("/readyz"))?.expect(503)?;
    ensure!(answer.text().contains("not ready"), "{}", answer.text());
    Ok(())
}

#[test]
fn logs_are_json_and_tell_of_every_request() -> Result<()> {
    let mut registry = Registry::start()?;
    let digest = registry.push_blob("acme/app", "twelve bytes")?;
    let chosen = get(format!("/v2/acme/app/blobs/{digest}?why=test"))
        .header("X-Request-Id", "chosen-by-client_1.0")
        .header("User-Agent", "acme/1.0");
    let answer = registry.ask(&chosen)?.expect(200)?;
    ensure!(answer.required("x-request-id")? == "chosen-by-client_1.0", "{answer:?}");
    let line = registry.wait_for_log(|line| line.contains("chosen-by-client_1.0"))?;
    let line: Value = serde_json::from_str(&line)?;
    for (key, value) in [
        ("target", Value::from("access")),
        ("request", "chosen-by-client_1.0".into()),
        ("method", "GET".into()),
        ("path", format!("/v2/acme/app/blobs/{digest}").into()),
        ("query", "why=test".into()),
        ("status", 200.into()),
        ("sent_bytes", 12.into()),
        ("user_agent", "acme/1.0".into()),
    ] {
        ensure!(line[key] == value, "{key} is not {value} in {line}");
    }
    ensure!(line["duration_us"].is_u64() && line["timestamp"].is_string(), "{line}");
    ensure!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    ensure!(line["client"] == "127.0.0.1", "{line}");

    // An id that could spoil the log is replaced.
    let answer = registry.ask(&get("/v2/").header("X-Request-Id", "a\"b c"))?.expect(200)?;
    let id = answer.required("x-request-id")?.to_owned();
    ensure!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    registry.wait_for_log(|line| line.contains(&id))?;

    let log = registry.log();
    for line in log.lines().filter(|line| !line.starts_with("entrepot listens on")) {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        ensure!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    Ok(())
}

#[test]
fn the_client_behind_a_trusted_proxy_is_in_the_access_log() -> Result<()> {
    for (trusted, client) in [("127.0.0.0/8", "198.51.100.7"), ("", "127.0.0.1")] {
        let mut registry = Registry::with(&[("ENTREPOT_HTTP_TRUSTED_PROXIES", trusted)])?;
        // What stands to the left of what the proxy added anybody may have written.
        let request = get("/v2/").header("X-Forwarded-For", "203.0.113.1, 198.51.100.7");
        registry.ask(&request.header("X-Request-Id", "through-a-proxy"))?.expect(200)?;
        let line: Value = serde_json::from_str(&registry.wait_for_log(|line| line.contains("through-a-proxy"))?)?;
        ensure!(line["client"] == client, "trusted {trusted:?}: {line}");
        ensure!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    }
    Ok(())
}

#[test]
fn a_failure_is_logged_under_the_id_that_the_client_gets() -> Result<()> {
    let mut registry = Registry::start()?;
    registry.push_blob("acme/app", noise(42, 100_000))?;
    let digest = registry.push_blob("acme/app", noise(43, 100_000))?;
    let missing = registry.lose_blob(&digest)?;
    let answer = registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(500)?;
    let (id, text) = (answer.required("x-request-id")?.to_owned(), answer.text());
    ensure!(answer.code()? == "UNKNOWN" && !text.contains("entrepot-test"), "a path of the server is told: {text}");
    let line = registry.wait_for_log(|line| line.contains(&id) && line.contains("a request failed"))?;
    ensure!(line.contains(&missing), "the log does not say which bytes: {line}");
    Ok(())
}

#[test]
fn logs_are_text_where_configured() -> Result<()> {
    let mut registry = Registry::with(&[("ENTREPOT_LOG_FORMAT", "text"), ("ENTREPOT_LOG_ACCESS", "true")])?;
    registry.ask(&put("/v2/acme/app/manifests/v1").header("X-Request-Id", "as-text").body("{"))?.expect(400)?;
    let line = registry.wait_for_log(|line| line.contains("as-text"))?;
    ensure!(serde_json::from_str::<Value>(&line).is_err() && line.contains("status=400"), "{line}");
    Ok(())
}

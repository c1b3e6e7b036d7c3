//! A PostgreSQL server that stops, crashes or hangs under the registry: clear answers in time, and service that goes on when
//! the server does.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{image, noise};
use entrepot_test_harness::{Registry, get, head, put};
use entrepot_test_support::Postgres;

use crate::{Landmark, becomes_ready, expect_error, expect_ready};

#[test]
fn stopped_and_crashed_and_started_again() -> Result<()> {
    let Some(mut server) = Postgres::start()? else { return Ok(()) };
    let mut registry = Registry::with(&[("ENTREPOT_DATABASE_URL", &server.database()?)])?;
    let landmark = Landmark::push(&registry, noise(61, 200_000))?;
    expect_ready(&registry, true)?;
    for crash in [false, true] {
        if crash { server.crash() } else { server.stop() }?;
        expect_ready(&registry, false)?;
        for request in [get("/v2/acme/landmark/manifests/v1"), get("/v2/acme/landmark/tags/list")] {
            let answer = expect_error(registry.ask(&request)?, 503, "UNAVAILABLE")?;
            ensure!(answer.required("retry-after")?.parse::<u32>()? >= 1, "{answer:?}");
        }
        let manifest = image(b"{}", &[]).to_string();
        let push = put("/v2/acme/landmark/manifests/v2").header("Content-Type", entrepot_test_harness::content::IMAGE);
        expect_error(registry.ask(&push.body(manifest))?, 503, "UNAVAILABLE")?;
        server.start_again()?;
        becomes_ready(&registry)?;
        landmark.expect(&registry)?;
        ensure!(
            registry.ask(&head("/v2/acme/landmark/manifests/v2"))?.status == 404,
            "a push that was refused is shown"
        );
        registry.push_manifest("acme/landmark", "v1", &serde_json::from_str(&landmark.manifest)?)?;
    }
    ensure!(!registry.log().contains("panicked"), "{}", registry.log());
    Ok(())
}

#[test]
fn hanging() -> Result<()> {
    let Some(server) = Postgres::start()? else { return Ok(()) };
    let settings =
        [("ENTREPOT_DATABASE_URL", server.database()?), ("ENTREPOT_DATABASE_STATEMENT_TIMEOUT", "1s".to_owned())];
    let registry = Registry::with(&settings.each_ref().map(|(name, value)| (*name, value.as_str())))?;
    let landmark = Landmark::push(&registry, noise(62, 200_000))?;
    server.freeze(true)?;
    for _ in 0..5 {
        expect_ready(&registry, false)?;
    }
    let start = Instant::now();
    expect_error(registry.ask(&get("/v2/acme/landmark/manifests/v1"))?, 503, "UNAVAILABLE")?;
    ensure!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    server.freeze(false)?;
    becomes_ready(&registry)?;
    landmark.expect(&registry)
}

#[test]
fn writes_that_an_operator_has_stopped() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let url = server.database()?;
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default().to_owned();
    let registry = Registry::with(&[("ENTREPOT_DATABASE_URL", &url)])?;
    let landmark = Landmark::push(&registry, noise(63, 1000))?;
    server.sql(&name, "INSERT INTO maintenance VALUES (1, 'the data is being moved; pushes go on in an hour')")?;
    let push = put("/v2/acme/landmark/manifests/v2").header("Content-Type", entrepot_test_harness::content::IMAGE);
    let refused = registry.ask(&push.clone().body(landmark.manifest.clone()))?;
    let refused = expect_error(refused, 503, "UNAVAILABLE")?;
    ensure!(refused.text().contains("the data is being moved; pushes go on in an hour"), "{}", refused.text());
    refused.required("retry-after")?;
    landmark.expect(&registry)?;
    expect_ready(&registry, true)?;
    server.sql(&name, "DELETE FROM maintenance")?;
    registry.ask(&push.body(landmark.manifest))?.expect(201)?;
    Ok(())
}

#[test]
fn two_databases_for_one_store() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let directory = tempfile::tempdir()?;
    std::fs::create_dir(directory.path().join("data"))?;
    let data = directory.path().join("data/entrepot.db");
    let binary = entrepot_test_support::entrepot_binary()?;
    std::fs::write(&data, "")?;
    let refused = Registry::of(&binary, &[("ENTREPOT_DATABASE_URL", &server.database()?)], directory);
    let error = format!("{:#}", refused.err().unwrap_or_else(|| anyhow::anyhow!("it started")));
    ensure!(error.contains("there is a SQLite database"), "{error}");
    Ok(())
}

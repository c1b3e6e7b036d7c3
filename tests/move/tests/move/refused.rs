//! What is refused, and in which words.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_test_support::Postgres;

use crate::command::{refused, succeed};
use crate::registry::Registry;

#[test]
fn what_cannot_be_moved_says_why_and_stays_as_it_is() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let mut registry = Registry::new()?;
    registry.start(None)?;
    registry.client()?.push("acme/one", "v1", b"layer")?;
    let from = format!("sqlite:{}", registry.file().display());

    let gone = refused(&["--from", "sqlite:/nowhere/at/all.db", "--to", &server.database()?])?;
    ensure!(gone.contains("there is no file /nowhere/at/all.db"), "{gone}");
    let secret = refused(&["--from", &from, "--to", "postgres://ann:s3cret@"])?;
    ensure!(secret.contains("--to") && !secret.contains("cret"), "{secret}");
    let secret = refused(&["--from", &from, "--to", "mysql://ann:s3cret@db/entrepot"])?;
    ensure!(secret.contains("neither sqlite:FILE nor postgres://") && !secret.contains("cret"), "{secret}");
    let same = refused(&["--from", &from, "--to", &from.replace("/data/", "/data/../data/")])?;
    ensure!(same.contains("are the same database"), "{same}");
    let nowhere = refused(&[])?;
    ensure!(nowhere.contains("say where to"), "{nowhere}");
    let none = refused(&["--cancel", "--from", &from])?;
    ensure!(none.contains("no move from sqlite:") && none.contains("is under way"), "{none}");
    // None of this has stopped writes.
    registry.client()?.push("acme/two", "v1", b"layer")?;

    // A database with something in it.
    let full = server.database()?;
    let file = registry.path().join("other.db");
    let other = format!("sqlite:{}", file.display());
    succeed(&["--from", &from, "--to", &full])?;
    let again = refused(&["--from", &from, "--to", &full])?;
    ensure!(again.contains("was moved to") && again.contains("already") && again.contains("--cancel"), "{again}");
    let elsewhere = refused(&["--from", &from, "--to", &server.database()?])?;
    ensure!(elsewhere.contains("already"), "{elsewhere}");
    succeed(&["--from", &full, "--to", &other])?;
    let occupied = refused(&["--from", &other, "--to", &full])?;
    ensure!(occupied.contains("is not empty (table repositories has rows)"), "{occupied}");

    // The old file can be opened again, and the last words say so.
    let reopened = succeed(&["--cancel", "--from", &from])?;
    ensure!(reopened.contains("takes writes again") && reopened.contains("let only one of them be used"), "{reopened}");
    registry.client()?.push("acme/three", "v1", b"layer")?;
    Ok(())
}

#[test]
fn a_registry_does_not_run_over_half_a_database_nor_over_two() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let mut registry = Registry::new()?;
    registry.start(None)?;
    registry.client()?.push("acme/one", "v1", b"layer")?;
    registry.stop();
    // A database that is not the successor of the file beside the blobs.
    let stranger = server.database()?;
    let error = format!("{:#}", registry.start(Some(&stranger)).unwrap_err());
    ensure!(error.contains("only one can know what is in the blob store"), "{error}");

    // The mark of an unfinished target, as a kill leaves it.
    let name = stranger.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
    server.sql(
        name,
        "INSERT INTO moves VALUES (1, '018f0000-0000-7000-8000-000000000000', 'to', 'copying', 'sqlite:/a')",
    )?;
    fs::remove_file(registry.file())?;
    let error = format!("{:#}", registry.start(Some(&stranger)).unwrap_err());
    ensure!(error.contains("the unfinished target of a move from sqlite:/a"), "{error}");
    Ok(())
}

//! Moves that are interrupted and given up.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::post;
use entrepot_test_support::Postgres;
use nix::sys::signal::Signal;

use crate::command::{refused, start, succeed};
use crate::content::fill;
use crate::registry::Registry;
use crate::shell::Shell;

/// A registry with a move that was interrupted by `signal` in the middle, and what the command said last.
fn interrupted(server: &Postgres, signal: Signal) -> Result<(Registry, String, String, String)> {
    let mut registry = Registry::new()?;
    registry.start(None)?;
    fill(&registry.file(), 2_000)?;
    let (from, to) = (format!("sqlite:{}", registry.file().display()), server.database()?);
    let mut run = start(&["--from", &from, "--to", &to])?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !run.output()?.contains("copied blobs") {
        ensure!(Instant::now() < deadline && run.is_running()?, "{}", run.output()?);
        sleep(Duration::from_millis(1));
    }
    run.signal(signal)?;
    let ended = run.end()?;
    ensure!(!ended.status.success(), "it was done before: {}", ended.output);
    registry.client()?.ask(&post("/v2/acme/new/blobs/uploads/"))?.expect(503)?;
    Ok((registry, from, to, ended.output))
}

#[test]
fn a_move_that_is_given_up_leaves_nothing() -> Result<()> {
    let Some(server) = Postgres::shared()?.filter(|_| Shell::is_here()) else { return Ok(()) };
    let (registry, from, to, said) = interrupted(&server, Signal::SIGINT)?;
    ensure!(said.contains("the same command goes on with it, and --cancel gives it up"), "{said}");
    let elsewhere = refused(&["--from", &from, "--to", &server.database()?])?;
    ensure!(elsewhere.contains("is being moved to") && elsewhere.contains("--cancel"), "{elsewhere}");

    // Where to is known.
    let cancelled = succeed(&["--cancel", "--from", &from])?;
    ensure!(cancelled.contains("takes writes again; what was copied to"), "{cancelled}");
    registry.client()?.push("acme/new", "v1", b"layer")?;
    let name = to.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
    let left =
        "SELECT (SELECT count(*) FROM repositories) + (SELECT count(*) FROM blobs) + (SELECT count(*) FROM moves)
        + (SELECT count(*) FROM maintenance)";
    ensure!(server.sql(name, left)? == "0");
    // And another time it is moved all the same.
    succeed(&["--from", &from, "--to", &to])?;
    Ok(())
}

#[test]
fn a_move_is_given_up_when_the_new_database_is_gone() -> Result<()> {
    let Some(server) = Postgres::shared()?.filter(|_| Shell::is_here()) else { return Ok(()) };
    let (registry, from, to, _) = interrupted(&server, Signal::SIGKILL)?;
    let name = to.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
    server.sql("postgres", &format!("ALTER DATABASE {name} RENAME TO {name}_away"))?;
    let cancelled = succeed(&["--cancel", "--from", &from])?;
    ensure!(
        cancelled.contains("takes writes again. What was copied to") && cancelled.contains("could not"),
        "{cancelled}"
    );
    registry.client()?.push("acme/new", "v1", b"layer")?;
    // When it comes back it is no database that anybody could use by mistake.
    server.sql("postgres", &format!("ALTER DATABASE {name}_away RENAME TO {name}"))?;
    let refusal = refused(&["--from", &from, "--to", &to])?;
    ensure!(refusal.contains("the unfinished target of another move"), "{refusal}");
    let emptied = succeed(&["--cancel", "--from", &from, "--to", &to])?;
    ensure!(emptied.contains("is removed"), "{emptied}");
    succeed(&["--from", &from, "--to", &to])?;
    Ok(())
}

#[test]
fn a_row_that_differs_is_found_and_nothing_is_opened() -> Result<()> {
    let Some(server) = Postgres::shared()?.filter(|_| Shell::is_here()) else { return Ok(()) };
    let (registry, from, to, _) = interrupted(&server, Signal::SIGKILL)?;
    let name = to.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
    server.sql(name, "UPDATE repositories SET created_at = created_at + 1 WHERE id = 1007")?;
    let found = refused(&["--from", &from, "--to", &to])?;
    ensure!(found.contains("table repositories: the row 1007 differs in created_at"), "{found}");
    registry.client()?.ask(&post("/v2/acme/new/blobs/uploads/"))?.expect(503)?;
    ensure!(server.sql(name, "SELECT state FROM moves")? == "copying");
    server.sql(name, "UPDATE repositories SET created_at = created_at - 1 WHERE id = 1007")?;
    succeed(&["--from", &from, "--to", &to])?;
    Ok(())
}

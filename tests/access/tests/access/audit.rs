//! The log of who did what.

use anyhow::Result;
use entrepot_test_harness::get;
use serde_json::{Value, json};

use crate::world::{ROOT, Shows, World};

fn made_account(entry: &Value) -> bool {
    entry["action"] == "account.create"
}

#[test]
fn what_was_done_is_written_down() -> Result<()> {
    let world = World::start()?;
    let root = Shows::Password(ROOT);
    for name in ["ann", "ben", "eve"] {
        world.account(name)?;
    }
    let made = world.done(&root, "GET", "/api/v1/audit?target=ben", None)?;
    let entry = &made["items"][0];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("account.create"), &json!(ROOT)));
    assert_eq!((&entry["allowed"], &entry["credential"]), (&json!(true), &json!("password")));
    assert!(entry["address"].as_str().is_some_and(|address| address.starts_with("10.")), "{entry}");

    let mut path = Some("/api/v1/audit?actor=root&limit=1".to_owned());
    let mut targets = Vec::new();
    while let Some(page) = path {
        let page = world.done(&root, "GET", page, None)?;
        // Logins are there too, as soon as they are written.
        targets.extend(page["items"].as_array().into_iter().flatten().filter(|entry| made_account(entry)).cloned());
        path = page["next"].as_str().map(str::to_owned);
    }
    let targets: Vec<_> = targets.iter().map(|entry| &entry["target"]).collect();
    assert_eq!(targets, ["eve", "ben", "ann"], "the youngest come first");

    let lines =
        world.ask(&root, get("/api/v1/audit?actor=root").header("Accept", "application/x-ndjson"))?.expect(200)?;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = lines.text().lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let made: Vec<_> = lines.iter().filter(|entry| made_account(entry)).map(|entry| &entry["target"]).collect();
    assert_eq!(made, ["eve", "ben", "ann"]);

    let later = world.done(&root, "GET", "/api/v1/audit?since=2100-01-01T00:00:00Z", None)?;
    assert_eq!(later["items"], json!([]));
    let refused = world.ask(&root, get("/api/v1/audit?since=yesterday"))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "query");
    Ok(())
}

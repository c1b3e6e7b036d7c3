//! The log of who did what.

use anyhow::Result;
use entrepot_test_harness::get;
use serde_json::{Value, json};

use crate::world::{ROOT, Shows, World};

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
        targets.push(page["items"][0]["target"].clone());
        path = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(json!(targets), json!(["eve", "ben", "ann"]), "the youngest come first");

    let lines =
        world.ask(&root, get("/api/v1/audit?actor=root").header("Accept", "application/x-ndjson"))?.expect(200)?;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = lines.text().lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(lines.iter().map(|line| &line["target"]).collect::<Vec<_>>(), ["eve", "ben", "ann"]);

    let later = world.done(&root, "GET", "/api/v1/audit?since=2100-01-01T00:00:00Z", None)?;
    assert_eq!(later["items"], json!([]));
    let refused = world.ask(&root, get("/api/v1/audit?since=yesterday"))?.expect(422)?;
    assert_eq!(refused.json()?["field"], "query");
    Ok(())
}

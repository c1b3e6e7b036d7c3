//! Every statement against the tables.

use entrepot_database::POSTGRES_PLANNER;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::tables;

on_both_engines! {
    every_statement_fits_the_tables,
    no_statement_walks_a_table,
}

async fn every_statement_fits_the_tables(place: Place) {
    open(&place, Anonymous::Pull).await.access.0.database.check(tables::STATEMENTS).await.unwrap();
}

/// What may walk or sort: few rows, whatever the registry has.
const OVER_FEW_ROWS: &[(&str, &str)] = &[
    // One row; a few keys.
    ("GENERATION", "Seq Scan"),
    ("NEXT_GENERATION", "Seq Scan"),
    ("ADOPTED", "Seq Scan"),
    ("SET_ADOPTED", "Seq Scan"),
    ("SIGNING_KEYS", "Seq Scan"),
    ("SIGNING_KEYS", "Sort"),
    ("END_SIGNING_KEYS", "Seq Scan"),
    ("REMOVE_SIGNING_KEYS", "Seq Scan"),
    // What the teams of one organization were given, and who is in them; the rules of one namespace.
    ("ROSTERS", "Sort"),
    ("GRANTS_OF_TEAMS", "Sort"),
    ("JOB_RULES", "Sort"),
    // The ids of those that go together.
    ("REMOVE_AUDIT", "Hash"),
    ("REMOVE_RATE_COUNTS", "Hash"),
];

async fn no_statement_walks_a_table(place: Place) {
    let Place::Postgres { server, url } = &place else { return };
    drop(place.open(&[ROOM]).await.unwrap());
    let database = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    let mut found = Vec::new();
    for statement in tables::STATEMENTS {
        let text = statement.postgres();
        let parameters = (1..20).take_while(|number| text.contains(&format!("${number}"))).map(|_| "NULL");
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let call = if parameters.is_empty() { "it".to_owned() } else { format!("it ({parameters})") };
        let explain = format!("{POSTGRES_PLANNER}; PREPARE it AS {text}; EXPLAIN EXECUTE {call}");
        let plan = server.sql(database, &explain).unwrap();
        for wrong in ["Seq Scan", "Sort", "Hash"] {
            if plan.contains(wrong) && !OVER_FEW_ROWS.contains(&(statement.name(), wrong)) {
                found.push(format!("{}:\n{plan}", statement.name()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

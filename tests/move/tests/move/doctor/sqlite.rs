//! A SQLite file that is broken.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

use anyhow::{Result, ensure};

use super::{USAGE, ask, run, wait_until_well};
use crate::registry::Registry;
use crate::shell::Shell;

const SCHEMA: &str = "tables, columns and indexes are those that the migrations make";
const MIGRATIONS: &str = "migrations are those of this version";

/// A registry with an image in it, stopped.
fn registry() -> Result<Registry> {
    let mut registry = Registry::new()?;
    registry.start(None)?;
    registry.client()?.push("acme/one", "v1", b"layer")?;
    ask(&registry, &[], &["--thorough"])?.expect_well()?;
    registry.stop();
    ask(&registry, &[], &[])?.expect_well()?;
    Ok(registry)
}

#[test]
fn what_is_not_there_or_is_no_database() -> Result<()> {
    let registry = Registry::new()?;
    let said = ask(&registry, &[], &[])?;
    said.expect(&["there is no file", "look at data_dir; otherwise `entrepot serve` makes it"])?;
    said.expect_wrong(&["the database can be reached", "the store can be read"])?;
    ensure!(said.text.matches("not looked at, because the database cannot be reached").count() >= 5, "{}", said.text);
    fs::create_dir_all(registry.file().parent().unwrap_or(registry.path()))?;
    fs::write(registry.file(), "")?;
    ask(&registry, &[], &[])?.expect(&["it is empty", "not looked at, because the database has no tables"])?;
    fs::write(registry.file(), "this is no database at all, whatever its name says, and it is longer than a head")?;
    ask(&registry, &[], &[])?.expect(&["file is not a database", "restore a back-up"])?;
    let said = ask(&registry, &[("ENTREPOT_STORE_BACKEND", "s3"), ("ENTREPOT_DATABASE_CONNECTIONS", "0")], &[])?;
    said.expect_wrong(&["the configuration has no mistakes"])?;
    said.expect(&["database.connections", "database and store are well: not looked at, because"])?;
    Ok(())
}

#[test]
fn migrations_that_are_others() -> Result<()> {
    if !Shell::is_here() {
        return Ok(());
    }
    let registry = registry()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    shell.rows("CREATE TABLE kept AS SELECT * FROM migrations")?;
    let again = "DELETE FROM migrations; INSERT INTO migrations SELECT * FROM kept";

    shell.rows("UPDATE migrations SET sql = sql || ' ' WHERE room = 'registry' AND number = 1")?;
    let said = ask(&registry, &[], &[])?;
    said.expect(&["migration 1 (distribution) of registry has another text than this version applies"])?;

    shell.rows(again)?;
    shell.rows("DELETE FROM migrations WHERE room = 'registry' AND number = 1")?;
    ask(&registry, &[], &[])?.expect(&[
        "migration 1 (distribution) of registry is missing, but a later one is there",
        "restore a back-up",
    ])?;

    shell.rows(again)?;
    shell.rows(
        "DROP TABLE objects; DROP TABLE writers; DROP TABLE namespace_usage; DROP TABLE usage_changes;
        DELETE FROM migrations WHERE room = 'registry' AND number > 1",
    )?;
    let said = ask(&registry, &[], &[])?;
    said.expect(&["migration 2 (objects) of registry is not there yet", "start `entrepot serve` of this version"])?;
    // Its tables are not missed, as nobody has made them yet.
    ensure!(!said.text.contains("the table objects is missing"), "{}", said.text);

    shell.rows(again)?;
    shell.rows("INSERT INTO migrations VALUES ('registry', 99, 'later', 'CREATE', 0, 'additive')")?;
    let said = ask(&registry, &[], &[])?;
    ensure!(said.text.contains("migration 99 (later) of registry is of a newer version, over which this one can"));
    ensure!(said.text.contains("not looked at, because this version does not know all of the migrations"));
    shell.rows("UPDATE migrations SET compatibility = 'breaking' WHERE number = 99 AND room = 'registry'")?;
    ask(&registry, &[], &[])?.expect(&["over which this one cannot run", "start the newer version"])?;
    Ok(())
}

#[test]
fn tables_that_are_others_are_mended_as_it_says() -> Result<()> {
    if !Shell::is_here() {
        return Ok(());
    }
    let registry = registry()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    shell.rows(
        "DROP INDEX tags_of_manifest; DROP INDEX manifests_of_subject; \
         CREATE INDEX manifests_of_subject ON manifests (subject); CREATE INDEX own ON tags (updated_at); \
         ALTER TABLE tags ADD COLUMN own TEXT; CREATE TABLE strange (a); \
         CREATE TRIGGER slow AFTER INSERT ON tags BEGIN SELECT 1; END",
    )?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&[SCHEMA])?;
    said.expect(&[
        "the index tags_of_manifest of the table tags is missing",
        "the index manifests_of_subject of the table manifests is \"CREATE INDEX manifests_of_subject ON manifests (subject)\" \
         and should be",
        "the index own of the table tags is not of any migration",
        "the column own of the table tags is not of any migration",
        "the table strange is not of any migration",
        "the trigger slow of the table tags is not of any migration",
    ])?;
    // The index before its column, and what stands behind the last colon is SQL.
    let mut statements = said.statements(": ");
    ensure!(statements.len() == 6, "{statements:?}");
    statements.sort_by_key(|sql| sql.starts_with("ALTER"));
    for sql in &statements {
        shell.rows(sql)?;
    }
    ask(&registry, &[], &[])?.expect_well()?;

    shell.rows("DROP TABLE moves; DROP TABLE writers; ALTER TABLE uploads DROP COLUMN started_at")?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&[SCHEMA])?;
    said.expect(&[
        "the table moves is missing",
        "the table writers is missing",
        "the column started_at of the table uploads is missing",
        "writes are allowed: not looked at, because there is no table moves",
        "ok      what rows name is there",
    ])?;
    Ok(())
}

#[test]
fn moves_and_writes_that_were_stopped() -> Result<()> {
    if !Shell::is_here() {
        return Ok(());
    }
    let registry = registry()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    shell.rows("INSERT INTO maintenance VALUES (1, 'the disk is being changed')")?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&["writes are allowed"])?.expect(&["writes are stopped: the disk is being changed"])?;
    for command in said.statements("go on: ") {
        run(&registry, &[], command.trim_matches('`').trim_start_matches("entrepot "))?;
    }
    ask(&registry, &[], &[])?.expect_well()?;
    for (part, state, words) in [
        ("from", "copying", "the data is being moved to postgres://b"),
        ("from", "finishing", "give it up: the same command with --cancel"),
        ("from", "done", "was moved to postgres://b: this is the old copy"),
        ("to", "copying", "this is the unfinished target of a move from postgres://b"),
    ] {
        shell.rows(&format!(
            "INSERT OR REPLACE INTO moves VALUES (1, '018f0000-0000-7000-8000-000000000000', '{part}', '{state}', 'postgres://b')"
        ))?;
        ask(&registry, &[], &[])?.expect_wrong(&["writes are allowed"])?.expect(&[words])?;
    }
    shell.rows("UPDATE moves SET part = 'to', state = 'done'")?;
    ask(&registry, &[], &[])?.expect_well()?;
    Ok(())
}

#[test]
fn pages_and_references_that_are_broken() -> Result<()> {
    if !Shell::is_here() {
        return Ok(());
    }
    let registry = registry()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    // sqlite3 does not look after references by itself.
    shell.rows("DELETE FROM manifests")?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&["references between rows hold", "what rows name is there", USAGE])?;
    said.expect(&[
        "1 rows of tags name rows of manifests that are not there",
        "in tags, 1 rows name by manifest_id what is not in manifests: they are listed, and cannot be pulled",
    ])?;
    for sql in said.statements("and: ").into_iter().chain(said.statements("anew: ")) {
        shell.rows(&sql)?;
    }
    ask(&registry, &[], &[])?.expect_well()?;

    shell.rows("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let page: u64 =
        shell.rows("SELECT rootpage FROM sqlite_schema WHERE name = 'repository_blobs_of_blob'")?.trim().parse()?;
    let size: u64 = shell.rows("PRAGMA page_size")?.trim().parse()?;
    let file = OpenOptions::new().write(true).open(&file)?;
    // An index page with no entries.
    let empty = [&[10, 0, 0, 0, 0][..], &u16::try_from(size % 65_536)?.to_be_bytes(), &[0]].concat();
    file.write_all_at(&empty, (page - 1) * size)?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&["the file is sound"])?;
    said.expect(&["missing from index repository_blobs_of_blob", "sqlite3 entrepot.db REINDEX"])?;
    shell.rows("REINDEX")?;
    ask(&registry, &[], &[])?.expect_well()?;

    file.write_all_at(&[0xff; 64], (page - 1) * size)?;
    let said = ask(&registry, &[], &[])?;
    // Whoever reads that index meets it too.
    said.expect_wrong(&["the file is sound", "what rows name is there"])?;
    said.expect(&["disk image is malformed", "restore a back-up; without one, `sqlite3 entrepot.db .recover`"])?;
    ensure!(said.text.contains(&format!("ok      {MIGRATIONS}\nok      {SCHEMA}\n")), "{}", said.text);
    Ok(())
}

#[test]
fn usage_that_is_not_right() -> Result<()> {
    if !Shell::is_here() {
        return Ok(());
    }
    let mut registry = registry()?;
    let file = registry.file();
    let shell = Shell::over(&file);
    shell.rows("INSERT INTO usage_changes (namespace, bytes) VALUES ('acme', 7), ('nobody', -3)")?;
    let said = ask(&registry, &[], &[])?;
    said.expect_wrong(&[USAGE])?.expect(&["nobody has 0 bytes, and -3 are written down", "acme has "])?;
    shell.rows(&said.statements("anew: ").join("; "))?;
    ask(&registry, &[], &[])?.expect_well()?;
    registry.start(None)?;
    wait_until_well(&registry, &[])?;
    Ok(())
}

//! A PostgreSQL server and database that are not as they should be.

use anyhow::{Result, ensure};
use entrepot_test_support::{Port, Postgres};

use super::{Said, USAGE, ask, wait_until_well};
use crate::registry::Registry;

const SCHEMA: &str = "tables, columns and indexes are those that the migrations make";

/// A registry over a database of its own, with an image in it, stopped.
struct Patient<'a> {
    registry: Registry,
    server: &'a Postgres,
    url: String,
    name: String,
}

impl<'a> Patient<'a> {
    fn new(server: &'a Postgres) -> Result<Self> {
        let url = server.database()?;
        let name = name(&url).to_owned();
        let mut registry = Registry::new()?;
        registry.start(Some(&url))?;
        registry.client()?.push("acme/one", "v1", b"layer")?;
        ask(&registry, &[("ENTREPOT_DATABASE_URL", &url)], &["--thorough"])?.expect_well()?;
        registry.stop();
        let patient = Self { registry, server, url, name };
        patient.ask()?.expect_well()?;
        Ok(patient)
    }

    fn ask(&self) -> Result<Said> {
        ask(&self.registry, &[("ENTREPOT_DATABASE_URL", &self.url)], &[])
    }

    fn sql(&self, sql: &str) -> Result<String> {
        self.server.sql(&self.name, sql)
    }
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default()
}

#[test]
fn a_server_that_is_away_or_refuses() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let registry = Registry::new()?;
    let nobody = Port::claim()?;
    let away = format!("postgres://ann:s3cret@127.0.0.1:{}/entrepot?sslmode=disable", nobody.number());
    let said = ask(&registry, &[("ENTREPOT_DATABASE_URL", &away)], &[])?;
    said.expect(&["start the server, or correct database.url"])?;
    ensure!(said.text.matches("not looked at, because the database cannot be reached").count() >= 8, "{}", said.text);
    ensure!(!said.text.contains("s3cret"), "{}", said.text);
    let said = ask(&registry, &[("ENTREPOT_DATABASE_URL", &server.url("nowhere"))], &[])?;
    said.expect(&["\"nowhere\" does not exist", "make the role and its database"])?;
    let empty = server.database()?;
    let said = ask(&registry, &[("ENTREPOT_DATABASE_URL", &empty)], &[])?;
    said.expect(&["it is empty", "look at database.url", "ok      its encoding is UTF8"])?;
    server.sql("postgres", "CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")?;
    let said = ask(&registry, &[("ENTREPOT_DATABASE_URL", &server.url("narrow"))], &[])?;
    said.expect(&["it is LATIN1", "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"])?;
    Ok(())
}

#[test]
fn what_the_role_may_not_do() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let patient = Patient::new(&server)?;
    patient
        .sql("CREATE ROLE poor LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO poor")?;
    let url = patient.url.replace("postgres@", "poor@");
    let said = ask(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)], &[])?;
    said.expect_wrong(&["tables can be made"])?;
    said.expect(&["the role poor may not make tables in the schema public: the next upgrade will fail"])?;
    patient.sql(&said.statements("or: ").concat())?;
    ask(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)], &[])?.expect_well()?;

    // One check that is refused says nothing of those behind it.
    patient.sql("REVOKE ALL ON moves FROM poor")?;
    let said = ask(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)], &[])?;
    said.expect_wrong(&["writes are allowed"])?
        .expect(&["permission denied for table moves", "give the registry's role its tables"])?;
    ensure!(said.text.contains("ok      what rows name is there"), "{}", said.text);
    patient.sql("REVOKE ALL ON migrations FROM poor")?;
    let said = ask(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)], &[])?;
    said.expect(&[
        "permission denied for table migrations",
        "not looked at, because it is not known which migrations it has",
    ])?;
    Ok(())
}

#[test]
fn settings_clock_and_connections() -> Result<()> {
    let Some(server) = Postgres::start()? else { return Ok(()) };
    let patient = Patient::new(&server)?;
    let settings = [("ENTREPOT_DATABASE_URL", patient.url.as_str()), ("ENTREPOT_DATABASE_CONNECTIONS", "120")];
    let said = ask(&patient.registry, &settings, &[])?;
    said.expect_wrong(&["connections are enough"])?;
    said.expect(&["there are 197, and 252 may be taken (1 replicas", "by 55, or lower database.connections"])?;
    patient.sql(&format!("ALTER DATABASE {} CONNECTION LIMIT 20", patient.name))?;
    patient.ask()?.expect_wrong(&["connections are enough"])?.expect(&["there are 20, and 44 may be taken"])?;
    patient.sql(&format!("ALTER DATABASE {} CONNECTION LIMIT -1", patient.name))?;

    patient.sql("ALTER SYSTEM SET full_page_writes = off")?;
    patient.sql("SELECT pg_reload_conf(), pg_sleep(1)")?;
    let said = patient.ask()?;
    said.expect_wrong(&["its settings keep what was committed"])?;
    said.expect(&["full_page_writes is off: a power cut takes pushes", "ALTER SYSTEM SET full_page_writes = on"])?;
    patient.sql("ALTER SYSTEM RESET full_page_writes")?;
    patient.sql("SELECT pg_reload_conf(), pg_sleep(1)")?;

    // A clock of our own stands before the server's.
    patient.sql(
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
            AS 'SELECT pg_catalog.now() + interval ''1 hour'''; ALTER ROLE postgres SET search_path = public, pg_catalog",
    )?;
    let said = patient.ask()?;
    said.expect_wrong(&["its clock agrees with ours"])?;
    said.expect(&["s ahead of this machine's", "let both follow a time server (NTP)"])?;
    patient.sql("ALTER ROLE postgres RESET search_path")?;
    patient.ask()?.expect_well()?;
    Ok(())
}

#[test]
fn tables_migrations_and_rows() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let patient = Patient::new(&server)?;
    patient.sql(
        "DROP INDEX tags_of_manifest; CREATE INDEX own ON tags (updated_at); ALTER TABLE tags ADD COLUMN own TEXT;
        CREATE TABLE strange (a INT); ALTER TABLE blobs DROP CONSTRAINT blobs_digest_key; ALTER TABLE writers SET UNLOGGED;
        ALTER TABLE manifest_blobs ADD CONSTRAINT own FOREIGN KEY (blob_id) REFERENCES blobs (id)",
    )?;
    let said = patient.ask()?;
    said.expect_wrong(&[SCHEMA])?;
    said.expect(&[
        "the index tags_of_manifest of the table tags is missing",
        "the index own of the table tags is not of any migration",
        "the column own of the table tags is not of any migration",
        "the table strange is not of any migration",
        "the constraint blobs_digest_key of the table blobs is missing",
        "the constraint own of the table manifest_blobs is not of any migration",
        "the table writers is \"UNLOGGED\" and should be \"LOGGED\"",
    ])?;
    for sql in said.statements(": ") {
        patient.sql(&sql)?;
    }
    patient.ask()?.expect_well()?;
    patient
        .sql("ALTER TABLE repositories ALTER COLUMN name TYPE VARCHAR(255), ALTER COLUMN created_at DROP NOT NULL")?;
    patient.ask()?.expect_wrong(&[SCHEMA])?.expect(&[
        "the column created_at of the table repositories is \"bigint\" and should be \"bigint NOT NULL\"",
        "the column name of the table repositories is",
    ])?;
    patient.sql(
        r#"ALTER TABLE repositories ALTER COLUMN name TYPE TEXT COLLATE "C", ALTER COLUMN created_at SET NOT NULL"#,
    )?;
    patient.ask()?.expect_well()?;

    patient.sql("DELETE FROM blobs; DELETE FROM manifests")?;
    let said = patient.ask()?;
    said.expect_wrong(&["what rows name is there", USAGE])?;
    said.expect(&[
        "in repository_blobs, 2 rows name by blob_id what is not in blobs",
        "in manifest_blobs, 2 rows name by blob_id what is not in blobs: the images of these layers cannot be pulled",
        "in manifest_blobs, 2 rows name by manifest_id what is not in manifests",
        "in tags, 1 rows name by manifest_id what is not in manifests",
    ])?;
    for sql in said.statements("and: ").into_iter().chain(said.statements("anew: ")) {
        patient.sql(&sql)?;
    }
    patient.ask()?.expect_well()?;

    patient.sql("INSERT INTO maintenance VALUES (1, 'it is being looked at')")?;
    patient.ask()?.expect_wrong(&["writes are allowed"])?.expect(&["writes are stopped: it is being looked at"])?;
    patient.sql("UPDATE migrations SET sql = 'x' WHERE room = 'database' AND number = 1; DELETE FROM maintenance")?;
    patient.ask()?.expect(&["migration 1 (jobs) of database has another text"])?;
    // The doctor leaves nothing behind.
    ensure!(patient.sql("SELECT count(*) FROM pg_class WHERE relpersistence = 't'")? == "0");
    Ok(())
}

#[test]
fn usage_that_is_not_right_while_it_runs() -> Result<()> {
    let Some(server) = Postgres::shared()? else { return Ok(()) };
    let mut patient = Patient::new(&server)?;
    let url = patient.url.clone();
    patient.registry.start(Some(&url))?;
    wait_until_well(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)])?;
    patient.sql("INSERT INTO usage_changes (namespace, bytes) VALUES ('acme', 7)")?;
    let said = patient.ask()?;
    said.expect_wrong(&[USAGE])?;
    patient.sql(&said.statements("anew: ").concat())?;
    wait_until_well(&patient.registry, &[("ENTREPOT_DATABASE_URL", &url)])?;
    Ok(())
}

//! A real PostgreSQL that ends sessions, stops, crashes, hangs, or is asked for too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use entrepot_database::{Compatibility, Database, Durability, Error, Kind, Migration, PostgresOptions, Room};
use entrepot_test_engines::options;
use entrepot_test_support::{Fault, FaultProxy, Postgres};
use futures_util::future::join_all;

entrepot_database::statements! {
    ADD = "INSERT INTO things (name) VALUES ($1)";
    COUNT = "SELECT COUNT(*) FROM things WHERE name <> $1";
    SLEEP = "SELECT 1 FROM (SELECT pg_sleep(60)) AS slept";
}

const ROOM: Room = Room {
    name: "things",
    migrations: &[Migration {
        name: "things",
        sqlite: "",
        postgres: r#"CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT COLLATE "C")"#,
        compatibility: Compatibility::Breaking,
    }],
    tables: &[],
};

/// What a test may wait for that is to happen soon.
const SOON: Duration = Duration::from_secs(10);

async fn connect(options: PostgresOptions) -> Database {
    Database::connect(options, &[ROOM]).await.unwrap()
}

async fn add(database: &Database) -> Result<(), Error> {
    database.write(Durability::Power, |c| c.execute(&ADD, &["thing".into()]).map(|_| ())).await
}

async fn count(database: &Database) -> Result<u64, Error> {
    let count = database.read(|c| c.first(&COUNT, &["".into()], |row| row.size(0))).await?;
    Ok(count.unwrap_or_default())
}

/// The name of the database in `url`.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap().split('?').next().unwrap()
}

/// Ends every session of a database, as an operator or a failing standby does.
fn terminate(server: &Postgres, url: &str) {
    let sessions = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'",
        name(url)
    );
    server.sql("postgres", &sessions).unwrap();
}

/// Asks again until it works, and returns how long that took.
async fn recovers(database: &Database) -> Duration {
    let start = Instant::now();
    loop {
        match add(database).await {
            Ok(()) => return start.elapsed(),
            Err(error) => assert!(error.is_temporary() && start.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_lose_nothing_that_was_acknowledged() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let url = server.database().unwrap();
    let database = connect(options(&url).unwrap()).await;
    let (acknowledged, unknown) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (database, over) = (database.clone(), Arc::clone(&over));
            let (acknowledged, unknown) = (Arc::clone(&acknowledged), Arc::clone(&unknown));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    match add(&database).await {
                        Ok(()) => acknowledged.fetch_add(1, Ordering::Relaxed),
                        Err(error) if error.kind() == Kind::Unavailable => unknown.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error}"),
                    };
                    count(&database).await.map_or_else(|error| assert_eq!(error.kind(), Kind::Unavailable), |_| ());
                }
            })
        })
        .collect();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::task::block_in_place(|| terminate(&server, &url));
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    recovers(&database).await;
    let there = count(&database).await.unwrap() - 1;
    let (acknowledged, unknown) = (acknowledged.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
    assert!(acknowledged > 20, "{acknowledged}");
    assert!((acknowledged..=acknowledged + unknown).contains(&there), "{acknowledged} {unknown} {there}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_idle_are_replaced_without_a_word() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let url = server.database().unwrap();
    let database = connect(options(&url).unwrap()).await;
    let all = join_all((0..16).map(|_| count(&database))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    for round in 0..3 {
        tokio::task::block_in_place(|| terminate(&server, &url));
        assert_eq!(count(&database).await.unwrap(), round);
        tokio::task::block_in_place(|| terminate(&server, &url));
        add(&database).await.unwrap();
    }
    assert_eq!(database.scan(|c| c.first(&COUNT, &["".into()], |row| row.size(0))).await.unwrap(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_not_answered_is_not_made_twice() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let url = server.database().unwrap();
    let database = connect(options(&url).unwrap()).await;
    // The commit itself takes long.
    server
        .sql(
            name(&url),
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION slow()",
        )
        .unwrap();
    let (ended, ()) = tokio::join!(add(&database), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::task::block_in_place(|| terminate(&server, &url));
    });
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("may stand or not"), "{error}");
    assert_eq!(count(&database).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_missed_at_once_and_found_again() {
    let Some(mut server) = Postgres::start().unwrap() else { return };
    let database = connect(options(&server.database().unwrap()).unwrap()).await;
    for round in 0..3 {
        add(&database).await.unwrap();
        tokio::task::block_in_place(|| if round == 0 { server.stop() } else { server.crash() }).unwrap();
        // Nobody waits for a server that is not there, however many ask.
        let start = Instant::now();
        for asked in join_all((0..200).map(|_| count(&database))).await {
            assert_eq!(asked.unwrap_err().kind(), Kind::Unavailable);
        }
        assert_eq!(database.probe().await.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(add(&database).await.unwrap_err().kind(), Kind::Unavailable);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        // Some pauses later.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(count(&database).await.is_err());
        tokio::task::block_in_place(|| server.start_again()).unwrap();
        let took = recovers(&database).await;
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    // What was acknowledged is there, also after crashes.
    assert_eq!(count(&database).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up_and_taken_up() {
    let Some(server) = Postgres::start().unwrap() else { return };
    let url = server.database().unwrap();
    let statement_timeout = Duration::from_secs(1);
    let database = connect(PostgresOptions { statement_timeout, ..options(&url).unwrap() }).await;
    add(&database).await.unwrap();
    database.probe().await.unwrap();
    server.freeze(true).unwrap();
    let start = Instant::now();
    let (read, write, probe) = tokio::join!(count(&database), add(&database), database.probe());
    for error in [read.unwrap_err(), write.unwrap_err(), probe.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    }
    // The statement's time and a second more, and then one connection that is tried for three seconds.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(count(&database).await.unwrap_err().kind(), Kind::Unavailable);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    server.freeze(false).unwrap();
    recovers(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_connection_hears_so_and_the_process_goes_on() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let url = server.database().unwrap();
    let database = connect(PostgresOptions { connections: 2, ..options(&url).unwrap() }).await;
    let slow = || {
        database.read(|_| {
            std::thread::sleep(Duration::from_secs(4));
            Ok::<_, Error>(())
        })
    };
    let start = Instant::now();
    let (first, second, refused, probed) = tokio::join!(
        slow(),
        slow(),
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let refused = join_all((0..500).map(|_| count(&database))).await;
            (refused, start.elapsed())
        },
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let asked = Instant::now();
            database.probe().await.unwrap();
            asked.elapsed()
        }
    );
    first.unwrap();
    second.unwrap();
    assert!(refused.0.iter().all(|result| result.as_ref().is_err_and(|error| error.kind() == Kind::Busy)));
    assert!(refused.1 < Duration::from_millis(3500), "{:?}", refused.1);
    assert!(probed < Duration::from_millis(500), "{probed:?}");
    count(&database).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let url = server.database().unwrap();
    let statement_timeout = Duration::from_secs(1);
    let database = connect(PostgresOptions { statement_timeout, ..options(&url).unwrap() }).await;
    let start = Instant::now();
    let error = database.read(|c| c.exists(&SLEEP, &[])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy, "{error}");
    assert!(error.message().contains("57014"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
    count(&database).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_hears_why() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    for (url, kind, reason) in [
        (server.url("nothing"), Kind::Io, "\"nothing\" does not exist"),
        (server.url("postgres").replace("postgres@", "nobody@"), Kind::Io, "\"nobody\" does not exist"),
        (server.url("postgres").replace("disable", "require"), Kind::Unavailable, "does not support TLS"),
        ("postgres://ann:s3cret@127.0.0.1:1/entrepot".to_owned(), Kind::Unavailable, "refused"),
    ] {
        let error = Database::connect(options(&url).unwrap(), &[ROOM]).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    let latin = Database::connect(options(&server.url("latin")).unwrap(), &[ROOM]).await.err().unwrap();
    assert_eq!(latin.kind(), Kind::Migration);
    assert!(latin.message().contains("ENCODING 'UTF8'"), "{latin}");
}

/// A database behind a proxy, on the server that tests share.
async fn behind_a_proxy(server: &Postgres, options: PostgresOptions) -> (FaultProxy, Database) {
    let upstream = ([127, 0, 0, 1], server.port()).into();
    let proxy = FaultProxy::start(upstream).unwrap();
    let url = options.url.to_string().replace(&server.port().to_string(), &proxy.address().port().to_string());
    let database = connect(PostgresOptions { url: url.parse().unwrap(), ..options }).await;
    (proxy, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_break_at_every_byte_and_nothing_is_written_twice_or_lost() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let (proxy, database) = behind_a_proxy(&server, options(&server.database().unwrap()).unwrap()).await;
    let before = proxy.passed();
    count(&database).await.unwrap();
    let after = proxy.passed();
    let connected = after.sent + after.received - before.sent - before.received;
    let (mut acknowledged, mut refused, mut unknown) = (0, 0, 0);
    let mut bytes = connected;
    // Until so much passes that the write is done before the connection breaks.
    loop {
        proxy.set(Fault::CutAfter(bytes));
        let written = add(&database).await;
        proxy.set(Fault::None);
        match written {
            Ok(()) => acknowledged += 1,
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unavailable, "{error}");
                if error.message().contains("may stand or not") { unknown += 1 } else { refused += 1 }
            }
        }
        recovers(&database).await;
        acknowledged += 1;
        let there = count(&database).await.unwrap();
        // Of what was not known, all that stood until now is counted as acknowledged from now on.
        assert!((acknowledged..=acknowledged + unknown).contains(&there), "{bytes}: {acknowledged} {unknown} {there}");
        (acknowledged, unknown) = (there, 0);
        if bytes > connected + 4000 {
            break;
        }
        bytes += 37;
    }
    assert!(refused > 0, "the first of them break before the commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_given_up() {
    let Some(server) = Postgres::shared().unwrap() else { return };
    let options = options(&server.database().unwrap()).unwrap();
    let statement_timeout = Duration::from_secs(1);
    let (proxy, database) = behind_a_proxy(&server, PostgresOptions { statement_timeout, ..options }).await;
    add(&database).await.unwrap();
    proxy.set(Fault::BlackHole);
    let start = Instant::now();
    let (read, write) = tokio::join!(count(&database), add(&database));
    assert_eq!((read.unwrap_err().kind(), write.unwrap_err().kind()), (Kind::Unavailable, Kind::Unavailable));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    proxy.set(Fault::None);
    recovers(&database).await;
    for fault in [Fault::Cut, Fault::Refuse, Fault::HalfClose] {
        proxy.set(fault);
        assert_eq!(add(&database).await.unwrap_err().kind(), Kind::Unavailable, "{fault:?}");
        proxy.set(Fault::None);
        recovers(&database).await;
    }
    proxy.set(Fault::Delay(Duration::from_millis(30)));
    add(&database).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_certificate_is_verified() {
    let Some(server) = Postgres::start().unwrap() else { return };
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    server.speak_tls(&signed.cert.pem(), &signed.signing_key.serialize_pem()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (right, wrong) = (directory.path().join("right.pem"), directory.path().join("wrong.pem"));
    std::fs::write(&right, signed.cert.pem()).unwrap();
    std::fs::write(&wrong, rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem()).unwrap();
    let url = server.database().unwrap();
    for (mode, ca_file, works) in [
        ("require", Some(&right), true),
        ("prefer", Some(&right), true),
        ("disable", None, true),
        ("require", None, false),
        ("prefer", None, false),
        ("require", Some(&wrong), false),
    ] {
        let options = options(&url.replace("sslmode=disable", &format!("sslmode={mode}"))).unwrap();
        match Database::connect(PostgresOptions { ca_file: ca_file.cloned(), ..options }, &[ROOM]).await {
            Ok(database) => {
                assert!(works, "{mode} {ca_file:?}");
                add(&database).await.unwrap();
                let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                    WHERE application_name = 'entrepot' LIMIT 1";
                let expected = if mode == "disable" { "f" } else { "t" };
                assert_eq!(server.sql("postgres", encrypted).unwrap(), expected, "{mode}");
            }
            Err(error) => {
                assert!(!works, "{mode} {ca_file:?}: {error}");
                assert!(error.message().contains("certificate"), "{error}");
                assert_eq!(error.message().contains("database.ca_file"), mode == "prefer", "{error}");
            }
        }
    }
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let options = PostgresOptions { ca_file: Some(empty), ..options(&url).unwrap() };
    let error = Database::connect(options, &[ROOM]).await.err().unwrap();
    assert!(error.message().contains("no certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_in_and_a_wrong_one_does_not() {
    let Some(server) = Postgres::start().unwrap() else { return };
    let url = server.database().unwrap().replace("postgres@", "ann@");
    let rules = server.sql("postgres", "SHOW hba_file").unwrap();
    for sql in [
        "CREATE ROLE ann LOGIN SUPERUSER PASSWORD 's3cret'".to_owned(),
        format!(
            "COPY (VALUES ('host all ann 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')) TO '{rules}'"
        ),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        server.sql("postgres", &sql).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let with = |password: &str| {
        let options = options(&url).unwrap();
        PostgresOptions { url: options.url.with_password(password), ..options }
    };
    add(&connect(with("s3cret")).await).await.unwrap();
    for wrong in [with("secret"), options(&url).unwrap()] {
        let error = Database::connect(wrong, &[ROOM]).await.err().unwrap();
        assert_eq!(error.kind(), Kind::Io, "{error}");
        assert!(error.message().contains("password"), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}

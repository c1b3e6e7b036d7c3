//! What holds over SQLite and over PostgreSQL alike.

use std::collections::BTreeSet;
use std::time::Duration;

use entrepot_database::{
    Compatibility, Connection, Database, Durability, Error, Kind, Migration, Room, Statement, Table,
};
use entrepot_test_engines::{Place, on_both_engines};
use futures_util::future::join_all;
use uuid::Uuid;

entrepot_database::statements! {
    ADD = "INSERT INTO things (name, size) VALUES ($1, $2)";
    ALL = "SELECT name, size FROM things ORDER BY name";
    ONE = "SELECT size FROM things WHERE name = $1";
    SET = "UPDATE things SET size = $1 WHERE name = $2";
    SUM = "SELECT CAST(SUM(size) AS BIGINT) FROM things WHERE name <> $1";
    KEEP = "INSERT INTO odd (id, some_text, some_bytes) VALUES ($1, $2, $3)";
    KEPT = "SELECT some_text, some_bytes, some_text IS NULL FROM odd WHERE id = $1";
    IN_ORDER = "SELECT some_text FROM odd WHERE some_text > $1 ORDER BY some_text";
}

const THINGS: Migration = Migration {
    name: "things",
    sqlite: "CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT;
        CREATE TABLE odd (id INTEGER PRIMARY KEY, some_text TEXT, some_bytes BLOB) STRICT",
    postgres: r#"CREATE TABLE things (name TEXT COLLATE "C" PRIMARY KEY, size BIGINT NOT NULL);
        CREATE TABLE odd (id BIGINT PRIMARY KEY, some_text TEXT COLLATE "C", some_bytes BYTEA)"#,
    compatibility: Compatibility::Breaking,
};
const TABLES: &[Table] = &[Table { name: "things", key: &["name"] }, Table { name: "odd", key: &["id"] }];
const ROOM: Room = Room { name: "things", migrations: &[THINGS], tables: TABLES };

on_both_engines! {
    every_statement_fits_the_tables,
    a_failed_write_takes_nothing_with_it,
    a_write_that_errs_or_panics_is_undone,
    what_was_written_is_there_after_opening_again,
    tables_of_another_version_are_refused,
    a_later_migration_that_adds_is_no_hindrance,
    migrations_are_applied_once_when_many_open,
    values_come_back_as_they_went,
    text_is_sorted_by_its_bytes,
    a_scan_sees_one_moment,
    increments_by_many_are_all_counted,
    of_many_that_add_one_thing_one_does,
    a_job_has_one_holder_and_comes_back,
    a_lease_is_renewed_until_it_has_passed_to_another,
    work_runs_once_when_due,
    writes_stop_and_go_on,
    a_replica_is_alive_until_it_is_silent,
}

async fn open(place: &Place) -> Database {
    place.open(&[ROOM]).await.unwrap()
}

async fn add(database: &Database, name: String, size: i64) -> Result<(), Error> {
    database.write(Durability::Power, move |c| c.execute(&ADD, &[(&name).into(), size.into()]).map(|_| ())).await
}

async fn size(database: &Database, name: &'static str) -> Option<u64> {
    database.read(move |c| c.first(&ONE, &[name.into()], |row| row.size(0))).await.unwrap()
}

async fn every_statement_fits_the_tables(place: Place) {
    let database = open(&place).await;
    database.check(STATEMENTS).await.unwrap();
    let text = "SELECT size FROM nothing WHERE name = $1";
    let wrong = Statement::new("WRONG", text, text);
    assert!(database.check(&[wrong]).await.unwrap_err().to_string().contains("WRONG"));
}

async fn a_failed_write_takes_nothing_with_it(place: Place) {
    let database = open(&place).await;
    let results = join_all((0..100_i64).map(|i| add(&database, format!("{:02}", i % 50), i))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 50);
    let kinds: Vec<_> = results.iter().filter_map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, vec![Kind::Constraint; 50]);
    let rows = database.read(|c| c.all(&ALL, &[], |row| Ok::<_, Error>((row.text(0)?.to_owned(), row.size(1)?))));
    assert_eq!(rows.await.unwrap().len(), 50);
}

async fn a_write_that_errs_or_panics_is_undone(place: Place) {
    let database = open(&place).await;
    let undone = database.write(Durability::Process, |c| {
        c.execute(&ADD, &["a".into(), 1.into()])?;
        // What the caller makes of it is an error like any other.
        c.first(&ONE, &["a".into()], |row| row.text(0).map(|_| ()))
    });
    assert_eq!(undone.await.unwrap_err().kind(), Kind::Other);
    let panicked: Result<(), Error> = database
        .write(Durability::Process, |c| {
            c.execute(&ADD, &["b".into(), 1.into()])?;
            panic!("a defect")
        })
        .await;
    assert_eq!(panicked.unwrap_err().kind(), Kind::Other);
    add(&database, "c".to_owned(), 3).await.unwrap();
    for (name, there) in [("a", None), ("b", None), ("c", Some(3))] {
        assert_eq!(size(&database, name).await, there, "{name}");
    }
}

async fn what_was_written_is_there_after_opening_again(place: Place) {
    let database = open(&place).await;
    add(&database, "a".to_owned(), 7).await.unwrap();
    drop(database);
    let database = open(&place).await;
    assert_eq!(database.scan(|c| c.first(&ONE, &["a".into()], |row| row.size(0))).await.unwrap(), Some(7));
}

async fn tables_of_another_version_are_refused(place: Place) {
    drop(open(&place).await);
    let none = Room { name: "things", migrations: &[], tables: &[] };
    let error = place.open(&[none]).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Migration);
    assert!(error.to_string().contains("newer version"), "{error}");
    const OTHER: Migration = Migration { sqlite: "SELECT 1", postgres: "SELECT 1", ..THINGS };
    let other = Room { name: "things", migrations: &[OTHER], tables: TABLES };
    assert_eq!(place.open(&[other]).await.err().unwrap().kind(), Kind::Migration);
}

async fn a_later_migration_that_adds_is_no_hindrance(place: Place) {
    const ADDED: Migration = Migration {
        name: "more",
        sqlite: "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT",
        postgres: "CREATE TABLE more (id BIGINT PRIMARY KEY)",
        compatibility: Compatibility::Additive,
    };
    const CHANGED: Migration = Migration {
        name: "less",
        sqlite: "DROP TABLE odd",
        postgres: "DROP TABLE odd",
        compatibility: Compatibility::Breaking,
    };
    let old = open(&place).await;
    let new = place.open(&[Room { name: "things", migrations: &[THINGS, ADDED], tables: TABLES }]).await.unwrap();
    // Both versions run side by side, and the old one can also start anew.
    add(&old, "a".to_owned(), 1).await.unwrap();
    add(&new, "b".to_owned(), 2).await.unwrap();
    add(&open(&place).await, "c".to_owned(), 3).await.unwrap();
    drop(place.open(&[Room { name: "things", migrations: &[THINGS, ADDED, CHANGED], tables: TABLES }]).await.unwrap());
    assert_eq!(place.open(&[ROOM]).await.err().unwrap().kind(), Kind::Migration);
}

async fn migrations_are_applied_once_when_many_open(place: Place) {
    for opened in join_all((0..8).map(|_| place.open(&[ROOM]))).await {
        opened.unwrap();
    }
}

async fn values_come_back_as_they_went(place: Place) {
    let database = open(&place).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let texts = [Some("plain"), Some(""), Some("Ünï\tcode \u{1F600} '\"\\ $1 ?1"), None];
    for (id, text) in (0_i64..).zip(texts) {
        let kept = bytes.clone();
        let write =
            database.write(Durability::Power, move |c| c.execute(&KEEP, &[id.into(), text.into(), (&kept[..]).into()]));
        assert_eq!(write.await.unwrap(), 1);
        let read = database.read(move |c| {
            c.first(&KEPT, &[id.into()], |row| {
                assert_eq!(
                    row.blob(0).err().map(|error| error.kind()),
                    text.map(|_| Kind::Other).or(Some(Kind::Other))
                );
                assert!(row.integer(0).is_err() && row.size(1).is_err() && row.text(1).is_err());
                assert_eq!(row.text(0).is_err(), text.is_none());
                Ok::<_, Error>((row.optional_text(0)?.map(str::to_owned), row.blob(1)?.to_vec()))
            })
        });
        assert_eq!(read.await.unwrap(), Some((text.map(str::to_owned), bytes.clone())));
    }
    let read = database.read(|c| c.first(&KEPT, &[7.into()], |row| row.blob(1).map(<[u8]>::to_vec)));
    assert_eq!(read.await.unwrap(), None);
}

async fn text_is_sorted_by_its_bytes(place: Place) {
    let database = open(&place).await;
    let texts = ["a-b", "ab", "B", "a/b", "a_b", "a.b", "é", "a", "Z", "0", "a-", "aB", "\u{ffff}", "\u{10000}"];
    let write = database.write(Durability::Process, move |c| {
        (0_i64..)
            .zip(texts)
            .try_for_each(|(id, text)| c.execute(&KEEP, &[id.into(), text.into(), (&[][..]).into()]).map(|_| ()))
    });
    write.await.unwrap();
    let read = database.scan(|c| c.all(&IN_ORDER, &["B".into()], |row| Ok::<_, Error>(row.text(0)?.to_owned())));
    let mut expected: Vec<_> = texts.into_iter().filter(|text| *text > "B").collect();
    expected.sort_unstable();
    assert_eq!(read.await.unwrap(), expected);
}

async fn a_scan_sees_one_moment(place: Place) {
    let database = open(&place).await;
    for (name, size) in [("a", 100), ("b", 0)] {
        add(&database, name.to_owned(), size).await.unwrap();
    }
    let moving = tokio::spawn({
        let database = database.clone();
        async move {
            for round in 0..200_i64 {
                let moved = database.write(Durability::Process, move |c| {
                    c.execute(&SET, &[(round % 100).into(), "a".into()])?;
                    c.execute(&SET, &[(100 - round % 100).into(), "b".into()]).map(|_| ())
                });
                moved.await.unwrap();
            }
        }
    });
    while !moving.is_finished() {
        let sizes = database.scan(|c| {
            let one = |name: &str| c.first(&ONE, &[name.into()], |row| row.integer(0));
            Ok::<_, Error>(one("a")?.unwrap() + one("b")?.unwrap())
        });
        assert_eq!(sizes.await.unwrap(), 100);
    }
    moving.await.unwrap();
}

async fn increments_by_many_are_all_counted(place: Place) {
    let database = open(&place).await;
    add(&database, "a".to_owned(), 0).await.unwrap();
    let increments = (0..64).map(|_| {
        database.write(Durability::Process, |c| {
            let size = c.first(&ONE, &["a".into()], |row| row.integer(0))?.unwrap_or_default();
            c.execute(&SET, &[(size + 1).into(), "a".into()])
        })
    });
    let done = join_all(increments).await;
    let counted = done.iter().filter(|result| result.is_ok()).count() as u64;
    // Under such a load some may be told to come back. Those are not counted, and all others are.
    assert!(done.iter().all(|result| result.as_ref().is_ok_and(|rows| *rows == 1) || result.is_err()));
    assert!(done.iter().filter_map(|result| result.as_ref().err()).all(|error| error.kind() == Kind::Busy));
    assert_eq!(size(&database, "a").await, Some(counted));
    assert!(counted > 0);
}

async fn of_many_that_add_one_thing_one_does(place: Place) {
    let database = open(&place).await;
    let adds = (0..32_i64).map(|i| {
        database.write(Durability::Process, move |c| {
            // Write skew: each looks for any other thing, and adds one of its own only if there is none.
            let others =
                c.first(&SUM, &["nothing".into()], |row| Ok::<_, Error>(row.integer(0).unwrap_or_default()))?;
            if others.unwrap_or_default() > 0 {
                return Ok(false);
            }
            c.execute(&ADD, &[(&format!("{i}")).into(), (i + 1).into()])?;
            Ok::<_, Error>(true)
        })
    });
    let added = join_all(adds).await;
    assert_eq!(added.iter().filter(|result| matches!(result, Ok(true))).count(), 1, "{added:?}");
}

async fn a_job_has_one_holder_and_comes_back(place: Place) {
    let database = open(&place).await;
    let hour = Duration::from_secs(3600);
    let claims = join_all((0..8).map(|_| database.claim_job("purge", hour))).await;
    let mut held: Vec<_> = claims.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(held.len(), 1);
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
    database.finish_job(held.remove(0), Duration::ZERO).await.unwrap();
    let brief = database.claim_job("purge", Duration::ZERO).await.unwrap();
    assert!(brief.is_some());
    // Its lease has ended at once, as that of a dead replica does after a while.
    let lease = database.claim_job("purge", hour).await.unwrap().unwrap();
    database.finish_job(brief.unwrap(), Duration::ZERO).await.unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
    // A process that knows itself to be the only one does not wait for the dead.
    database.release_jobs().await.unwrap();
    assert_eq!(database.claim_job("purge", hour).await.unwrap().is_some(), !database.is_shared());
    database.finish_job(lease, hour).await.unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
}

async fn a_lease_is_renewed_until_it_has_passed_to_another(place: Place) {
    let database = open(&place).await;
    let hour = Duration::from_secs(3600);
    let lease = database.claim_job("purge", Duration::ZERO).await.unwrap().unwrap();
    assert!(database.renew_job(&lease, hour).await.unwrap());
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
    assert!(database.renew_job(&lease, Duration::ZERO).await.unwrap());
    let next = database.claim_job("purge", hour).await.unwrap();
    assert!(next.is_some());
    assert!(!database.renew_job(&lease, hour).await.unwrap());
}

async fn work_runs_once_when_due(place: Place) {
    let database = open(&place).await;
    let hour = Duration::from_secs(3600);
    let run = |pause| database.run_job("purge", pause, async { Ok::<_, Error>(7) });
    assert_eq!(run(Duration::ZERO).await.unwrap(), Some(7));
    let failed = database.run_job("purge", hour, async { database.read(|c| c.exists(&ONE, &[])).await });
    assert!(failed.await.is_err());
    assert_eq!(run(Duration::ZERO).await.unwrap(), None, "not due, although it failed");
}

async fn writes_stop_and_go_on(place: Place) {
    let (database, other) = (open(&place).await, open(&place).await);
    let writers = (0..8_i64).map(|i| {
        let database = database.clone();
        tokio::spawn(async move {
            for round in 0..200_i64 {
                if let Err(error) = add(&database, format!("{i} {round}"), 1).await {
                    return error;
                }
            }
            add(&database, "0 0".to_owned(), 1).await.unwrap_err()
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let noted = |text: &'static str| move |c: &Connection<'_>| c.execute(&ADD, &[text.into(), 1.into()]).map(|_| ());
    other.stop_writes("the data is being moved; pushes go on soon", noted("stopped")).await.unwrap();
    let count = || async { other.scan(|c| c.all(&ALL, &[], |_| Ok::<_, Error>(()))).await.unwrap().len() };
    let before = count().await;
    for writer in writers {
        let error = writer.await.unwrap();
        if error.kind() != Kind::Constraint {
            assert_eq!((error.kind(), error.message()), (Kind::ReadOnly, "the data is being moved; pushes go on soon"));
            assert!(error.is_temporary());
        }
    }
    assert_eq!(count().await, before, "nothing is committed after writes have stopped");
    assert!(database.writes_stopped().await.unwrap().is_some());
    // What a process says of itself gets through.
    database.register_replica(Uuid::now_v7()).await.unwrap();
    other.stop_writes("it takes longer", |_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!(add(&database, "other".to_owned(), 1).await.unwrap_err().message(), "it takes longer");
    // What belongs to it is done in the same transaction, or nothing is.
    assert_eq!(other.allow_writes(noted("stopped")).await.unwrap_err().kind(), Kind::Constraint);
    assert!(database.writes_stopped().await.unwrap().is_some());
    other.allow_writes(noted("allowed")).await.unwrap();
    add(&database, "again".to_owned(), 1).await.unwrap();
    assert_eq!(database.writes_stopped().await.unwrap(), None);
}

async fn a_replica_is_alive_until_it_is_silent(place: Place) {
    let database = open(&place).await;
    let (silent, alive) = (Uuid::now_v7(), Uuid::now_v7());
    database.register_replica(silent).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    database.register_replica(alive).await.unwrap();
    assert!(database.renew_replica(alive).await.unwrap());
    let require = |id| database.write(Durability::Process, move |c| c.require_replica(id));
    require(silent).await.unwrap();
    let removed = database.remove_silent_replicas(Duration::from_millis(200)).await.unwrap();
    assert_eq!(removed, [silent]);
    assert_eq!(require(silent).await.unwrap_err().kind(), Kind::Unavailable);
    assert!(!database.renew_replica(silent).await.unwrap());
    require(alive).await.unwrap();
    database.remove_replica(alive).await.unwrap();
    assert_eq!(require(alive).await.unwrap_err().kind(), Kind::Unavailable);
    let ids: BTreeSet<_> = database.remove_silent_replicas(Duration::ZERO).await.unwrap().into_iter().collect();
    assert!(ids.is_empty());
}

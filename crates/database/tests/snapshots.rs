//! Snapshots of both engines, and holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use entrepot_database::{Compatibility, Connection, Database, Durability, Error, Migration, Room, Snapshot, Table};
use entrepot_test_engines::{Place, on_both_engines};

entrepot_database::statements! {
    ADD = "INSERT INTO accounts (id, money, note, photo) VALUES ($1, $2, $3, $4)";
    MOVE = "UPDATE accounts SET money = money + $1 WHERE id = $2";
    SUM = "SELECT CAST(SUM(money) AS BIGINT) FROM accounts";
    ROW = "SELECT money, note, photo FROM accounts WHERE id = $1";
    REASONS = "SELECT COUNT(*) FROM maintenance";
}

const ROOM: Room = Room {
    name: "bank",
    migrations: &[Migration {
        name: "accounts",
        sqlite: "CREATE TABLE accounts (id INTEGER PRIMARY KEY, money INTEGER NOT NULL, note TEXT, photo BLOB) STRICT",
        postgres: r#"CREATE TABLE accounts (id BIGINT PRIMARY KEY, money BIGINT NOT NULL, note TEXT COLLATE "C", photo BYTEA)"#,
        compatibility: Compatibility::Breaking,
    }],
    tables: &[Table { name: "accounts", key: &["id"] }],
};
/// More than one page of a copy.
const ACCOUNTS: i64 = 2500;

on_both_engines! {
    a_snapshot_is_of_one_moment_and_has_every_value,
    a_snapshot_leaves_out_what_is_true_of_the_database_alone,
    bytes_are_held_as_long_as_the_work_lasts,
}

async fn filled(place: &Place) -> Database {
    let database = place.open(&[ROOM]).await.unwrap();
    let add = |connection: &Connection<'_>| {
        for id in 0..ACCOUNTS {
            let (note, photo) =
                ((id % 3 != 0).then(|| format!("é {id}\n'")), (id % 2 == 0).then(|| vec![id as u8; 40]));
            connection.execute(&ADD, &[id.into(), 100.into(), note.as_deref().into(), photo.as_deref().into()])?;
        }
        Ok::<_, Error>(())
    };
    database.write(Durability::Power, add).await.unwrap();
    database
}

async fn sum(snapshot: &Snapshot) -> i64 {
    snapshot.read(|c| c.first(&SUM, &[], |row| row.integer(0))).await.unwrap().unwrap()
}

async fn a_snapshot_is_of_one_moment_and_has_every_value(place: Place) {
    let database = filled(&place).await;
    let over = Arc::new(AtomicBool::new(false));
    let moving = tokio::spawn({
        let (database, over) = (database.clone(), Arc::clone(&over));
        async move {
            let mut at = 0;
            while !over.load(Ordering::Relaxed) {
                let (from, to) = (at % ACCOUNTS, (at * 7 + 1_300) % ACCOUNTS);
                let moved = database.write(Durability::Process, move |c| {
                    c.execute(&MOVE, &[(-5).into(), from.into()])?;
                    c.execute(&MOVE, &[5.into(), to.into()])
                });
                moved.await.unwrap();
                at += 1;
            }
            at
        }
    });
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let path = directory.path().join(format!("{round}.db"));
        let rows = database.snapshot(&path, &[ROOM]).await.unwrap();
        assert_eq!(rows["accounts"], ACCOUNTS as u64);
        let snapshot = Snapshot::at(&path);
        snapshot.verify().await.unwrap();
        assert_eq!(sum(&snapshot).await, ACCOUNTS * 100, "money was on its way");
        for (id, note, photo) in
            [(0, None, Some(vec![0; 40])), (7, Some("é 7\n'"), None), (8, Some("é 8\n'"), Some(vec![8; 40]))]
        {
            let found = snapshot.read(move |c| {
                c.first(&ROW, &[id.into()], |row| {
                    let photo = if id % 2 == 0 { Some(row.blob(2)?.to_owned()) } else { None };
                    Ok::<_, Error>((row.optional_text(1)?.map(str::to_owned), photo))
                })
            });
            assert_eq!(found.await.unwrap().unwrap(), (note.map(str::to_owned), photo), "{id}");
        }
    }
    over.store(true, Ordering::Relaxed);
    assert!(moving.await.unwrap() > 0);
}

async fn a_snapshot_leaves_out_what_is_true_of_the_database_alone(place: Place) {
    let database = filled(&place).await;
    database.stop_writes("until noon", |_| Ok::<_, Error>(())).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("snapshot.db"), directory.path().join("copy.db"));
    database.snapshot(&path, &[ROOM]).await.unwrap();
    let snapshot = Snapshot::at(&path);
    let reasons = snapshot.read(|c| c.first(&REASONS, &[], |row| row.integer(0)));
    assert_eq!(reasons.await.unwrap(), Some(0));
    // It can be opened as a database, without the tables that are named.
    snapshot.copy(&copy, &["accounts"]).await.unwrap();
    let database = Database::open(&copy, &[ROOM]).unwrap();
    assert!(database.is_empty(&[ROOM]).await.unwrap());
    database
        .write(Durability::Power, |c| c.execute(&ADD, &[1.into(), 1.into(), None::<&str>.into(), None::<&[u8]>.into()]))
        .await
        .unwrap();
    assert!(!database.is_empty(&[ROOM]).await.unwrap());
    assert_eq!(sum(&snapshot).await, ACCOUNTS * 100);
}

async fn bytes_are_held_as_long_as_the_work_lasts(place: Place) {
    let database = place.open(&[ROOM]).await.unwrap();
    assert!(!database.is_held().await.unwrap());
    let held = database.hold_while(async {
        // Two at once: the end of one is not the end of the other.
        assert!(database.hold_while(database.is_held()).await?);
        database.is_held().await
    });
    assert!(held.await.unwrap());
    assert!(!database.is_held().await.unwrap());
    // Also while writes are stopped, and whatever comes of the work.
    database.stop_writes("until noon", |_| Ok::<_, Error>(())).await.unwrap();
    let failed = database.hold_while(async { database.writes_stopped().await.map(Option::unwrap) }).await;
    assert_eq!(failed.unwrap(), "until noon");
    assert!(!database.is_held().await.unwrap());
}

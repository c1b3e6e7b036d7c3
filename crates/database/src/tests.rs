use super::*;

statements! {
    ADD = "INSERT INTO things (name, size) VALUES ($1, $2)";
    ALL = "SELECT name, size FROM things ORDER BY name";
    ONE = "SELECT size FROM things WHERE name = $1";
}

const TABLES: &str = "CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT";
const ROOM: Room = Room { name: "things", migrations: &[Migration { name: "things", sqlite: TABLES }] };

fn temporary() -> (tempfile::TempDir, Database) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&directory.path().join("db"), &[ROOM]).unwrap();
    (directory, database)
}

async fn add(database: &Database, name: String, size: i64) -> Result<(), Error> {
    database.write(Durability::Power, move |c| c.execute(&ADD, &[(&name).into(), size.into()]).map(|_| ())).await
}

#[tokio::test]
async fn every_statement_fits_the_tables() {
    let (_directory, database) = temporary();
    database.check(STATEMENTS).await.unwrap();
    database.check(JOBS_STATEMENTS).await.unwrap();
    let wrong = Statement { name: "WRONG", sql: "SELECT size FROM things WHERE name = $2" };
    assert!(database.check(&[wrong]).await.unwrap_err().to_string().contains("WRONG"));
}

#[tokio::test]
async fn a_failed_write_takes_nothing_with_it() {
    let (_directory, database) = temporary();
    let writes = (0..100_i64).map(|i| add(&database, format!("{:02}", i % 50), i));
    let results = futures_join(writes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 50);
    let kinds: Vec<_> = results.iter().filter_map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, vec![Kind::Constraint; 50]);
    let rows = database.read(|c| c.all(&ALL, &[], |row| Ok::<_, Error>((row.text(0)?.to_owned(), row.size(1)?))));
    assert_eq!(rows.await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_write_that_errs_or_panics_is_undone() {
    let (_directory, database) = temporary();
    let undone: Result<(), Error> = database
        .write(Durability::Process, |c| {
            c.execute(&ADD, &["a".into(), 1.into()])?;
            Err(Error::new(Kind::Other, "test", "no"))
        })
        .await;
    assert!(undone.is_err());
    let panicked: Result<(), Error> = database
        .write(Durability::Process, |c| {
            c.execute(&ADD, &["b".into(), 1.into()])?;
            panic!("a defect")
        })
        .await;
    assert!(panicked.is_err());
    add(&database, "c".to_owned(), 3).await.unwrap();
    for (name, there) in [("a", false), ("b", false), ("c", true)] {
        let found = database.read(move |c| c.exists(&ONE, &[name.into()])).await.unwrap();
        assert_eq!(found, there, "{name}");
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let (directory, database) = temporary();
    add(&database, "a".to_owned(), 7).await.unwrap();
    drop(database);
    let database = Database::open(&directory.path().join("db"), &[ROOM]).unwrap();
    let size = database.scan(|c| c.first(&ONE, &["a".into()], |row| row.size(0))).await.unwrap();
    assert_eq!(size, Some(7));
}

#[test]
fn a_file_of_another_version_is_refused() {
    let (directory, database) = temporary();
    drop(database);
    let path = directory.path().join("db");
    let none = Room { name: "things", migrations: &[] };
    let error = Database::open(&path, &[none]).err().unwrap();
    assert_eq!(error.kind(), Kind::Migration);
    assert!(error.to_string().contains("newer version"), "{error}");
    let other = Room { name: "things", migrations: &[Migration { name: "things", sqlite: "SELECT 1" }] };
    assert_eq!(Database::open(&path, &[other]).err().unwrap().kind(), Kind::Migration);
}

#[tokio::test]
async fn a_job_has_one_holder_and_comes_back() {
    let (_directory, database) = temporary();
    let hour = Duration::from_secs(3600);
    let lease = database.claim_job("purge", hour).await.unwrap().unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
    database.finish_job(lease, Duration::ZERO).await.unwrap();
    let brief = database.claim_job("purge", Duration::ZERO).await.unwrap();
    assert!(brief.is_some());
    // Its lease has ended at once, as that of a dead replica does after a while.
    let lease = database.claim_job("purge", hour).await.unwrap().unwrap();
    database.finish_job(brief.unwrap(), Duration::ZERO).await.unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
    database.finish_job(lease, hour).await.unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
}

#[tokio::test]
async fn a_process_that_is_alone_takes_the_jobs_of_a_dead_one() {
    let (_directory, database) = temporary();
    let hour = Duration::from_secs(3600);
    let dead = database.claim_job("purge", hour).await.unwrap().unwrap();
    database.release_jobs().await.unwrap();
    let lease = database.claim_job("purge", hour).await.unwrap();
    assert!(lease.is_some());
    // What the dead one would still say changes nothing.
    database.finish_job(dead, Duration::ZERO).await.unwrap();
    assert!(database.claim_job("purge", hour).await.unwrap().is_none());
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}

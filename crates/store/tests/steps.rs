//! Errors, delays and death at every named step (`--features failpoints`).

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest, Hasher};
use entrepot_store::{Checkpoint, Error, FAIL_POINTS, Finish, Store};
use fail::FailScenario;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use uuid::Uuid;

const CHUNK: usize = 300_000;
const KEPT: Uuid = Uuid::from_u128(1);
const DISCARDED: Uuid = Uuid::from_u128(2);
const ONE_TRIP: Uuid = Uuid::from_u128(3);

fn content() -> Vec<u8> {
    (0..4 * CHUNK).map(|at| (at / 3) as u8).collect()
}

fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

fn start() -> Checkpoint {
    Checkpoint::start(Algorithm::Sha256)
}

/// What a caller would keep in its database.
#[derive(Default)]
struct Acknowledged {
    /// Of the upload `KEPT`.
    checkpoint: Option<Checkpoint>,
    published: Vec<Digest>,
    removed: Vec<Digest>,
    discarded: bool,
}

impl Acknowledged {
    fn read(path: &Path) -> Self {
        let mut facts = Self::default();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["checkpoint", offset, state] => {
                    let state: Vec<u8> = (0..state.len())
                        .step_by(2)
                        .map(|at| u8::from_str_radix(&state[at..at + 2], 16).unwrap())
                        .collect();
                    let hasher = Hasher::from_bytes(&state).unwrap();
                    facts.checkpoint = Some(Checkpoint { offset: offset.parse().unwrap(), hasher });
                }
                ["published", digest] => facts.published.push(digest.parse().unwrap()),
                ["removing", digest] => facts.published.retain(|published| published.to_string() != digest),
                ["removed", digest] => facts.removed.push(digest.parse().unwrap()),
                ["discarded"] => facts.discarded = true,
                _ => panic!("{line}"),
            }
        }
        facts
    }
}

/// Everything a store is used for, each success written down in `journal`.
async fn work(store: &Store, journal: &Path) -> Result<(), Error> {
    let mut journal = std::fs::File::options().create(true).append(true).open(journal).unwrap();
    let content = content();

    let mut upload = store.resume(KEPT, start()).await?;
    for chunk in content.chunks(CHUNK) {
        upload.write(Bytes::copy_from_slice(chunk)).await?;
        let at = upload.checkpoint().await?.at;
        let state: String = at.hasher.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(journal, "checkpoint {} {state}", at.offset).unwrap();
    }
    drop(upload);
    store.publish(KEPT, &sha256(&content), content.len() as u64).await?;
    writeln!(journal, "published {}", sha256(&content)).unwrap();

    let mut upload = store.resume(DISCARDED, start()).await?;
    upload.write(Bytes::from_static(b"unwanted")).await?;
    upload.checkpoint().await?;
    drop(upload);
    store.discard(DISCARDED).await?;
    writeln!(journal, "discarded").unwrap();

    let mut upload = store.resume(ONE_TRIP, start()).await?;
    upload.write(Bytes::from_static(b"small")).await?;
    assert!(matches!(upload.publish(&sha256(b"small")).await?, Finish::Published { .. }));
    writeln!(journal, "published {}", sha256(b"small")).unwrap();
    writeln!(journal, "removing {}", sha256(b"small")).unwrap();
    store.remove(&sha256(b"small"), &[]).await?;
    writeln!(journal, "removed {}", sha256(b"small")).unwrap();
    Ok(())
}

/// Everything acknowledged is there, what was begun can be ended, and nothing else remains after a purge.
async fn check(store: &Store, journal: &Path, when: &str) {
    let facts = Acknowledged::read(journal);
    for digest in &facts.published {
        let blob = store.get(digest, &[], 0).unwrap_or_else(|error| panic!("{when}: {error}"));
        let bytes = blob.read_all().await.unwrap();
        assert_eq!(sha256(&bytes), *digest, "{when}");
    }
    // Whatever is visible is whole, acknowledged or not.
    for stored in store.blobs(None, 100).await.unwrap() {
        let bytes = store.get(&stored.digest, &[], 0).unwrap().read_all().await.unwrap();
        assert_eq!(sha256(&bytes), stored.digest, "{when}");
        assert!(!facts.removed.contains(&stored.digest), "{when}");
    }
    let whole = sha256(&content());
    if let Some(at) = facts.checkpoint
        && !facts.published.contains(&whole)
    {
        let offset = at.offset as usize;
        // The rename may have happened although the answer never came.
        if store.get(&whole, &[], 0).is_err() {
            let mut upload = store.resume(KEPT, at).await.unwrap_or_else(|error| panic!("{when}: {error}"));
            upload.write(Bytes::copy_from_slice(&content()[offset..])).await.unwrap();
            assert_eq!(upload.checkpoint().await.unwrap().at.hasher.finish(), whole, "{when}");
        }
        store.publish(KEPT, &whole, content().len() as u64).await.unwrap_or_else(|error| panic!("{when}: {error}"));
    }
    for staged in store.staged().await.unwrap() {
        assert!(!(facts.discarded && staged.id == DISCARDED), "{when}");
        store.discard(staged.id).await.unwrap();
    }
    assert!(store.staged().await.unwrap().is_empty(), "{when}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn places() -> (TempDir, PathBuf, PathBuf) {
    let directory = TempDir::new().unwrap();
    let (data, journal) = (directory.path().join("data"), directory.path().join("journal"));
    (directory, data, journal)
}

#[test]
fn an_error_at_any_step_is_told_and_does_no_harm() {
    let scenario = FailScenario::setup();
    let runtime = runtime();
    for point in FAIL_POINTS {
        for skip in 0..4 {
            let (_directory, data, journal) = places();
            let store = Store::open(&data).unwrap();
            fail::cfg(*point, &format!("{skip}*off->1*return(28)->off")).unwrap();
            let result = runtime.block_on(work(&store, &journal));
            let when = format!("{point} after {skip}: {result:?}");
            fail::remove(*point);
            match result {
                Err(Error::Full(failure)) => assert_eq!(failure.operation, *point, "{when}"),
                // Not every step is taken so often.
                Ok(()) => assert!(skip > 0, "{when}"),
                Err(_) => panic!("{when}"),
            }
            runtime.block_on(check(&store, &journal, &when));
            runtime.block_on(work(&store, &journal)).unwrap_or_else(|error| panic!("{when}, then {error}"));
        }
    }
    scenario.teardown();
}

#[test]
fn an_upload_that_failed_stays_failed() {
    let scenario = FailScenario::setup();
    runtime().block_on(async {
        for (point, action, kind) in [
            ("store::before_write", "1*return(28)->off", "Full"),
            ("store::before_sync", "1*return(5)->off", "Io"),
            ("store::before_dir_sync", "1*return(30)->off", "Denied"),
            ("store::before_write", "1*panic->off", "Io"),
        ] {
            let (_directory, data, _) = places();
            let store = Store::open(&data).unwrap();
            fail::cfg(point, action).unwrap();
            let mut upload = store.resume(KEPT, start()).await.unwrap();
            upload.write(Bytes::from_static(b"first")).await.unwrap();
            for _ in 0..3 {
                let error = upload.checkpoint().await.unwrap_err();
                assert!(format!("{error:?}").starts_with(kind), "{point}: {error:?}");
                upload.write(Bytes::from_static(b"more")).await.unwrap_err();
            }
            upload.publish(&sha256(b"first")).await.unwrap_err();
            let mut upload = store.resume(KEPT, start()).await.unwrap();
            upload.write(Bytes::from_static(b"again")).await.unwrap();
            assert!(matches!(upload.publish(&sha256(b"again")).await.unwrap(), Finish::Published { .. }));
            fail::remove(point);
        }
    });
    scenario.teardown();
}

#[test]
fn a_checkpoint_without_news_costs_nothing() {
    let scenario = FailScenario::setup();
    runtime().block_on(async {
        let (_directory, data, _) = places();
        let store = Store::open(&data).unwrap();
        let mut upload = store.resume(KEPT, start()).await.unwrap();
        // The first makes the empty file durable.
        upload.checkpoint().await.unwrap();
        upload.write(Bytes::from_static(b"some")).await.unwrap();
        let at = upload.checkpoint().await.unwrap().at;
        for point in ["store::before_sync", "store::before_dir_sync", "store::before_write"] {
            fail::cfg(point, "return").unwrap();
        }
        assert_eq!(upload.checkpoint().await.unwrap().at.offset, 4);
        drop(upload);
        let mut upload = store.resume(KEPT, at).await.unwrap();
        assert_eq!(upload.checkpoint().await.unwrap().at.offset, 4);
    });
    scenario.teardown();
}

#[test]
fn a_slow_disk_holds_one_batch_and_nobody_else() {
    let scenario = FailScenario::setup();
    runtime().block_on(async {
        let (_directory, data, _) = places();
        let store = Store::open(&data).unwrap();
        let mut other = store.resume(ONE_TRIP, start()).await.unwrap();
        other.write(Bytes::from_static(b"here")).await.unwrap();
        assert!(matches!(other.publish(&sha256(b"here")).await.unwrap(), Finish::Published { .. }));

        fail::cfg("store::before_write", "sleep(200)").unwrap();
        let begin = Instant::now();
        let mut upload = store.resume(KEPT, start()).await.unwrap();
        let batch = Bytes::from(vec![0; 1024 * 1024]);
        upload.write(batch.clone()).await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(200), "the first batch is not waited for");
        assert_eq!(store.get(&sha256(b"here"), &[], 0).unwrap().read_all().await.unwrap(), "here");
        upload.write(batch).await.unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(800), "the second waits for the first");
        fail::remove("store::before_write");
    });
    scenario.teardown();
}

#[test]
fn death_at_any_step_loses_nothing_acknowledged() {
    // Not to meet what other tests set up in this process.
    let _scenario = FailScenario::setup();
    let runtime = runtime();
    for point in FAIL_POINTS {
        for skip in 0..4 {
            let (_directory, data, journal) = places();
            let when = format!("{point} after {skip}");
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "the_child_that_dies", "--nocapture"])
                .env("STORE_TEST_DIE", format!("{point} {skip}"))
                .env("STORE_TEST_DATA", &data)
                .env("STORE_TEST_JOURNAL", &journal)
                .stdout(Stdio::null())
                .status()
                .unwrap();
            let killed = status.signal() == Some(Signal::SIGKILL as i32);
            assert!(killed || (status.success() && skip > 0), "{when}: {status}");
            let store = Store::open(&data).unwrap();
            runtime.block_on(check(&store, &journal, &when));
        }
    }
}

/// Not a test by itself: the other half of the one above, in a process that kills itself at the step it is told.
#[test]
fn the_child_that_dies() {
    let Ok(when) = std::env::var("STORE_TEST_DIE") else { return };
    let place = |name| PathBuf::from(std::env::var_os(name).unwrap());
    let (point, skip) = when.split_once(' ').unwrap();
    let skip: usize = skip.parse().unwrap();
    let store = Store::open(&place("STORE_TEST_DATA")).unwrap();
    let taken = std::sync::atomic::AtomicUsize::new(0);
    fail::cfg_callback(point, move || {
        if taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == skip {
            kill(Pid::this(), Signal::SIGKILL).unwrap();
        }
    })
    .unwrap();
    runtime().block_on(work(&store, &place("STORE_TEST_JOURNAL"))).unwrap();
}

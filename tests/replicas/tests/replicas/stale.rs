//! A tag that was moved or deleted at one replica is not served in its old state by another after one second, whatever the way
//! from that one to the database is like.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_replicas_tests::Client;
use entrepot_test_harness::{delete, get};
use entrepot_test_support::{Fault, Replica, Replicas};

use crate::wait_until_ready;

/// How long an old state may be served.
const LONGEST: Duration = Duration::from_secs(1);
/// How long the other replica is asked.
const WATCHED: Duration = Duration::from_secs(3);
/// So many ask at the same time, as one of them may have to wait for an answer for long.
const WATCHERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(5);
/// A replica that cannot reach its database gives up a statement after that.
const STATEMENT: &str = "2s";
const TAG: &str = "/v2/acme/stale/manifests/v1";

/// What happens to the tag.
#[derive(Clone, Copy, Debug)]
enum Change {
    Moved,
    Deleted,
}

/// What the other replica said.
#[derive(Debug, Default)]
struct Seen {
    /// When the old state came last, since the change was acknowledged.
    old: Option<Duration>,
    /// Answers with the new state.
    new: u32,
    /// Answers that it cannot tell.
    unavailable: u32,
}

#[test]
fn an_old_state_is_not_served_for_longer_than_a_second() -> Result<()> {
    let settings = [("ENTREPOT_DATABASE_STATEMENT_TIMEOUT", STATEMENT)];
    let Some(replicas) = Replicas::start(2, &settings)? else { return Ok(()) };
    let [one, other] = replicas.replicas() else { anyhow::bail!("two replicas") };
    let faults = [
        Fault::None,
        Fault::Refuse,
        Fault::Cut,
        Fault::HalfClose,
        Fault::BlackHole,
        Fault::Delay(Duration::from_millis(100)),
    ];
    for fault in faults {
        for change in [Change::Moved, Change::Deleted] {
            let seen = watch(one, other, fault, change).with_context(|| format!("{fault:?}, {change:?}"))?;
            println!("{fault:?}, {change:?}: {seen:?}");
            ensure!(seen.old.unwrap_or_default() < LONGEST, "{fault:?}, {change:?}: {seen:?}");
            // The answers tell that somebody was watched at all.
            ensure!(seen.new + seen.unavailable > 0, "{fault:?}, {change:?}: {seen:?}");
        }
    }
    Ok(())
}

fn watch(one: &Replica, other: &Replica, fault: Fault, change: Change) -> Result<Seen> {
    let (here, there) = (Client::new(one.address()), Client::new(other.address()));
    let before = here.push("acme/stale", "v1", 1, 1000)?;
    // Asked more than once: whatever can be kept is kept now.
    for _ in 0..3 {
        there.pull(&before)?;
    }
    let after = here.push("acme/stale", "new", 2, 1000)?;
    let new_manifest = here.ask(&get("/v2/acme/stale/manifests/new"))?.json()?;

    let done = AtomicBool::new(false);
    let (changed, answers) = thread::scope(|scope| {
        let ask = || {
            let mut answers = Vec::new();
            while !done.load(Ordering::Relaxed) {
                // An answer counts when it is there, whenever it was asked for. None at all is none of the old state.
                if let Ok(answer) = there.ask(&get(TAG)) {
                    let digest = answer.header("docker-content-digest").map(str::to_owned);
                    answers.push((Instant::now(), answer.status, digest));
                }
                thread::sleep(PAUSE);
            }
            answers
        };
        let watchers: Vec<_> = (0..WATCHERS).map(|_| scope.spawn(ask)).collect();
        thread::sleep(Duration::from_millis(100));
        other.to_database().set(fault);
        let changed = match change {
            Change::Moved => here.push_manifest("acme/stale", "v1", &new_manifest).map(drop),
            Change::Deleted => here.ask(&delete(TAG)).and_then(|answer| answer.expect(202)).map(drop),
        };
        let at = Instant::now();
        thread::sleep(WATCHED);
        done.store(true, Ordering::Relaxed);
        let answers: Vec<_> = watchers.into_iter().map(|watcher| watcher.join()).collect();
        (changed.map(|()| at), answers)
    });
    other.to_database().set(Fault::None);
    let changed = changed?;
    let mut seen = Seen::default();
    for (at, status, digest) in answers.into_iter().flatten().flatten() {
        let Some(late) = at.checked_duration_since(changed) else { continue };
        match (status, digest, change) {
            (200, Some(digest), _) if digest == before.digest => seen.old = seen.old.max(Some(late)),
            (200, Some(digest), Change::Moved) if digest == after.digest => seen.new += 1,
            (404, _, Change::Deleted) => seen.new += 1,
            (503, ..) => seen.unavailable += 1,
            odd => anyhow::bail!("an answer that is neither of the two states, nor that there is none: {odd:?}"),
        }
    }
    // And once its database is back it tells the new state.
    wait_until_ready(&there)?;
    let now = there.ask(&get(TAG))?;
    match change {
        Change::Moved => ensure!(now.header("docker-content-digest") == Some(&after.digest), "{now:?}"),
        Change::Deleted => ensure!(now.status == 404, "{now:?}"),
    }
    Ok(seen)
}

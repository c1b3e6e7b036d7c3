//! Garbage collection: what nothing needs goes, while clients push, and at a cost in proportion to what became garbage.
//!
//! Nothing is searched. Whatever may become garbage is written down by the transaction that may have made it so: a new blob, which
//! no manifest names yet, and what a manifest named that goes; a manifest without a tag, one that lost a tag, its index or
//! its subject. Each is looked at once, when its time has come, and is found needed or condemned; what is condemned is looked
//! at once more, a grace later, and goes if still nothing needs it.
//!
//! ```text
//!                               due                      due, a grace later
//!  new, or released ──► written down ──► condemned ──────────────────────────► gone
//!                          ▲   │            │  │
//!                          │   └─ needed ───│──┴──► left alone, until something that needs it goes
//!                          └────────────────┘
//!                            somebody asks for it
//! ```
//!
//! Why no push is hurt: a client that is told that a blob is there, by `HEAD`, a mount or an upload, was told either before it was condemned,
//! and then it stays a grace longer than that; or after, and then that answer took the sentence away. So there is a grace
//! to push the manifest. Whether something is needed is looked up in the transaction that removes it.

mod dropped;
pub(crate) mod explain;
pub(crate) mod keep;
mod links;
mod loose;
mod manifests;
mod report;
pub(crate) mod satellite;

use std::time::{Duration, Instant};

use entrepot_database::{Connection, Durability, Kind, Timestamp};

pub use self::explain::{Explanation, Fate};
pub(crate) use self::loose::{Doomed, drop_blob, loosen};
pub use self::report::{Collected, Deed, Keeper, Reason, Step};
use crate::{Error, Options, Registry, tables, trash};

/// How much longer than a grace something stays condemned, if that is longer itself: what somebody has read just before may
/// reach a client just after, and clocks of replicas differ a little.
const MARGIN: Duration = Duration::from_mins(1);
/// Rows that are looked for at once.
const PAGE: i64 = 200;
/// Rows that are looked at in one transaction, for which pushes may have to wait.
pub(crate) const TOGETHER: usize = 20;
/// How long the collection pauses at most between two transactions.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a collection goes by.
#[derive(Clone, Copy, Debug)]
struct Rules {
    grace: Duration,
    untagged_after: Option<Duration>,
    trash_for: Duration,
}

impl Rules {
    /// How long something stays condemned.
    fn condemned_for(&self) -> Duration {
        self.grace + self.grace.min(MARGIN)
    }
}

/// Does `work`, and then nothing for as long: a collection leaves at least half of the database's time to others.
pub(crate) async fn paced<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let begin = Instant::now();
    let done = work.await?;
    tokio::time::sleep(begin.elapsed().min(LONGEST_PAUSE)).await;
    Ok(done)
}

/// Something that is due.
trait Work: Clone + Send + Sync {
    /// Looks at some, in one transaction.
    fn look_at(
        registry: &Registry,
        some: Vec<Self>,
        cut: Timestamp,
        collected: &mut Collected,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How a rehearsal ends: nothing of it stays.
enum Rehearsed {
    Undone(Collected),
    Failed(Error),
}

impl From<Error> for Rehearsed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<entrepot_database::Error> for Rehearsed {
    fn from(error: entrepot_database::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Registry {
    /// Collects every `interval`, for ever. Of several processes over one database one does it.
    pub async fn collect_regularly(&self, interval: Duration) {
        loop {
            match self.0.database.run_job("collection", interval, self.retain_and_collect()).await {
                Ok(Some(collected)) if collected.count() > 0 => {
                    let Collected { condemned, manifests, unlinked, blobs, bytes, .. } = collected;
                    tracing::info!(condemned, manifests, unlinked, blobs, bytes, "collected");
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the collection failed; it goes on later");
                }
            }
            tokio::time::sleep(interval).await;
        }
    }

    /// What the rules of retention let go is the first to be collected. If they cannot be followed, the rest is done all the same.
    async fn retain_and_collect(&self) -> Result<Collected, Error> {
        if let Err(error) = self.retain().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "retention failed; it goes on later");
        }
        self.collect().await
    }

    /// Looks at everything that is due, and removes what was condemned a grace ago and is still not needed. Safe while clients
    /// push.
    ///
    /// # Errors
    /// What store or database said; what was done until then stays done.
    pub async fn collect(&self) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        let done = self.collect_into(&mut collected).await;
        self.0.metrics.condemned.inc_by(collected.condemned);
        self.0.metrics.collected.inc_by(collected.manifests + collected.unlinked);
        self.0.metrics.collected_bytes.inc_by(collected.bytes);
        done.map(|()| collected)
    }

    async fn collect_into(&self, collected: &mut Collected) -> Result<(), Error> {
        let cut = self.0.database.read(|connection| Ok::<_, Error>(connection.now()?)).await?;
        self.empty_expired(cut, collected).await?;
        self.collect_manifests(cut, collected).await?;
        self.collect_links(cut, collected).await?;
        self.collect_dropped(collected).await?;
        self.forget_history(cut).await
    }

    /// Looks at all that is due, some in each transaction. Where pushes were in the way of one again and again it goes on one by one:
    /// one row meets fewer of them than many.
    async fn look_at<D: Work>(&self, due: &[D], cut: Timestamp, collected: &mut Collected) -> Result<(), Error> {
        for some in due.chunks(TOGETHER) {
            match paced(D::look_at(self, some.to_vec(), cut, collected)).await {
                Err(Error::Database(error)) if error.kind() == Kind::Busy => {
                    for one in some {
                        paced(D::look_at(self, vec![one.clone()], cut, collected)).await?;
                    }
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Forgets what tags showed long ago.
    async fn forget_history(&self, cut: Timestamp) -> Result<(), Error> {
        let until = cut.minus(self.0.options.history_for);
        loop {
            let forgotten = paced(self.0.database.write_loosely(Durability::Process, move |connection| {
                Ok::<_, Error>(connection.execute(&tables::FORGET_OLD_HISTORY, &[until.into(), PAGE.into()])?)
            }));
            if forgotten.await? == 0 {
                return Ok(());
            }
        }
    }

    /// What [`Registry::collect`] would do now, at most its first steps: the same work, in a transaction that is undone.
    ///
    /// # Errors
    /// What the database said.
    pub async fn preview_collection(&self) -> Result<Collected, Error> {
        let (rules, on_disk) = (self.rules(), self.0.store.writer().is_none());
        let rehearsed = self.0.database.write(Durability::Process, move |connection| {
            let cut = connection.now()?;
            let mut collected = Collected::default();
            rehearse(connection, &rules, cut, on_disk, &mut collected)?;
            Err::<std::convert::Infallible, _>(Rehearsed::Undone(collected))
        });
        match rehearsed.await {
            Err(Rehearsed::Undone(collected)) => Ok(collected),
            Err(Rehearsed::Failed(error)) => Err(error),
        }
    }

    fn rules(&self) -> Rules {
        let Options { grace, untagged_after, trash_for, .. } = self.0.options;
        Rules { grace, untagged_after, trash_for }
    }
}

/// Does all that a collection does to the database, in one transaction.
fn rehearse(
    connection: &Connection<'_>,
    rules: &Rules,
    cut: Timestamp,
    on_disk: bool,
    collected: &mut Collected,
) -> Result<(), Error> {
    let full = |collected: &Collected| collected.count() >= report::MOST_STEPS as u64;
    while !full(collected) {
        let expired = trash::expired(connection, cut.minus(rules.trash_for), PAGE)?;
        if expired.is_empty() {
            break;
        }
        for entry in expired {
            let mut whole = false;
            while !whole {
                let emptied = trash::empty_some(connection, &entry, &Reason::TrashExpired, cut, rules.grace)?;
                emptied.steps.into_iter().for_each(|step| collected.add(step));
                whole = emptied.whole;
            }
        }
    }
    while !full(collected) {
        let due = manifests::due(connection, rules, cut, PAGE)?;
        if due.is_empty() {
            break;
        }
        for manifest in due {
            if let Some((step, _)) = manifest.look(connection, rules, cut)? {
                collected.add(step);
            }
        }
    }
    while !full(collected) {
        let due = links::due(connection, cut, PAGE)?;
        if due.is_empty() {
            break;
        }
        for link in due {
            if let Some(step) = link.look(connection, rules, cut)? {
                collected.add(step);
            }
        }
    }
    let mut after = String::new();
    while !full(collected) {
        let some = dropped::some(connection, &after, PAGE)?;
        let Some(last) = some.last() else { break };
        after = last.to_string();
        for digest in some {
            if let dropped::Looked::Forgotten(Some(bytes), _) = dropped::look(connection, &digest, on_disk)? {
                collected.add(dropped::step(digest, bytes));
            }
        }
    }
    Ok(())
}

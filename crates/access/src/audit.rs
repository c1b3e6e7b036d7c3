//! The log of who did what.
//!
//! What changes people, rules and tokens is written in the transaction that changes it. Pushes, deletes, logins and refusals go
//! through a queue, so that nobody waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entrepot_database::{Connection, Database, Durability, Kind, Row, Timestamp, Value};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;
use uuid::Uuid;

use crate::caller::Caller;
use crate::permit::{Permit, System};
use crate::{Access, Error, tables};

/// Entries that may wait. When more do, the database has been away for long; those that find no place are counted, and that is
/// written down.
const WAITING: usize = 65_536;
/// Entries that share a transaction.
const TOGETHER: usize = 512;
/// How long they wait before they are tried again while writes are stopped.
const STOPPED: Duration = Duration::from_secs(1);
/// Longest page.
const MAX_PAGE: usize = 1000;
/// Entries that are removed in one transaction.
const REMOVED_TOGETHER: i64 = 1000;
/// The pause between two of these, in which others write.
const BETWEEN: Duration = Duration::from_millis(50);
/// How often entries are removed that are too old.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// How often a process looks whether that is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Something that somebody did, or was not allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Sorts by time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who; empty for somebody who did not say.
    pub actor: String,
    /// With what: none, password, or token and its id.
    pub credential: String,
    /// From where, if it came over the network.
    pub address: String,
    /// What, in words with dots between: `push`, `team.create`.
    pub action: String,
    /// To what.
    pub target: String,
    /// Whether they might.
    pub allowed: bool,
    /// What else is to be known.
    pub detail: String,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// On this target; only looked at without an actor.
    pub target: Option<String>,
    /// At or after this time.
    pub since: Option<Timestamp>,
    /// Older than the entry with this id.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl AuditEntry {
    pub(crate) fn new(caller: &Caller, action: &str, target: &str, allowed: bool, detail: &str) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            at: Timestamp::now(),
            actor: caller.principal().name().unwrap_or_default(),
            credential: caller.credential().label(),
            address: caller.address.map(|address| address.to_string()).unwrap_or_default(),
            action: action.to_owned(),
            target: target.to_owned(),
            allowed,
            detail: detail.to_owned(),
        }
    }

    /// Writes it, in the transaction of what it tells.
    pub(crate) fn write(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let parameters = [
            (&self.id).into(),
            self.at.into(),
            (&self.actor).into(),
            (&self.credential).into(),
            (&self.address).into(),
            (&self.action).into(),
            (&self.target).into(),
            i64::from(self.allowed).into(),
            (&self.detail).into(),
        ];
        connection.execute(&tables::ADD_AUDIT, &parameters)?;
        Ok(())
    }

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let text = |column| row.text(column).map(str::to_owned);
        Ok(Self {
            id: text(0)?,
            at: Timestamp::from_micros(row.integer(1)?),
            actor: text(2)?,
            credential: text(3)?,
            address: text(4)?,
            action: text(5)?,
            target: text(6)?,
            allowed: row.integer(7)? != 0,
            detail: text(8)?,
        })
    }
}

/// Entries on their way to the database.
pub(crate) struct Queue {
    sender: mpsc::Sender<AuditEntry>,
    receiver: Mutex<mpsc::Receiver<AuditEntry>>,
    lost: AtomicU64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { sender, receiver: Mutex::new(receiver), lost: AtomicU64::new(0) }
    }

    fn push(&self, entry: AuditEntry) {
        if self.sender.try_send(entry).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what comes, for ever.
    pub(crate) async fn write(&self, database: &Database) {
        let mut receiver = self.receiver.lock().await;
        let mut entries = Vec::new();
        loop {
            if receiver.recv_many(&mut entries, TOGETHER).await == 0 {
                return;
            }
            self.write_all(database, &mut entries, true).await;
        }
    }

    /// Writes what waits, at the end.
    pub(crate) async fn finish(&self, database: &Database) {
        let mut receiver = self.receiver.lock().await;
        let mut entries = Vec::new();
        while let Ok(entry) = receiver.try_recv() {
            entries.push(entry);
        }
        self.write_all(database, &mut entries, false).await;
    }

    /// Writes `entries`. While writes are stopped, it waits for their end if it is `patient`.
    async fn write_all(&self, database: &Database, entries: &mut Vec<AuditEntry>, patient: bool) {
        if entries.is_empty() {
            return;
        }
        let count = entries.len();
        let batch: Arc<[AuditEntry]> = std::mem::take(entries).into();
        let written = loop {
            let batch = Arc::clone(&batch);
            let written = database.write_loosely(Durability::Process, move |connection| {
                batch.iter().try_for_each(|entry| entry.write(connection))
            });
            match written.await {
                // In maintenance nothing is written down: what waits is written when it is over.
                Err(Error::Database(error)) if patient && error.kind() == Kind::ReadOnly => sleep(STOPPED).await,
                other => break other,
            }
        };
        if let Err(error) = written {
            tracing::error!(error = &error as &dyn std::error::Error, entries = count, "the audit log lost entries");
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(entries = lost, "the audit log lost entries: more came than the database took");
        }
    }
}

impl Access {
    /// Writes an entry soon.
    pub(crate) fn audit_soon(&self, entry: AuditEntry) {
        self.0.audit.push(entry);
    }

    /// Writes down that `caller` has done something, soon.
    pub fn audit_done(&self, caller: &Caller, action: &str, target: &str) {
        self.audit_soon(AuditEntry::new(caller, action, target, true, ""));
    }

    /// Writes down that `caller` was not allowed to do something, soon.
    pub fn audit_denied(&self, caller: &Caller, action: &str, target: &str) {
        self.audit_soon(AuditEntry::new(caller, action, target, false, ""));
    }

    /// Writes what waits of the audit log, and of what was counted; after [`Access::attend`] was dropped.
    pub async fn finish(&self) {
        self.0.audit.finish(&self.0.database).await;
        if let Some(share) = &self.0.limits.share {
            share.tell_all(&self.0.database).await;
        }
    }

    /// Entries of the audit log, youngest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn audit_log(&self, _: &Permit<System>, filter: AuditFilter) -> Result<Vec<AuditEntry>, Error> {
        let scanned = self.0.database.scan(move |connection| {
            let limit = filter.limit.unwrap_or(MAX_PAGE).min(MAX_PAGE) as i64;
            // Ids are hexadecimal, so this is behind them all.
            let before = filter.before.as_deref().unwrap_or("g");
            let since = filter.since.unwrap_or(Timestamp::from_micros(0));
            let rest: [Value<'_>; 3] = [before.into(), since.into(), limit.into()];
            match (&filter.actor, &filter.target) {
                (Some(actor), _) => {
                    let parameters = [&[actor.into()], &rest[..]].concat();
                    connection.all(&tables::AUDIT_OF_ACTOR, &parameters, AuditEntry::read)
                }
                (None, Some(target)) => {
                    let parameters = [&[target.into()], &rest[..]].concat();
                    connection.all(&tables::AUDIT_OF_TARGET, &parameters, AuditEntry::read)
                }
                (None, None) => connection.all(&tables::AUDIT, &rest, AuditEntry::read),
            }
        });
        scanned.await
    }

    /// Removes entries that are older than `kept`, from time to time, for ever. Of several processes over one database one does it.
    pub async fn forget_audit_regularly(&self, kept: Duration) {
        loop {
            let forget = async { self.forget_audit(Timestamp::now().minus(kept)).await };
            match self.0.database.run_job("forget-audit", FORGET_EVERY, forget).await {
                Ok(Some(removed)) if removed > 0 => tracing::info!(entries = removed, "old entries left the audit log"),
                Ok(_) => {}
                Err(Error::Database(error)) if error.kind() == Kind::ReadOnly => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "old entries stay in the audit log for now");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Removes the entries from before `end`, to the millisecond, a thousand at a time, and returns how many there were.
    ///
    /// # Errors
    /// What the database said.
    pub async fn forget_audit(&self, end: Timestamp) -> Result<usize, Error> {
        // Ids sort by time, and so find the oldest without a look at all others.
        let millis = u64::try_from(end.micros() / 1000).unwrap_or_default();
        let first = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().to_string();
        let mut removed = 0;
        loop {
            let first = first.clone();
            let some = self.0.database.write_loosely(Durability::Process, move |connection| {
                connection.execute(&tables::REMOVE_AUDIT, &[(&first).into(), REMOVED_TOGETHER.into()])
            });
            match some.await? {
                0 => return Ok(removed),
                some => removed += some,
            }
            sleep(BETWEEN).await;
        }
    }
}

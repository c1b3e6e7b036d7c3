//! Asking providers again whether their people still are who they were when they logged in.
//!
//! Whom a provider answers for no longer has lapsed: their sessions end, they are in no team through it, and nothing that they show counts
//! until they log in there again. A provider that cannot be asked changes nothing until its last word is too old.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use entrepot_database::{Connection, Durability, Kind, Row, Timestamp};
use entrepot_identity::Secret;
use entrepot_identity::provider::{Refused, SignedIn};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::arrival::{of_provider, vouch};
use super::{Door, Doors};
use crate::audit::AuditEntry;
use crate::elsewhere::place;
use crate::memory::changed;
use crate::name::Name;
use crate::rules::stored;
use crate::session::later;
use crate::{Access, Error, tables};

/// The job that asks.
const RECHECK: &str = "access.providers";
/// Longest pause between two looks at who is to be asked about.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// People who are read at once.
const PAGE: i64 = 100;
/// How long it is tried to keep what a provider said, and how often.
const KEPT_WITHIN: Duration = Duration::from_secs(30);
const TRY_EVERY: Duration = Duration::from_millis(500);
/// How long the last word of a provider counts that is configured no longer.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// Somebody whose login is to be asked about.
#[derive(Clone)]
struct Due {
    account: i64,
    name: Name,
    /// Which login of theirs.
    login: String,
    source: String,
    subject: String,
    renewal: Option<String>,
    checked_at: Timestamp,
}

/// What came of asking.
enum Word {
    /// The provider answers for them, and says this of them.
    Holds(Box<SignedIn>),
    /// It does no longer, for this reason.
    Ends(&'static str),
    /// It cannot be asked, or not be understood; with what it is to be asked with from now on, if it gave that.
    Unknown(Option<Secret>),
}

impl Due {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            account: row.integer(0)?,
            login: row.text(1)?.to_owned(),
            source: row.text(2)?.to_owned(),
            renewal: row.optional_text(3)?.map(str::to_owned),
            checked_at: Timestamp::from_micros(row.integer(4)?),
            subject: row.optional_text(5)?.unwrap_or_default().to_owned(),
            name: stored(row.text(6)?)?,
        })
    }
}

impl Doors {
    /// How long after a look at who is due the next one follows.
    fn pause(&self) -> Duration {
        let shortest = self.doors.iter().map(|door| door.provider.recheck_interval).min();
        shortest.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }
}

impl Access {
    /// Asks providers about their people, each as often as is configured, on one replica, until nobody has the other end of `stop` any
    /// more. Then it ends as soon as is kept what the one who is asked has said, and is not to be dropped before: a provider may have
    /// given a new token and taken the old one back.
    pub async fn follow_providers(&self, mut stop: watch::Receiver<()>) {
        let pause = self.0.doors.pause();
        loop {
            match self.0.database.run_job(RECHECK, pause, self.ask_about_all(&stop)).await {
                // While writes are stopped nobody is asked.
                Err(Error::Database(error)) if error.kind() == Kind::ReadOnly => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "providers were not asked about their people");
                }
                Ok(_) => {}
            }
            tokio::select! {
                _gone = stop.changed() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Asks about everybody who is due, until it is to stop.
    pub(crate) async fn ask_about_all(&self, stop: &watch::Receiver<()>) -> Result<(), Error> {
        // A provider that does not answer about one is not asked about a thousand others.
        let mut silent = HashSet::new();
        // Who is due again meanwhile is asked about at the next look: else it had no end where there are many people, and a provider that
        // was silent once would be for ever.
        let begun = Timestamp::now();
        loop {
            let page = self.0.database.scan(move |connection| {
                connection.all(&tables::DUE_PROVIDER_LOGINS, &[begun.into(), PAGE.into()], Due::read)
            });
            let page = page.await?;
            if page.is_empty() {
                return Ok(());
            }
            for due in page {
                // What would come of it could not be kept.
                if is_over(stop) || self.0.database.writes_stopped().await?.is_some() {
                    return Ok(());
                }
                let door = self.0.doors.of_source(&due.source);
                let word = ask(door.map(Arc::as_ref), &due, &mut silent).await;
                self.heed(door, due, word, stop).await?;
            }
        }
    }

    /// Does what follows from a provider's word.
    async fn heed(
        &self,
        door: Option<&Arc<Door>>,
        due: Due,
        word: Word,
        stop: &watch::Receiver<()>,
    ) -> Result<(), Error> {
        let interval = door.map_or(FORGOTTEN_AFTER, |door| door.provider.recheck_interval);
        let within = door.map_or(FORGOTTEN_AFTER, |door| door.provider.recheck_within);
        let now = Timestamp::now();
        match word {
            Word::Holds(signed_in) => self.keep(due, *signed_in, later(now, interval), stop).await,
            Word::Ends(why) => self.lapse(due, why).await,
            Word::Unknown(renewal) => {
                let end = later(due.checked_at, within);
                if end <= now {
                    return self.lapse(due, "the provider could not be asked for too long").await;
                }
                self.put_off(due, renewal, later(now, interval).min(end), stop).await
            }
        }
    }

    async fn keep(
        &self,
        due: Due,
        signed_in: SignedIn,
        next: Timestamp,
        stop: &watch::Receiver<()>,
    ) -> Result<(), Error> {
        let said = Arc::new((due, signed_in));
        let moved = until_kept(stop, || self.keep_once(Arc::clone(&said), next)).await?;
        if moved { self.noticed().await } else { Ok(()) }
    }

    /// Whether somebody is in other teams by it.
    async fn keep_once(&self, said: Arc<(Due, SignedIn)>, next: Timestamp) -> Result<bool, Error> {
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (due, signed_in) = &*said;
            let given = signed_in.renewal.as_ref().map(|renewal| renewal.expose_secret());
            let renewal = given.or(due.renewal.as_deref());
            let now = Timestamp::now();
            let parameters = [renewal.into(), now.into(), next.into(), due.account.into(), (&due.login).into()];
            // Who has logged in anew meanwhile is who they are by that.
            if connection.execute(&tables::RENEW_PROVIDER_LOGIN, &parameters)? == 0 {
                return Ok(false);
            }
            vouch(connection, due.account, signed_in.person.email.as_deref())?;
            due.be_placed(connection, &signed_in.person.groups)
        });
        written.await
    }

    async fn put_off(
        &self,
        due: Due,
        renewal: Option<Secret>,
        next: Timestamp,
        stop: &watch::Receiver<()>,
    ) -> Result<(), Error> {
        let said = Arc::new((due, renewal));
        until_kept(stop, || self.put_off_once(Arc::clone(&said), next)).await
    }

    async fn put_off_once(&self, said: Arc<(Due, Option<Secret>)>, next: Timestamp) -> Result<(), Error> {
        // Without it, the provider would say the next time that they are nobody's any more.
        let durability = if said.1.is_some() { Durability::Power } else { Durability::Process };
        let written = self.0.database.write(durability, move |connection| {
            let (due, renewal) = &*said;
            let renewal = renewal.as_ref().map(|renewal| renewal.expose_secret());
            let parameters = [next.into(), renewal.into(), due.account.into(), (&due.login).into()];
            connection.execute(&tables::PUT_OFF_PROVIDER_LOGIN, &parameters)
        });
        Ok(written.await.map(|_| ())?)
    }

    async fn lapse(&self, due: Due, why: &'static str) -> Result<(), Error> {
        tracing::info!(account = %due.name, provider = due.source, why, "a provider answers for somebody no longer");
        let written = self.0.database.write(Durability::Power, move |connection| {
            let login = [due.account.into(), (&due.login).into()];
            if connection.execute(&tables::REMOVE_PROVIDER_LOGIN, &login)? == 0 {
                return Ok(());
            }
            connection.execute(&tables::SET_LAPSED, &[Timestamp::now().into(), due.account.into()])?;
            connection.execute(&tables::REMOVE_SESSIONS, &[due.account.into()])?;
            connection.execute(&tables::REMOVE_LOGINS, &[due.account.into()])?;
            due.be_placed(connection, &[])?;
            let caller = of_provider(&due.source, due.account, &due.name, None);
            AuditEntry::new(&caller, "account.lapse", due.name.as_str(), true, why).write(connection)?;
            Ok::<_, Error>(changed(connection)?)
        });
        written.await?;
        self.noticed().await
    }
}

impl Due {
    /// Puts them into the teams of these groups, and says whether they were in others.
    fn be_placed(&self, connection: &Connection<'_>, groups: &[String]) -> Result<bool, Error> {
        let caller = of_provider(&self.source, self.account, &self.name, None);
        let moved = place(connection, &self.source, (self.account, &caller), groups)?;
        if moved {
            changed(connection)?;
        }
        Ok(moved)
    }
}

/// Keeps what a provider has said, and does not give that up at once: the token that it was asked with may count no more, and the new one
/// is nowhere but here. While writes are stopped it waits for them to go on.
async fn until_kept<T, F>(stop: &watch::Receiver<()>, mut keep: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let begun = Instant::now();
    loop {
        match keep().await {
            Err(Error::Database(error)) if error.is_temporary() => {
                let is_stopped = error.kind() == Kind::ReadOnly && !is_over(stop);
                if !is_stopped && begun.elapsed() > KEPT_WITHIN {
                    return Err(Error::Database(error));
                }
                sleep(TRY_EVERY).await;
            }
            kept => return kept,
        }
    }
}

/// Whether nobody has the other end any more.
fn is_over(stop: &watch::Receiver<()>) -> bool {
    stop.has_changed().is_err()
}

/// Asks a provider about somebody, unless it is among the silent.
async fn ask(door: Option<&Door>, due: &Due, silent: &mut HashSet<String>) -> Word {
    let Some((door, renewal)) = door.zip(due.renewal.as_deref()) else { return Word::Unknown(None) };
    if silent.contains(&due.source) {
        return Word::Unknown(None);
    }
    let (given, outcome) = door.login.renew(&Secret::from(renewal), &due.subject, SystemTime::now()).await;
    match outcome {
        Ok(signed_in) => match door.provider.admission.admit(&signed_in.person) {
            Ok(()) => Word::Holds(Box::new(signed_in)),
            Err(why) => Word::Ends(why),
        },
        Err(Refused::Ended { .. }) => Word::Ends("the provider answers for them no longer"),
        Err(refused) => {
            tracing::warn!(account = %due.name, provider = due.source, %refused, "a provider cannot be asked about somebody");
            if refused.is_temporary() {
                silent.insert(due.source.clone());
            }
            Word::Unknown(given)
        }
    }
}

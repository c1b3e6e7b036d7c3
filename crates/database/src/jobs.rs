//! Recurring work, each kind a row with a lease: any replica takes what is due, renews its lease while it works, and what a
//! dead one held comes back soon.

use std::pin::pin;
use std::time::Duration;

use uuid::Uuid;

use crate::maintenance::Guard;
use crate::{Database, Durability, Error};

/// How long a lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(15);

pub(crate) mod tables {
    crate::statements! {
        ADD = "INSERT INTO jobs (name, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        DUE = "SELECT 1 FROM jobs WHERE name = $1 AND due_at <= $2 AND lease_until <= $2";
        KNOWN = "SELECT 1 FROM jobs WHERE name = $1";
        CLAIM = "UPDATE jobs SET lease = $1, lease_until = $2 WHERE name = $3";
        RENEW = "UPDATE jobs SET lease_until = $1 WHERE name = $2 AND lease = $3";
        RELEASE = "UPDATE jobs SET lease = NULL, lease_until = 0 WHERE lease IS NOT NULL";
        FINISH = "UPDATE jobs SET lease = NULL, lease_until = 0, due_at = $1 WHERE name = $2 AND lease = $3";
    }
}

/// The right to run a job until the lease ends.
#[derive(Debug)]
pub struct Lease {
    name: &'static str,
    id: String,
}

impl Database {
    /// Runs `work` if the job `name` is due and nobody else is at it, and returns what it gave. It is due again `pause` after
    /// it has ended, however it did. If another process takes the job over meanwhile, because the database did not hear of
    /// this one, `work` is dropped where it waits.
    ///
    /// # Errors
    /// What `work` gave, and what the database said.
    pub async fn run_job<T, E: From<Error>>(
        &self,
        name: &'static str,
        pause: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, E> {
        let Some(lease) = self.claim_job(name, LEASE).await? else {
            return Ok(None);
        };
        let worked = tokio::select! {
            worked = pin!(work) => worked,
            () = self.keep_job(&lease) => {
                tracing::warn!(job = name, "another process has taken the job over");
                return Ok(None);
            }
        };
        self.finish_job(lease, pause).await?;
        worked.map(Some)
    }

    /// Takes the job `name` for `length` if it is due and nobody holds it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn claim_job(&self, name: &'static str, length: Duration) -> Result<Option<Lease>, Error> {
        let lease = Lease { name, id: Uuid::now_v7().to_string() };
        let id = lease.id.clone();
        let claimed = self.write(Durability::Process, move |connection| {
            let now = connection.now()?;
            if !connection.exists(&tables::KNOWN, &[name.into()])? {
                connection.execute(&tables::ADD, &[name.into(), now.into()])?;
            }
            if !connection.exists(&tables::DUE, &[name.into(), now.into()])? {
                return Ok(false);
            }
            connection.execute(&tables::CLAIM, &[(&id).into(), now.plus(length).into(), name.into()])?;
            Ok::<_, Error>(true)
        });
        Ok(claimed.await?.then_some(lease))
    }

    /// Makes a lease last for `length` from now. `false`: the job has passed to another.
    ///
    /// # Errors
    /// What the database said.
    pub async fn renew_job(&self, lease: &Lease, length: Duration) -> Result<bool, Error> {
        let (name, id) = (lease.name, lease.id.clone());
        let renewed = self.housekeep(move |connection| {
            let until = connection.now()?.plus(length);
            connection.execute(&tables::RENEW, &[until.into(), name.into(), (&id).into()])
        });
        renewed.await.map(|rows| rows > 0)
    }

    /// Renews again and again, and returns when the job has passed to another.
    async fn keep_job(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.renew_job(lease, LEASE).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, job = lease.name, "the lease of a job was not renewed"),
            }
        }
    }

    /// Takes every job away from whoever holds it, where a process knows itself to be the only one: over SQLite. There the
    /// holders are dead. Does nothing over a database that others may use.
    ///
    /// # Errors
    /// What the database said.
    pub async fn release_jobs(&self) -> Result<(), Error> {
        if self.is_shared() {
            return Ok(());
        }
        // Also while writes are stopped: a registry that only serves pulls has to start.
        let released = self.housekeep(|connection| connection.execute(&tables::RELEASE, &[]));
        released.await.map(|_| ())
    }

    /// Gives the job back; it is due again after `pause`. A lease that has passed to another changes nothing.
    ///
    /// # Errors
    /// What the database said.
    pub async fn finish_job(&self, lease: Lease, pause: Duration) -> Result<(), Error> {
        let finished = self.transact(Durability::Process, Guard::Pass, move |connection| {
            let due = connection.now()?.plus(pause);
            connection.execute(&tables::FINISH, &[due.into(), lease.name.into(), (&lease.id).into()])?;
            Ok(())
        });
        finished.await
    }
}

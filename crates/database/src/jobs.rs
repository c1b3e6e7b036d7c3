//! Recurring work, each kind a row with a lease: any replica takes what is due, and what a dead one held comes back when
//! its lease ends.

use std::time::Duration;

use uuid::Uuid;

use crate::{Database, Durability, Error, Migration, Room, Timestamp};

pub(crate) const ROOM: Room = Room {
    name: "database",
    migrations: &[Migration {
        name: "jobs",
        sqlite: "CREATE TABLE jobs (
            name TEXT PRIMARY KEY,
            due_at INTEGER NOT NULL,
            lease TEXT,
            lease_until INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
    }],
};

mod tables {
    crate::statements! {
        ADD = "INSERT INTO jobs (name, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        CLAIM = "UPDATE jobs SET lease = $1, lease_until = $2 WHERE name = $3 AND due_at <= $4 AND lease_until <= $4";
        RELEASE = "UPDATE jobs SET lease = NULL, lease_until = 0 WHERE lease IS NOT NULL";
        FINISH = "UPDATE jobs SET lease = NULL, lease_until = 0, due_at = $1 WHERE name = $2 AND lease = $3";
    }
}

/// The statements of the jobs table.
pub const JOBS_STATEMENTS: &[crate::Statement] = tables::STATEMENTS;

/// The right to run a job until the lease ends.
#[derive(Debug)]
pub struct Lease {
    name: &'static str,
    id: String,
}

impl Database {
    /// Takes the job `name` if it is due and nobody holds it. `length` must exceed the time that one run takes: after it
    /// another replica may start the job too.
    ///
    /// # Errors
    /// What the database said.
    pub async fn claim_job(&self, name: &'static str, length: Duration) -> Result<Option<Lease>, Error> {
        let lease = Lease { name, id: Uuid::now_v7().to_string() };
        let id = lease.id.clone();
        let claimed = self.write(Durability::Process, move |connection| {
            let now = Timestamp::now();
            connection.execute(&tables::ADD, &[name.into(), now.into()])?;
            let until = now.plus(length);
            connection.execute(&tables::CLAIM, &[(&id).into(), until.into(), name.into(), now.into()])
        });
        claimed.await.map(|rows: usize| (rows > 0).then_some(lease))
    }

    /// Takes every job away from whoever holds it. Only for a process that knows itself to be the only one over this database:
    /// then the holders are dead, and their leases, which allow for the longest run, need not be waited for.
    ///
    /// # Errors
    /// What the database said.
    pub async fn release_jobs(&self) -> Result<(), Error> {
        self.write(Durability::Process, |connection| connection.execute(&tables::RELEASE, &[]).map(|_| ())).await
    }

    /// Gives the job back; it is due again after `pause`. A lease that has passed to another changes nothing.
    ///
    /// # Errors
    /// What the database said.
    pub async fn finish_job(&self, lease: Lease, pause: Duration) -> Result<(), Error> {
        self.write(Durability::Process, move |connection| {
            let due = Timestamp::now().plus(pause);
            connection.execute(&tables::FINISH, &[due.into(), lease.name.into(), (&lease.id).into()])?;
            Ok(())
        })
        .await
    }
}

//! Holds: while one lasts, nobody takes bytes away that rows named when it began.
//!
//! Who copies a database and afterwards what its rows name has to find it all. So the order is: the hold, then the copy of the
//! rows, then the bytes. And who takes bytes away: first the row, in a transaction of its own, then a look for holds, then the
//! bytes. If there is no hold at that look, one that begins later is over a copy that lacks the row.
//!
//! A hold whose process is gone ends by itself.

use std::pin::pin;
use std::time::Duration;

use uuid::Uuid;

use crate::{Database, Error, Kind};

/// How long a hold lasts without being renewed.
const LASTS: Duration = Duration::from_secs(60);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(15);

pub(crate) mod tables {
    crate::statements! {
        ADD = "INSERT INTO holds (id, held_until) VALUES ($1, $2)";
        RENEW = "UPDATE holds SET held_until = $1 WHERE id = $2 AND held_until > $3";
        REMOVE = "DELETE FROM holds WHERE id = $1";
        REMOVE_ENDED = "DELETE FROM holds WHERE held_until <= $1";
        ANY = "SELECT 1 FROM holds WHERE held_until > $1";
    }
}

impl Database {
    /// Runs `work` while nobody takes bytes away that rows named before. Also while writes are stopped.
    ///
    /// # Errors
    /// What `work` gave, and what the database said. [`Kind::Unavailable`] if the hold ended, because the database did not hear of
    /// this process for a minute: then bytes may be gone.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the hold until it ends by itself.
    pub async fn hold_while<T, E: From<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let id = Uuid::now_v7().to_string();
        self.begin_hold(id.clone()).await?;
        let worked = tokio::select! {
            worked = pin!(work) => worked,
            () = self.keep_hold(&id) => Err(ended().into()),
        };
        let lasted = self.renew_hold(id.clone()).await;
        self.housekeep(move |connection| connection.execute(&tables::REMOVE, &[(&id).into()])).await?;
        let value = worked?;
        if lasted? { Ok(value) } else { Err(ended().into()) }
    }

    /// Whether anybody holds what rows named. Ask after the rows are gone, and before their bytes go.
    ///
    /// # Errors
    /// What the database said.
    pub async fn is_held(&self) -> Result<bool, Error> {
        self.read(|connection| connection.exists(&tables::ANY, &[connection.now()?.into()])).await
    }

    async fn begin_hold(&self, id: String) -> Result<(), Error> {
        let begun = self.housekeep(move |connection| {
            let now = connection.now()?;
            connection.execute(&tables::REMOVE_ENDED, &[now.into()])?;
            connection.execute(&tables::ADD, &[(&id).into(), now.plus(LASTS).into()])
        });
        begun.await.map(|_| ())
    }

    /// `false`: it has ended before.
    async fn renew_hold(&self, id: String) -> Result<bool, Error> {
        let renewed = self.housekeep(move |connection| {
            let now = connection.now()?;
            connection.execute(&tables::RENEW, &[now.plus(LASTS).into(), (&id).into(), now.into()])
        });
        renewed.await.map(|rows| rows > 0)
    }

    /// Renews again and again, and returns when it has ended.
    async fn keep_hold(&self, id: &str) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.renew_hold(id.to_owned()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a hold was not renewed"),
            }
        }
    }
}

fn ended() -> Error {
    let message =
        "the database did not hear of this process for too long, so bytes may have been removed meanwhile; try again";
    Error::new(Kind::Unavailable, "hold", message)
}

//! What rows and bytes say of each other: the core's part of `entrepot doctor`. Nothing is changed.

pub(crate) mod presence;
mod quarantine;
pub(crate) mod references;
mod usage;

use entrepot_database::{Diagnosis, Doctor, Verdict};
use entrepot_store::Look;

use crate::{Error, kept_elsewhere};

/// A look at a registry that may be running, may be stopped, and may be broken.
pub struct Examination<'a> {
    /// Its facts.
    pub database: &'a Doctor,
    /// Its bytes, or why they cannot be looked at.
    pub store: Result<Look, entrepot_store::Error>,
    /// Whether blobs are configured to be files.
    pub on_disk: bool,
    /// Look for all blobs in the store, not for some.
    pub thorough: bool,
}

impl Examination<'_> {
    /// Everything that can be said. Each check is made, whatever the others found.
    pub async fn run(&self) -> Vec<Diagnosis> {
        vec![
            Diagnosis { subject: "the store can be read", verdict: self.readable() },
            self.kind().await,
            Diagnosis { subject: presence::SUBJECT, verdict: self.presence().await },
            self.database.check(quarantine::SUBJECT, quarantine::TABLES, quarantine::verdict).await,
            self.database.check(references::SUBJECT, references::TABLES, references::verdict).await,
            self.database.check(usage::SUBJECT, usage::TABLES, usage::verdict).await,
        ]
    }

    fn readable(&self) -> Verdict {
        match &self.store {
            Ok(_) => Verdict::well(),
            Err(error @ entrepot_store::Error::Missing(_)) if self.on_disk => Verdict::wrong(
                error.to_string(),
                "if there should be something, look at data_dir; otherwise `entrepot serve` makes it",
            ),
            Err(error) if self.on_disk => Verdict::wrong(
                error.to_string(),
                "run the doctor as the user that the registry runs as, and let that user own data_dir",
            ),
            Err(error) => Verdict::wrong(
                error.to_string(),
                "start the store, or correct its section of the configuration; `entrepot store check` then tries everything \
                 that is needed of it",
            ),
        }
    }

    async fn kind(&self) -> Diagnosis {
        let on_disk = self.on_disk;
        let work = move |connection: &entrepot_database::Connection<'_>| {
            Ok::<_, Error>(match kept_elsewhere(connection, on_disk)? {
                false => Verdict::well(),
                true => Verdict::wrong(
                    Error::OtherStore.to_string(),
                    "set store.backend as it was, or copy the images to a new registry (docs/moving.md)",
                ),
            })
        };
        self.database.check("blobs are in the kind of store that is configured", &["blobs", "objects"], work).await
    }

    async fn presence(&self) -> Verdict {
        if let Some(reason) = self.database.lacks(&["blobs", "objects", "quarantine"]) {
            return Verdict::NotLookedAt(reason);
        }
        match &self.store {
            Err(_) => Verdict::NotLookedAt("the store cannot be read".to_owned()),
            Ok(store) => presence::verdict(self.database, store, self.thorough)
                .await
                .unwrap_or_else(|error| Verdict::unreadable(&error)),
        }
    }
}

//! Manifests that may have nothing that keeps them. Those of which that is so are condemned, and go a grace later.

use entrepot_database::{Connection, Durability, Row, Statement, Timestamp};
use entrepot_oci::{Digest, RepositoryName};

use super::loose::Doomed;
use super::report::{Collected, Deed, Reason, Step};
use super::{PAGE, Rules, Work, keep};
use crate::{Error, Registry, stored_digest, stored_name, tables, tags};

/// A manifest that is to be looked at.
#[derive(Clone)]
pub(super) struct Due {
    repository: i64,
    name: RepositoryName,
    id: i64,
    digest: Digest,
    size: u64,
}

/// What is known of a manifest that may have nothing that keeps it.
pub(super) struct Loose {
    pub(super) since: Timestamp,
    pub(super) orphaned: bool,
    pub(super) condemned_at: Option<Timestamp>,
    in_trash: bool,
}

/// A look at a manifest: what was done, and which tags went with it.
type Looked = Option<(Step, Vec<String>)>;

/// The first manifests of each kind that are due at `now`.
pub(super) fn due(connection: &Connection<'_>, rules: &Rules, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    let graced = now.minus(rules.grace);
    let mut found = some_due(connection, &tables::CONDEMNED_DUE, now.minus(rules.condemned_for()), limit)?;
    found.extend(some_due(connection, &tables::ORPHANS_DUE, graced, limit)?);
    if let Some(after) = rules.untagged_after {
        found.extend(some_due(connection, &tables::LOOSE_DUE, now.minus(after), limit)?);
    }
    Ok(found)
}

fn some_due(
    connection: &Connection<'_>,
    statement: &Statement,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, Error> {
    connection.all(statement, &[until.into(), limit.into()], |row: &Row<'_>| {
        Ok(Due {
            id: row.integer(0)?,
            repository: row.integer(1)?,
            name: stored_name(row.text(2)?)?,
            digest: stored_digest(row.text(3)?)?,
            size: row.size(4)?,
        })
    })
}

impl Loose {
    pub(super) fn of(connection: &Connection<'_>, manifest: i64) -> Result<Option<Self>, Error> {
        connection.first(&tables::LOOSE, &[manifest.into()], |row| {
            Ok(Self {
                since: Timestamp::from_micros(row.integer(0)?),
                orphaned: row.integer(1)? != 0,
                condemned_at: row.optional_integer(2)?.map(Timestamp::from_micros),
                in_trash: row.optional_text(3)?.is_some(),
            })
        })
    }

    /// Whether it is to be looked at, at `now`.
    fn is_due(&self, rules: &Rules, now: Timestamp) -> bool {
        match self.condemned_at {
            Some(at) => at.plus(rules.condemned_for()) <= now,
            None => {
                let graced = self.orphaned && self.since.plus(rules.grace) <= now;
                graced || rules.untagged_after.is_some_and(|after| self.since.plus(after) <= now)
            }
        }
    }
}

impl Due {
    /// Does what is to be done with it, if it still is to be looked at.
    pub(super) fn look(&self, connection: &Connection<'_>, rules: &Rules, cut: Timestamp) -> Result<Looked, Error> {
        let Some(loose) = Loose::of(connection, self.id)?.filter(|loose| loose.is_due(rules, cut)) else {
            return Ok(None);
        };
        let is_kept = loose.in_trash
            || keep::manifest(connection, self.repository, self.id, &self.digest, loose.orphaned)?.is_some();
        if is_kept {
            connection.execute(&tables::NEED_MANIFEST, &[self.id.into()])?;
            return Ok(None);
        }
        let now = connection.now()?;
        if !loose.orphaned && rules.untagged_after.is_none() {
            // It was condemned when untagged manifests were not kept.
            connection.execute(&tables::LOOSEN, &[self.id.into(), loose.since.into()])?;
            return Ok(None);
        }
        let (deed, tags) = if loose.condemned_at.is_some() {
            let tags = tags::of_manifest(connection, self.id)?;
            self.doomed().remove(connection, now, rules.grace)?;
            (Deed::RemoveManifest, tags)
        } else {
            connection.execute(&tables::CONDEMN_MANIFEST, &[now.into(), self.id.into()])?;
            (Deed::CondemnManifest, Vec::new())
        };
        let reason = if loose.orphaned { Reason::OwnerGone } else { Reason::Untagged };
        let repository = Some(self.name.to_string());
        Ok(Some((Step { repository, digest: self.digest, bytes: self.size, deed, reason }, tags)))
    }

    fn doomed(&self) -> Doomed<'_> {
        Doomed { repository: self.repository, name: &self.name, id: self.id, digest: &self.digest, size: self.size }
    }
}

impl Work for Due {
    async fn look_at(
        registry: &Registry,
        due: Vec<Self>,
        cut: Timestamp,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let (rules, manifests) = (registry.rules(), due.clone());
        let looked = registry.0.database.write(Durability::Power, move |connection| {
            manifests.iter().map(|manifest| manifest.look(connection, &rules, cut)).collect::<Result<Vec<_>, Error>>()
        });
        let looked = looked.await?;
        fail::fail_point!("collect::after_manifests");
        for (manifest, looked) in due.iter().zip(looked) {
            let Some((step, tags)) = looked else { continue };
            registry.0.cache.forget_manifest(&manifest.name, &manifest.digest);
            for tag in &tags {
                registry.0.cache.forget_tag(&manifest.name, tag);
            }
            collected.add(step);
        }
        Ok(())
    }
}

impl Registry {
    pub(super) async fn collect_manifests(&self, cut: Timestamp, collected: &mut Collected) -> Result<(), Error> {
        loop {
            let rules = self.rules();
            let due = self.0.database.scan(move |connection| due(connection, &rules, cut, PAGE)).await?;
            if due.is_empty() {
                return Ok(());
            }
            self.look_at(&due, cut, collected).await?;
        }
    }

    /// Says that somebody wants a manifest that was condemned: a client that has seen it may name it in an index.
    pub(crate) async fn revive_manifest(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), Error> {
        let (name, text) = (repository.clone(), digest.to_string());
        let revived = self.0.database.write(Durability::Process, move |connection| {
            let Some(repository) = crate::find_repository(connection, &name)? else { return Ok(()) };
            let parameters = [Timestamp::now().into(), repository.into(), (&text).into()];
            connection.execute(&tables::REVIVE_MANIFEST, &parameters)?;
            Ok::<_, Error>(())
        });
        revived.await?;
        self.0.metrics.revived.inc();
        Ok(())
    }
}

//! Letting tags go, and saying which would.

use std::sync::Arc;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{RepositoryName, Tag};

use super::plan::{Seen, decide};
use super::{BY, Fortune, FrozenTags, RetentionRule, TagFortune};
use crate::catalog::next_in_namespace;
use crate::collect::satellite::Satellite;
use crate::collect::{TOGETHER, keep, paced};
use crate::gate::Terms;
use crate::tags::{self, Target};
use crate::trash::Deletion;
use crate::{Error, Page, Registry, find_repository, stored_digest, tables};

/// Rows that are read at once.
const PAGE: i64 = 1000;
/// Tags of which a preview tells.
const MOST_TOLD: usize = 10_000;

/// What a run found out of a repository.
struct Plan {
    rules: Vec<RetentionRule>,
    told: Vec<(TagFortune, Seen)>,
}

impl Registry {
    /// Says who knows which tags do not go. Nothing goes by retention before that is known.
    pub fn keep_frozen(
        &self,
        frozen: impl Fn(&Connection<'_>, &RepositoryName) -> Result<Terms, Error> + Send + Sync + 'static,
    ) {
        // Said twice, the first stays: there is one set of rules in a process.
        let _already = self.0.frozen.set(Arc::new(frozen));
    }

    /// Lets all tags go that a rule is about and no rule keeps; returns how many. Safe while clients push: a tag that was set
    /// since it was looked at stays.
    ///
    /// # Errors
    /// What the database said; what was done until then stays done.
    pub async fn retain(&self) -> Result<u64, Error> {
        let Some(frozen) = self.0.frozen.get().filter(|_| self.0.options.delete) else { return Ok(0) };
        // The preview of a moment ago, and this, know the same.
        self.note_pulls().await?;
        let (mut namespace, mut gone) = (String::new(), 0);
        while let Some(next) = self.next_namespace(namespace).await? {
            let mut after = None;
            while let Some(name) = self.next_repository(&next, after.take()).await? {
                gone += self.retain_in(frozen, &name).await?;
                after = Some(name);
            }
            namespace = next;
        }
        Ok(gone)
    }

    async fn retain_in(&self, frozen: &Arc<FrozenTags>, name: &RepositoryName) -> Result<u64, Error> {
        let Some(Plan { rules, told }) = self.plan(frozen, name).await? else { return Ok(0) };
        let going = told.into_iter().filter(|(told, _)| matches!(told.fortune, Fortune::Goes(_)));
        let going: Vec<Seen> = going.map(|(_, seen)| seen).collect();
        let mut gone = 0;
        for some in going.chunks(TOGETHER) {
            gone += paced(self.let_go(frozen, name, &rules, some.to_vec())).await?;
        }
        if gone > 0 {
            tracing::info!(repository = %name, tags = gone, "no rule of retention kept these");
        }
        Ok(gone)
    }

    /// What becomes of the tags of the repositories of a namespace, or of one of them: what a run would do now.
    ///
    /// # Errors
    /// [`Error::DeleteDisabled`] if nothing is ever deleted; what the database said.
    pub async fn preview_retention(
        &self,
        namespace: &str,
        repository: Option<&RepositoryName>,
    ) -> Result<Page<TagFortune>, Error> {
        let frozen = self.0.frozen.get().filter(|_| self.0.options.delete).ok_or(Error::DeleteDisabled)?;
        self.note_pulls().await?;
        let mut entries = Vec::new();
        if let Some(name) = repository.filter(|name| name.namespace() == namespace) {
            entries.extend(self.plan(frozen, name).await?.into_iter().flat_map(Plan::tell));
        } else if repository.is_none() {
            let mut after = None;
            while let Some(name) = self.next_repository(namespace, after.take()).await? {
                entries.extend(self.plan(frozen, &name).await?.into_iter().flat_map(Plan::tell));
                if entries.len() > MOST_TOLD {
                    break;
                }
                after = Some(name);
            }
        }
        let more = entries.len() > MOST_TOLD;
        entries.truncate(MOST_TOLD);
        Ok(Page { entries, more })
    }

    /// The next namespace that has rules.
    async fn next_namespace(&self, after: String) -> Result<Option<String>, Error> {
        let next = self.0.database.read(move |connection| {
            let parameters = [after.as_str().into()];
            connection
                .first(&tables::NEXT_RETENTION_NAMESPACE, &parameters, |row| Ok::<_, Error>(row.text(0)?.to_owned()))
        });
        next.await
    }

    /// The next repository of a namespace.
    async fn next_repository(
        &self,
        namespace: &str,
        after: Option<RepositoryName>,
    ) -> Result<Option<RepositoryName>, Error> {
        let namespace = namespace.to_owned();
        let next = self.0.database.scan(move |connection| {
            next_in_namespace(connection, &namespace, after.as_ref().map_or("", RepositoryName::as_str))
        });
        next.await
    }

    /// What becomes of the tags of a repository, if a rule is about it.
    async fn plan(&self, frozen: &Arc<FrozenTags>, name: &RepositoryName) -> Result<Option<Plan>, Error> {
        let (name, frozen) = (name.clone(), Arc::clone(frozen));
        let planned = self.0.database.scan(move |connection| {
            let Some(repository) = find_repository(connection, &name)? else { return Ok(None) };
            let rules = rules_of(connection, &name)?;
            if rules.is_empty() {
                return Ok(None);
            }
            let (frozen, now) = (frozen(connection, &name)?, connection.now()?);
            let told = decide(&name, &rules, &frozen, &all_tags(connection, repository)?, now);
            Ok::<_, Error>(Some(Plan { rules, told }))
        });
        planned.await
    }

    /// Lets tags go that are as they were seen, if the rules still are those by which that was decided.
    async fn let_go(
        &self,
        frozen: &Arc<FrozenTags>,
        name: &RepositoryName,
        rules: &[RetentionRule],
        some: Vec<Seen>,
    ) -> Result<u64, Error> {
        let (of, way, frozen) = (name.clone(), self.way_out(), Arc::clone(frozen));
        let (rules, seen) = (rules.to_vec(), some);
        let done = self.0.database.write(Durability::Power, move |connection| {
            let Some(repository) = find_repository(connection, &of)? else { return Ok(Vec::new()) };
            if rules_of(connection, &of)? != rules {
                return Ok(Vec::new());
            }
            let frozen = frozen(connection, &of)?;
            let going = seen.iter().filter(|seen| !frozen.freezes(&seen.tag));
            let deletion = Deletion { repository, name: &of, by: Some(BY), now: connection.now()?, way };
            let done = going.map(|seen| Ok((delete(&deletion, connection, seen)?, seen.clone())));
            done.collect::<Result<Vec<_>, Error>>()
        });
        let done = done.await?;
        fail::fail_point!("retention::after_tags");
        let mut gone = 0;
        for (_, seen) in done.iter().filter(|(left, _)| *left) {
            gone += 1;
            self.0.cache.forget_tag(name, seen.tag.as_str());
            self.0.cache.forget_manifest(name, &seen.digest);
        }
        self.0.metrics.retired.inc_by(gone);
        Ok(gone)
    }
}

impl Plan {
    fn tell(self) -> impl Iterator<Item = TagFortune> {
        self.told.into_iter().map(|(told, _)| told)
    }
}

/// The rules about a repository.
fn rules_of(connection: &Connection<'_>, name: &RepositoryName) -> Result<Vec<RetentionRule>, Error> {
    let rules = RetentionRule::of(connection, name.namespace())?;
    Ok(rules.into_iter().filter(|rule| rule.repositories.matches(name.as_str())).collect())
}

/// All tags of a repository but those that say to what something belongs: these go with that.
fn all_tags(connection: &Connection<'_>, repository: i64) -> Result<Vec<Seen>, Error> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let parameters = [repository.into(), after.as_str().into(), PAGE.into()];
        let some = connection.all(&tables::TAGS_TO_RETAIN, &parameters, |row| {
            let text = row.text(0)?;
            let tag: Tag = text.parse().map_err(|_| Error::Damaged(format!("{text:?} stands where a tag should")))?;
            Ok::<_, Error>(Seen {
                tag,
                manifest: row.integer(1)?,
                digest: stored_digest(row.text(2)?)?,
                size: row.size(3)?,
                pushed_at: Timestamp::from_micros(row.integer(4)?),
                pulled_at: row.optional_integer(5)?.map(Timestamp::from_micros),
            })
        })?;
        let Some(last) = some.last() else { return Ok(all) };
        after = last.tag.as_str().to_owned();
        all.extend(some.into_iter().filter(|seen| Satellite::parse(seen.tag.as_str()).is_none()));
    }
}

/// Deletes a tag, if it is as it was seen, and its manifest, if nothing else needs that; says whether it did.
fn delete(deletion: &Deletion<'_>, connection: &Connection<'_>, seen: &Seen) -> Result<bool, Error> {
    let repository = deletion.repository;
    let parameters = [repository.into(), seen.tag.as_str().into(), seen.manifest.into(), seen.pushed_at.into()];
    if !connection.exists(&tables::TAG_AS_SEEN, &parameters)? {
        return Ok(false);
    }
    let tags = tags::of_manifest(connection, seen.manifest)?;
    if tags.len() > 1 || keep::others(connection, repository, seen.manifest, &seen.digest)?.is_some() {
        return deletion.tag(connection, &seen.tag);
    }
    deletion.manifest(connection, &Target { id: seen.manifest, digest: seen.digest }, seen.size, &tags)?;
    Ok(true)
}

//! The tags of one repository, after all its manifests.

use std::collections::{BTreeMap, HashSet};

use entrepot_oci::{Digest, Reference, Tag};
use entrepot_registry::gate::{Grant, Pull, Push};
use entrepot_registry::{Destination, Error as Core, ManifestPush, Precondition};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::repository::At;
use crate::source::Source;
use crate::{Error, Import};

/// Manifests whose tags are set at once.
const AT_ONCE: usize = 8;

impl<S: Source> Import<S> {
    /// Sets the tags as they are in the old registry, as far as what they show is `here`.
    pub(crate) async fn tags(&self, at: &At<'_>, here: &HashSet<Digest>) -> Result<(), Error> {
        let now = self.tags_here(&at.pull).await?;
        let mut wanted: BTreeMap<Digest, Vec<Tag>> = BTreeMap::new();
        for (name, shown) in &at.contents.tags {
            match (name.parse::<Tag>(), shown) {
                (Err(why), _) => self.leave_tag(at, name, &why.to_string()),
                (_, Err(why)) => self.leave_tag(at, name, why),
                (Ok(_), Ok(digest)) if now.get(name) == Some(digest) => self.summary.lock().kept_tags += 1,
                (Ok(tag), Ok(digest)) if here.contains(digest) => wanted.entry(*digest).or_default().push(tag),
                // Its manifest is named already.
                (Ok(_), Ok(digest)) if at.contents.manifests.contains(digest) => {}
                (Ok(_), Ok(digest)) => self.leave_tag(at, name, &format!("it shows {digest}, which is not there")),
            }
        }
        let set = wanted.into_iter().map(|(digest, tags)| self.set(at, digest, tags));
        stream::iter(set).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        for name in now.keys().filter(|name| !at.contents.tags.contains_key(*name)) {
            self.gone(at, name).await?;
        }
        Ok(())
    }

    /// Lets tags show a manifest, but those that may not move.
    async fn set(&self, at: &At<'_>, digest: Digest, mut tags: Vec<Tag>) -> Result<(), Error> {
        let Some(push) = &at.push else {
            self.summary.lock().set_tags += tags.len() as u64;
            return Ok(());
        };
        while !tags.is_empty() {
            match self.put(at, push, &digest, tags.clone()).await {
                Ok(()) => {
                    self.summary.lock().set_tags += tags.len() as u64;
                    return Ok(());
                }
                Err(Core::TagImmutable(tag)) => {
                    self.leave_tag(at, tag.as_str(), "it shows another manifest here, and is immutable");
                    tags.retain(|other| *other != tag);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn put(&self, at: &At<'_>, push: &Grant<Push>, digest: &Digest, tags: Vec<Tag>) -> Result<(), Core> {
        let manifest = self.registry.get_manifest(&at.pull, &Reference::Digest(*digest)).await?;
        let pushed = ManifestPush {
            content: manifest.content.clone(),
            content_type: Some(manifest.media_type.clone()),
            destination: Destination::Digest(*digest, tags),
            precondition: Precondition::None,
        };
        self.registry.put_manifest(push, pushed).await.map(drop)
    }

    /// A tag that is here, and not there any more.
    async fn gone(&self, at: &At<'_>, name: &str) -> Result<(), Error> {
        let remove = self.options.delete && !self.options.dry_run;
        if let Some(tag) = name.parse::<Tag>().ok().filter(|_| remove) {
            let grant = self.gate.authorize(&self.caller, at.pull.repository().clone()).await?;
            match self.registry.delete_tag(&grant, &tag).await {
                Ok(()) | Err(Core::ManifestUnknown(_)) => {}
                Err(error) => {
                    let why = Error::from(error).left_out()?;
                    self.leave_tag(at, name, &format!("it is gone there, and stays here: {why}"));
                    return Ok(());
                }
            }
        }
        let mut summary = self.summary.lock();
        summary.removed_gone_tags = remove;
        summary.gone_tags.push((at.pull.repository().as_str().to_owned(), name.to_owned()));
        Ok(())
    }

    /// The tags that the repository has here, with what they show.
    async fn tags_here(&self, pull: &Grant<Pull>) -> Result<BTreeMap<String, Digest>, Error> {
        let mut tags = BTreeMap::new();
        let mut last = None;
        loop {
            let page = match self.registry.list_tag_entries(pull, last, None).await {
                Err(Core::RepositoryUnknown(_)) => return Ok(tags),
                page => page?,
            };
            last = page.entries.last().map(|entry| entry.name.clone());
            tags.extend(page.entries.into_iter().map(|entry| (entry.name, entry.digest)));
            if !page.more {
                return Ok(tags);
            }
        }
    }

    fn leave_tag(&self, at: &At<'_>, name: &str, why: &str) {
        self.summary.lock().leave(at.old, format!("tag {name}"), why);
    }
}

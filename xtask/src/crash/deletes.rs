//! Deleting tags, manifests and blobs.

use super::client::Worker;
use super::http::Request;
use super::trouble::{Outcome, wrong};

impl Worker<'_> {
    /// Deletes a tag of its own or a shared one.
    pub(super) fn delete_tag(&mut self, repository: &'static str) -> Outcome<()> {
        let key = (repository, self.any_tag());
        let begun = {
            let mut model = self.model();
            let now = model.tick();
            model.tag(&key).begin(None, now);
            now
        };
        let answer = self.send(&Request::new("DELETE", format!("/v2/{repository}/manifests/{}", key.1)))?;
        let mut model = self.model();
        let now = model.tick();
        match answer.status {
            202 => {
                model.acknowledged += 1;
                model.tag(&key).acknowledge(begun, now);
                Ok(())
            }
            404 => {
                let tag = model.tag(&key);
                tag.refuse(begun);
                if tag.may_have_been(&None, begun) {
                    return Ok(());
                }
                wrong(format!("tag {key:?} was set but cannot be deleted: {}", answer.describe()))
            }
            _ => wrong(format!("DELETE of tag {key:?}: {}", answer.describe())),
        }
    }

    /// Deletes a manifest of its own, and with it the tags that name it.
    pub(super) fn delete_manifest(&mut self, repository: &'static str) -> Outcome<()> {
        let own = self.model().own_manifests(repository, self.number);
        let Some(draft) = self.random.pick(&own).cloned() else { return Ok(()) };
        let digest = &draft.content.digest;
        let named = Some(digest.clone());
        // Only this client points tags at its manifests, and it is not doing so now. That it did may have been lost.
        let (begun, tags) = {
            let mut model = self.model();
            let now = model.tick();
            model.manifest(repository, &draft).begin(false, now);
            let tags = model.tags.iter().filter(|(key, tag)| key.0 == repository && tag.may_be(&named));
            let tags: Vec<_> = tags.map(|(key, _)| key.clone()).collect();
            for tag in &tags {
                model.tag(tag).begin(None, now);
            }
            (now, tags)
        };
        let answer = self.send(&Request::new("DELETE", format!("/v2/{repository}/manifests/{digest}")))?;
        let mut model = self.model();
        let now = model.tick();
        if answer.status == 202 {
            model.acknowledged += 1;
            model.manifest(repository, &draft).acknowledge(begun, now);
            for tag in &tags {
                model.tag(tag).acknowledge_instead_of(&named, begun, now);
            }
            return Ok(());
        }
        let used = model
            .manifests_of(repository)
            .any(|manifest| manifest.draft.children.contains(digest) && manifest.there.may_have_been(&true, begun));
        if answer.status != 409 || !used {
            return wrong(format!("DELETE of manifest {digest} in {repository}: {}", answer.describe()));
        }
        model.manifest(repository, &draft).refuse(begun);
        for tag in &tags {
            model.tag(tag).refuse(begun);
        }
        Ok(())
    }

    /// Deletes any blob from a repository.
    pub(super) fn delete_blob(&mut self, repository: &'static str) -> Outcome<()> {
        let linked: Vec<_> = {
            let model = self.model();
            let here = model.links.iter().filter(|(key, link)| key.0 == repository && link.may_be(&true));
            here.map(|(key, _)| key.clone()).collect()
        };
        let Some(key) = self.random.pick(&linked) else { return Ok(()) };
        let begun = {
            let mut model = self.model();
            let now = model.tick();
            model.link(key).begin(false, now);
            now
        };
        let answer = self.send(&Request::new("DELETE", format!("/v2/{repository}/blobs/{}", key.1)))?;
        let mut model = self.model();
        let now = model.tick();
        if answer.status == 202 {
            model.acknowledged += 1;
            model.link(key).acknowledge(begun, now);
            return Ok(());
        }
        model.link(key).refuse(begun);
        let expected = match answer.status {
            404 => model.may_have_lacked(repository, &key.1, begun),
            409 => model
                .manifests_of(repository)
                .any(|manifest| manifest.draft.blobs.contains(&key.1) && manifest.there.may_have_been(&true, begun)),
            _ => false,
        };
        if expected { Ok(()) } else { wrong(format!("DELETE of blob {key:?}: {}", answer.describe())) }
    }
}

//! Pulling while others push and delete: what is shown must have been possible at some moment of the request, and an image
//! that is shown is complete.

use super::client::Worker;
use super::http::Request;
use super::model::Key;
use super::trouble::{Outcome, wrong};

impl Worker<'_> {
    /// Pulls what a tag names, or a manifest by its digest, with all its blobs.
    pub(super) fn pull(&mut self, repository: &'static str) -> Outcome<()> {
        if self.random.chance(60) {
            let tag = self.any_tag();
            return self.pull_tag(&(repository, tag));
        }
        let manifests: Vec<_> = {
            let model = self.model();
            let there = model.manifests_of(repository).filter(|manifest| manifest.there.may_be(&true));
            there.map(|manifest| manifest.draft.content.digest.clone()).collect()
        };
        match self.random.pick(&manifests) {
            Some(digest) => self.pull_manifest(&(repository, digest.clone())),
            None => Ok(()),
        }
    }

    fn pull_tag(&mut self, key: &Key) -> Outcome<()> {
        let (repository, tag) = key;
        let begun = self.model().tick();
        let answer = self.send(&Request::new("GET", format!("/v2/{repository}/manifests/{tag}")))?;
        let digest = match (answer.status, answer.header("docker-content-digest")) {
            (200, Some(digest)) => Some(digest.to_owned()),
            (404, _) => None,
            _ => return wrong(format!("GET of tag {key:?}: {}", answer.describe())),
        };
        let model = self.model();
        let possible = match model.tags.get(key) {
            Some(register) => register.may_have_been(&digest, begun),
            None => digest.is_none(),
        };
        if !possible {
            return wrong(format!("tag {key:?} showed {digest:?}: {:?}", model.tags.get(key)));
        }
        drop(model);
        match digest {
            Some(digest) => self.pull_blobs(&(*repository, digest), &answer.body, begun),
            None => Ok(()),
        }
    }

    fn pull_manifest(&mut self, key: &Key) -> Outcome<()> {
        let (repository, digest) = key;
        let begun = self.model().tick();
        let answer = self.send(&Request::new("GET", format!("/v2/{repository}/manifests/{digest}")))?;
        match answer.status {
            200 => self.pull_blobs(key, &answer.body, begun),
            404 if self.may_have_been_deleted(key, begun) => Ok(()),
            _ => wrong(format!("GET of manifest {key:?}: {}", answer.describe())),
        }
    }

    /// Pulls the blobs of a manifest that was shown since `begun` with the bytes `shown`.
    fn pull_blobs(&mut self, key: &Key, shown: &[u8], begun: u64) -> Outcome<()> {
        let blobs = match self.model().manifests.get(key) {
            Some(manifest) if manifest.draft.content.bytes == shown => manifest.draft.blobs.clone(),
            _ => return wrong(format!("manifest {key:?} shows other bytes than were pushed")),
        };
        for digest in blobs {
            let answer = self.send(&Request::new("GET", format!("/v2/{}/blobs/{digest}", key.0)))?;
            let model = self.model();
            let right = model.contents.get(&digest).is_some_and(|content| content.bytes == answer.body);
            drop(model);
            match answer.status {
                200 if right => {}
                200 => return wrong(format!("blob {digest} of {} has other bytes: {}", key.0, answer.body.len())),
                // Not before the manifest that names it.
                404 if self.may_have_been_deleted(key, begun) => return Ok(()),
                _ => return wrong(format!("blob {digest} of manifest {key:?}: {}", answer.describe())),
            }
        }
        Ok(())
    }

    fn may_have_been_deleted(&self, key: &Key, since: u64) -> bool {
        self.model().manifests.get(key).is_none_or(|manifest| manifest.there.may_have_been(&false, since))
    }
}

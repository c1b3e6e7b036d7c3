//! After a restart: what the server shows against what the clients were told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::Worker;
use super::http::Request;
use super::model::{Key, Model, REPOSITORIES, Touched};
use super::trouble::{Outcome, wrong};

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What requests may have changed since the last time, and all that is listed.
    Touched,
    /// Every blob, manifest and tag that was ever pushed.
    Everything,
}

impl Worker<'_> {
    /// Looks at everything of `depth`, takes up about half of the interrupted uploads, and takes what is found as the truth
    /// that the next requests begin from. No other client may be at work.
    pub(super) fn verify(&mut self, depth: Depth) -> Outcome<()> {
        let touched = self.to_look_at(depth);
        self.verify_content(&touched)?;
        self.verify_uploads()
    }

    /// Looks at all of `touched`, at what is listed, and at whether it fits together.
    pub(super) fn verify_content(&mut self, touched: &Touched) -> Outcome<()> {
        for key in &touched.links {
            self.verify_link(key)?;
        }
        for key in &touched.manifests {
            self.verify_manifest(key)?;
        }
        for key in &touched.tags {
            self.verify_tag(key)?;
        }
        self.verify_completeness()?;
        self.verify_referrers(touched)?;
        self.verify_lists()
    }

    /// Takes the list of what was touched, and adds what the touched manifests name.
    pub(super) fn to_look_at(&self, depth: Depth) -> Touched {
        let mut model = self.model();
        let mut touched = std::mem::take(&mut model.touched);
        if depth == Depth::Everything {
            touched.links = model.links.keys().cloned().collect();
            touched.manifests = model.manifests.keys().cloned().collect();
            touched.tags = model.tags.keys().cloned().collect();
        }
        let named = touched.manifests.iter().filter_map(|key| Some((key.0, &model.manifests.get(key)?.draft)));
        for (repository, draft) in named {
            touched.links.extend(draft.blobs.iter().map(|blob| (repository, blob.clone())));
        }
        touched
    }

    fn verify_link(&mut self, key: &Key) -> Outcome<()> {
        let (repository, digest) = key;
        let answer = self.send(&Request::new("GET", format!("/v2/{repository}/blobs/{digest}")))?;
        let mut model = self.model();
        let there = match answer.status {
            200 if model.contents.get(digest).is_some_and(|content| content.bytes == answer.body) => true,
            200 => return wrong(format!("blob {digest} of {repository} has other bytes: {}", answer.body.len())),
            404 => false,
            _ => return wrong(format!("GET of blob {digest} of {repository}: {}", answer.describe())),
        };
        let now = model.tick();
        let Some(link) = model.links.get_mut(key) else {
            return if there { wrong(format!("nobody pushed blob {key:?}")) } else { Ok(()) };
        };
        link.observe(&there, now).or_else(|error| wrong(format!("blob {key:?} is there: {error}")))
    }

    fn verify_manifest(&mut self, key: &Key) -> Outcome<()> {
        let (repository, digest) = key;
        let answer = self.send(&Request::new("GET", format!("/v2/{repository}/manifests/{digest}")))?;
        let mut model = self.model();
        let now = model.tick();
        let Some(manifest) = model.manifests.get_mut(key) else { return Ok(()) };
        let there = match answer.status {
            200 if manifest.draft.content.bytes == answer.body
                && answer.header("content-type") == Some(manifest.draft.media_type) =>
            {
                true
            }
            200 => return wrong(format!("manifest {digest} of {repository} is another: {}", answer.describe())),
            404 => false,
            _ => return wrong(format!("GET of manifest {digest} of {repository}: {}", answer.describe())),
        };
        manifest.there.observe(&there, now).or_else(|error| wrong(format!("manifest {key:?} is there: {error}")))
    }

    fn verify_tag(&mut self, key: &Key) -> Outcome<()> {
        let (repository, name) = key;
        let answer = self.send(&Request::new("GET", format!("/v2/{repository}/manifests/{name}")))?;
        let mut model = self.model();
        let digest = match (answer.status, answer.header("docker-content-digest")) {
            (200, Some(digest)) => Some(digest.to_owned()),
            (404, _) => None,
            _ => return wrong(format!("GET of tag {key:?}: {}", answer.describe())),
        };
        if let Some(digest) = &digest {
            let manifest = model.manifests.get(&(*repository, digest.clone()));
            if manifest.is_none_or(|manifest| manifest.draft.content.bytes != answer.body) {
                return wrong(format!("tag {key:?} shows other bytes than manifest {digest}"));
            }
        }
        let now = model.tick();
        match model.tags.get_mut(key) {
            Some(tag) => tag.observe(&digest, now).or_else(|error| wrong(format!("tag {key:?} {error}"))),
            None => Ok(()),
        }
    }

    /// Every manifest that is there has all its blobs and children, and every tag its manifest.
    fn verify_completeness(&self) -> Outcome<()> {
        let model = self.model();
        for (repository, manifest) in model.present() {
            let digest = &manifest.draft.content.digest;
            for blob in &manifest.draft.blobs {
                if model.links.get(&(repository, blob.clone())).and_then(|link| link.known()) != Some(&true) {
                    return wrong(format!("manifest {digest} of {repository} is there, but its blob {blob} is not"));
                }
            }
            for child in &manifest.draft.children {
                let child = model.manifests.get(&(repository, child.clone()));
                if child.and_then(|child| child.there.known()) != Some(&true) {
                    return wrong(format!("index {digest} of {repository} is there, but one of its manifests is not"));
                }
            }
        }
        Ok(())
    }

    fn verify_referrers(&mut self, touched: &Touched) -> Outcome<()> {
        let subjects: BTreeSet<Key> = {
            let model = self.model();
            let drafts = touched.manifests.iter().filter_map(|key| Some((key.0, &model.manifests.get(key)?.draft)));
            drafts.filter_map(|(repository, draft)| Some((repository, draft.subject.clone()?))).collect()
        };
        for (repository, subject) in subjects {
            let listed: BTreeSet<String> = self
                .pages(format!("/v2/{repository}/referrers/{subject}"), "manifests")?
                .iter()
                .filter_map(|descriptor| descriptor["digest"].as_str().map(str::to_owned))
                .collect();
            let model = self.model();
            let present = model.present().filter(|(of, manifest)| {
                *of == repository && manifest.draft.subject.as_deref() == Some(subject.as_str())
            });
            let expected: BTreeSet<String> =
                present.map(|(_, manifest)| manifest.draft.content.digest.clone()).collect();
            if listed != expected {
                return wrong(format!("referrers of {subject} in {repository} are {listed:?}, not {expected:?}"));
            }
        }
        Ok(())
    }

    /// The lists of tags and of repositories show what is there and nothing else.
    fn verify_lists(&mut self) -> Outcome<()> {
        let catalog = names(&self.pages("/v2/_catalog?n=3".to_owned(), "repositories")?);
        if let Some(unknown) = catalog.iter().find(|name| !REPOSITORIES.contains(&name.as_str())) {
            return wrong(format!("the catalog shows {unknown:?}, which nobody pushed to"));
        }
        for repository in REPOSITORIES {
            let (filled, expected) = {
                let model = self.model();
                let tags = model.tags.iter().filter(|(key, tag)| key.0 == repository && !tag.may_be(&None));
                let expected: BTreeSet<String> = tags.map(|(key, _)| key.1.clone()).collect();
                let filled = model.links.iter().any(|(key, link)| key.0 == repository && !link.may_be(&false));
                (filled, expected)
            };
            if !catalog.contains(repository) {
                if filled || !expected.is_empty() {
                    return wrong(format!("the catalog does not show {repository}, which has content"));
                }
                continue;
            }
            let listed = names(&self.pages(format!("/v2/{repository}/tags/list?n=7"), "tags")?);
            if listed != expected {
                return wrong(format!("the tags of {repository} are {listed:?}, not {expected:?}"));
            }
        }
        Ok(())
    }

    /// Sessions that ended stay ended; the others are where they can be and go on from there.
    pub(super) fn verify_uploads(&mut self) -> Outcome<()> {
        let ended = std::mem::take(&mut self.model().ended);
        for location in ended {
            let answer = self.send(&Request::new("GET", &location))?;
            if answer.status != 404 {
                return wrong(format!("upload {location} had ended but is there: {}", answer.describe()));
            }
        }
        let ids: Vec<u64> = self.model().uploads.keys().copied().collect();
        for id in ids {
            if !self.ask(id)? {
                continue;
            }
            if self.random.chance(30) {
                self.change_rest(id);
            }
            if self.random.chance(50) {
                self.continue_upload(id)?;
            }
        }
        // What was just finished has to be looked at as well.
        let finished = std::mem::take(&mut self.model().touched).links;
        for key in &finished {
            self.verify_link(key)?;
        }
        Ok(())
    }

    /// The entries of every page of a list.
    fn pages(&mut self, mut target: String, field: &str) -> Outcome<Vec<Value>> {
        let mut entries = Vec::new();
        loop {
            let answer = self.send(&Request::new("GET", &target))?;
            let page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let (200, Some(page)) = (answer.status, page[field].as_array()) else {
                return wrong(format!("GET {target}: {}", answer.describe()));
            };
            entries.extend(page.iter().cloned());
            let Some(link) = answer.header("link") else { return Ok(entries) };
            match link.strip_prefix('<').and_then(|link| link.split_once('>')) {
                Some((next, _)) => target = next.to_owned(),
                None => return wrong(format!("GET {target}: the next page is {link:?}")),
            }
        }
    }
}

fn names(list: &[Value]) -> BTreeSet<String> {
    list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

impl Model {
    /// Manifests that are there for certain, with their repositories.
    fn present(&self) -> impl Iterator<Item = (&'static str, &super::model::Manifest)> {
        let there = self.manifests.iter().filter(|(_, manifest)| manifest.there.known() == Some(&true));
        there.map(|(key, manifest)| (key.0, manifest))
    }
}

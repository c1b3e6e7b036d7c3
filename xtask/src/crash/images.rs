//! Pushing images, indexes and referrers; moving tags.

use std::sync::Arc;

use serde_json::{Value, json};

use super::client::Worker;
use super::content::{Algorithm, Content};
use super::http::Request;
use super::model::Draft;
use super::trouble::{Outcome, wrong};
use crate::random::Random;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Tags that all clients move, all the time.
const SHARED_TAGS: [&str; 2] = ["latest", "edge"];
const OWN_TAGS: usize = 6;
/// Images that all clients push and nobody deletes.
const SHARED_IMAGES: usize = 4;

impl Worker<'_> {
    /// Pushes an image of its own: the blobs, then the manifest.
    pub(super) fn push_image(&mut self, repository: &'static str) -> Outcome<()> {
        let blobs: Vec<_> = (0..1 + self.random.below(5)).map(|_| self.blob()).collect();
        self.push_blobs(repository, &blobs)?;
        let draft = self.draft(&blobs, None);
        let tag = self.random.chance(70).then(|| self.own_tag());
        self.put_manifest(repository, &draft, tag)
    }

    /// Pushes one of the images that every client pushes.
    pub(super) fn push_shared_image(&mut self, repository: &'static str) -> Outcome<()> {
        let draft = self.shared_draft();
        let model = self.model();
        let blobs: Vec<_> = draft.blobs.iter().filter_map(|digest| model.contents.get(digest)).cloned().collect();
        drop(model);
        self.push_blobs(repository, &blobs)?;
        let tag = SHARED_TAGS[self.random.below(SHARED_TAGS.len())].to_owned();
        self.put_manifest(repository, &draft, Some(tag))
    }

    /// Pushes an index over manifests of its own.
    pub(super) fn push_index(&mut self, repository: &'static str) -> Outcome<()> {
        let own = self.model().own_manifests(repository, self.number);
        let mut children = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let Some(child) = self.random.pick(&own) else { return Ok(()) };
            children.push(child.clone());
        }
        let manifests: Vec<_> = children.iter().map(|child| descriptor(child.media_type, &child.content)).collect();
        let serial = self.random.next();
        let content = manifest(
            Algorithm::Sha256,
            &json!({
                "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests,
                "annotations": { "com.acme.serial": serial.to_string() },
            }),
        );
        let draft = Draft {
            content,
            media_type: INDEX,
            blobs: Vec::new(),
            children: children.iter().map(|child| child.content.digest.clone()).collect(),
            subject: None,
            owner: Some(self.number),
        };
        let tag = self.random.chance(60).then(|| self.own_tag());
        self.put_manifest(repository, &draft, tag)
    }

    /// Pushes an artifact that refers to a manifest.
    pub(super) fn push_referrer(&mut self, repository: &'static str) -> Outcome<()> {
        let own = self.model().own_manifests(repository, self.number);
        let Some(subject) = self.random.pick(&own).cloned() else { return Ok(()) };
        let blobs = [self.blob()];
        self.push_blobs(repository, &blobs)?;
        let draft = self.draft(&blobs, Some(&subject));
        self.put_manifest(repository, &draft, None)
    }

    /// Points a tag at a manifest that is there.
    pub(super) fn move_tag(&mut self, repository: &'static str) -> Outcome<()> {
        if self.random.chance(40) {
            return self.push_shared_image(repository);
        }
        let own = self.model().own_manifests(repository, self.number);
        let Some(draft) = self.random.pick(&own).cloned() else { return Ok(()) };
        let tag = self.own_tag();
        self.put_manifest(repository, &draft, Some(tag))
    }

    /// Mounts a blob that some other repository has.
    pub(super) fn mount_any(&mut self, repository: &'static str) -> Outcome<()> {
        let linked: Vec<_> = {
            let model = self.model();
            let others = model.links.iter().filter(|(key, link)| key.0 != repository && link.may_be(&true));
            others.map(|(key, _)| key.clone()).collect()
        };
        match self.random.pick(&linked) {
            Some((from, digest)) => self.mount(repository, from, digest),
            None => Ok(()),
        }
    }

    fn mount(&mut self, repository: &'static str, from: &'static str, digest: &str) -> Outcome<()> {
        let key = (repository, digest.to_owned());
        let source = (from, digest.to_owned());
        let mut target = format!("/v2/{repository}/blobs/uploads/?mount={digest}");
        let named = self.random.chance(80);
        if named {
            target.push_str(&format!("&from={from}"));
        }
        let begun = self.begin_link(&key);
        let answer = self.send(&Request::new("POST", target))?;
        if answer.status == 201 {
            let had = self.model().links.get(&source).is_some_and(|link| link.may_have_been(&true, begun));
            if named && !had {
                return wrong(format!("{digest} was mounted from {from}, which did not have it"));
            }
            self.acknowledge_link(&key, begun);
            return Ok(());
        }
        let mut model = self.model();
        model.link(&key).refuse(begun);
        let lacked = model.may_have_lacked(from, digest, begun);
        let content = model.contents.get(digest).cloned();
        drop(model);
        if !lacked {
            return wrong(format!("{digest} was not mounted from {from}, which has it: {}", answer.describe()));
        }
        match content {
            Some(content) => self.keep_session(repository, &content, &answer).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Makes sure that the repository has the blobs, as far as that can be with others who delete.
    fn push_blobs(&mut self, repository: &'static str, blobs: &[Arc<Content>]) -> Outcome<()> {
        for blob in blobs {
            let key = (repository, blob.digest.clone());
            let there = self.model().links.get(&key).and_then(|link| link.known().copied()) == Some(true);
            if !there || self.random.chance(30) {
                self.push_blob(repository, blob)?;
            }
        }
        Ok(())
    }

    /// Puts a manifest, under a tag, under its digest, or under both.
    fn put_manifest(&mut self, repository: &'static str, draft: &Draft, tag: Option<String>) -> Outcome<()> {
        let digest = &draft.content.digest;
        let by_tag = digest.starts_with("sha256") && self.random.chance(70);
        let target = match &tag {
            Some(tag) if by_tag => format!("/v2/{repository}/manifests/{tag}"),
            Some(tag) => format!("/v2/{repository}/manifests/{digest}?tag={tag}"),
            None => format!("/v2/{repository}/manifests/{digest}"),
        };
        let tag = tag.map(|tag| (repository, tag));
        let begun = {
            let mut model = self.model();
            let now = model.tick();
            model.manifest(repository, draft).begin(true, now);
            if let Some(tag) = &tag {
                model.tag(tag).begin(Some(digest.clone()), now);
            }
            now
        };
        let answer = self
            .send(&Request::new("PUT", target).header("content-type", draft.media_type).body(&draft.content.bytes))?;
        let mut model = self.model();
        let now = model.tick();
        if answer.status == 201 {
            model.acknowledged += 1;
            model.manifest(repository, draft).acknowledge(begun, now);
            if let Some(tag) = &tag {
                model.tag(tag).acknowledge(begun, now);
            }
            return Ok(());
        }
        let lacked = draft.blobs.iter().any(|blob| model.may_have_lacked(repository, blob, begun));
        if answer.status != 400 || !lacked {
            return wrong(format!("PUT of manifest {digest} to {repository}: {}", answer.describe()));
        }
        // Somebody deleted one of its blobs in the meantime.
        model.manifest(repository, draft).refuse(begun);
        if let Some(tag) = &tag {
            model.tag(tag).refuse(begun);
        }
        Ok(())
    }

    /// A manifest over `blobs`, of which the first is the config, that nobody has pushed before.
    fn draft(&mut self, blobs: &[Arc<Content>], subject: Option<&Draft>) -> Draft {
        let algorithm = if self.random.chance(8) { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let serial = self.random.next();
        image(algorithm, blobs, subject, serial, Some(self.number))
    }

    /// One of the images that all clients push: it follows from the pool alone.
    fn shared_draft(&mut self) -> Draft {
        let number = self.random.below(SHARED_IMAGES) as u64;
        let mut random = Random::new(&[number]);
        let model = self.model();
        let blobs: Vec<_> = (0..4).filter_map(|_| random.pick(&model.pool).cloned()).collect();
        image(Algorithm::Sha256, &blobs, None, number, None)
    }

    /// One of the tags that only this client sets.
    pub(super) fn own_tag(&mut self) -> String {
        format!("client-{}.{}", self.number, self.random.below(OWN_TAGS))
    }

    /// One of its own tags or of those that all share.
    pub(super) fn any_tag(&mut self) -> String {
        if self.random.chance(25) {
            return SHARED_TAGS[self.random.below(SHARED_TAGS.len())].to_owned();
        }
        self.own_tag()
    }
}

fn image(
    algorithm: Algorithm,
    blobs: &[Arc<Content>],
    subject: Option<&Draft>,
    serial: u64,
    owner: Option<usize>,
) -> Draft {
    let mut descriptors =
        blobs.iter().map(|blob| descriptor("application/vnd.oci.image.layer.v1.tar", blob)).collect::<Vec<_>>();
    let config = descriptors.remove(0);
    let mut body = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": descriptors,
        "annotations": { "com.acme.serial": serial.to_string() },
    });
    if let Some(subject) = subject {
        body["subject"] = descriptor(subject.media_type, &subject.content);
        body["artifactType"] = json!("application/vnd.acme.note");
    }
    Draft {
        content: manifest(algorithm, &body),
        media_type: IMAGE,
        blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
        children: Vec::new(),
        subject: subject.map(|subject| subject.content.digest.clone()),
        owner,
    }
}

fn manifest(algorithm: Algorithm, body: &Value) -> Arc<Content> {
    Arc::new(Content::new(algorithm, body.to_string().into_bytes()))
}

fn descriptor(media_type: &str, content: &Content) -> Value {
    json!({ "mediaType": media_type, "digest": content.digest, "size": content.bytes.len() })
}

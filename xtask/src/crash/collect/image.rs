//! What a client pushes: an image for two platforms with a signature, or one image.

use std::sync::Arc;
use std::time::Instant;

use super::super::content::{Algorithm, Content};
use super::rules::KEPT;
use crate::random::Random;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// How many of a hundred images have a blob that no other has: its bytes go with the image, those of others seldom do.
const OWN_BLOB: usize = 40;

/// A manifest with the blobs that it names.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) content: Content,
    pub(super) media_type: &'static str,
    pub(super) blobs: Vec<Arc<Content>>,
}

/// Whether an image must be there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It must.
    There,
    /// A request about it was not answered.
    Doubtful,
    /// It was deleted, by its client or by a rule, at this time at the earliest, and not restored.
    Deleted(Instant),
}

/// How long ago a tag was set that a rule is about, in tags.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passing {
    /// How many the client has set in the repository since, or may have.
    later: usize,
    /// Since when that are so many that the rule may let it go.
    loose: Option<Instant>,
}

impl Passing {
    /// The client sets another one now.
    pub(super) fn another(&mut self, now: Instant) {
        self.later += 1;
        if self.later >= KEPT {
            self.loose.get_or_insert(now);
        }
    }
}

/// An image of one client.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) repository: &'static str,
    pub(super) tag: String,
    /// If a rule is about its tag.
    pub(super) passing: Option<Passing>,
    /// In the order in which they are pushed.
    pub(super) platforms: Vec<Manifest>,
    /// What the tag shows.
    pub(super) top: Manifest,
    /// What refers to it.
    pub(super) signature: Option<Manifest>,
    pub(super) standing: Standing,
    /// Whether it was there as a whole, so that all of it can be restored.
    pub(super) was_there: bool,
}

fn descriptor(media_type: &str, content: &Content) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, content.digest, content.bytes.len())
}

impl Manifest {
    fn new(text: String, media_type: &'static str, blobs: Vec<Arc<Content>>) -> Self {
        Self { content: Content::new(Algorithm::Sha256, text.into_bytes()), media_type, blobs }
    }

    /// Another one each time.
    fn image(random: &mut Random, pool: &[Arc<Content>], subject: Option<&Self>) -> Self {
        let count = 2 + random.below(3);
        let mut blobs: Vec<_> = (0..count).filter_map(|_| random.pick(pool).cloned()).collect();
        if random.chance(OWN_BLOB) {
            let length = 1 + random.below(20_000);
            blobs.push(Arc::new(Content::new(Algorithm::Sha256, random.bytes(length))));
        }
        let layers: Vec<_> = blobs.iter().skip(1).map(|blob| descriptor("a/layer", blob)).collect();
        let subject =
            subject.map(|of| format!(r#","subject":{}"#, descriptor(of.media_type, &of.content))).unwrap_or_default();
        let text = format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}],"annotations":{{"number":"{}"}}{subject}}}"#,
            descriptor("a/config", &blobs[0]),
            layers.join(","),
            random.next(),
        );
        Self::new(text, IMAGE, blobs)
    }

    fn index(platforms: &[Self]) -> Self {
        let children: Vec<_> = platforms.iter().map(|image| descriptor(IMAGE, &image.content)).collect();
        Self::new(format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(",")), INDEX, Vec::new())
    }
}

impl Image {
    /// With a tag that a rule is about, if it is there `for_a_while`.
    pub(super) fn new(
        random: &mut Random,
        pool: &[Arc<Content>],
        repository: &'static str,
        tag: String,
        for_a_while: bool,
    ) -> Self {
        let mut platforms = Vec::new();
        let top = if random.chance(50) {
            platforms.extend((0..2).map(|_| Manifest::image(random, pool, None)));
            Manifest::index(&platforms)
        } else {
            Manifest::image(random, pool, None)
        };
        let signature = random.chance(40).then(|| Manifest::image(random, pool, Some(&top)));
        let passing = for_a_while.then(Passing::default);
        Self { repository, tag, passing, platforms, top, signature, standing: Standing::Doubtful, was_there: false }
    }

    /// Since when a rule may let it go; `None`: none may.
    pub(super) fn loose(&self) -> Option<Instant> {
        self.passing.and_then(|passing| passing.loose)
    }

    /// Where what its tag shows is.
    pub(super) fn target(&self) -> String {
        format!("/v2/{}/manifests/{}", self.repository, self.top.content.digest)
    }

    /// Everything of it, in the order in which it is pushed.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.platforms.iter().chain([&self.top]).chain(&self.signature)
    }
}

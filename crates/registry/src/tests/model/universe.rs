//! The few things of which histories are made.

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest, media_type};

/// Small ones, and one with no byte.
pub(super) const BLOBS: [&[u8]; 6] = [b"", b"a", b"config", b"layer one", b"layer two, longer", b"an sbom"];
pub(super) const REPOSITORIES: [&str; 3] = ["acme/app", "acme/web", "other"];
pub(super) const TAGS: [&str; 3] = ["latest", "v1", "v2"];

/// A manifest, and what it names.
pub(super) struct Spec {
    pub(super) digest: Digest,
    pub(super) content: Bytes,
    pub(super) media_type: &'static str,
    /// By their place in [`BLOBS`].
    pub(super) blobs: Vec<usize>,
    pub(super) children: Vec<Digest>,
    pub(super) subject: Option<Digest>,
    /// The tag that says to what it belongs.
    pub(super) satellite: Option<String>,
}

pub(super) fn blob(at: usize) -> Digest {
    Digest::of(Algorithm::Sha256, BLOBS[at])
}

fn descriptor(media_type: &str, digest: Digest, size: usize) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

fn subject_field(subject: Option<&Spec>) -> String {
    let field = |subject: &Spec| {
        let descriptor = descriptor(subject.media_type, subject.digest, subject.content.len());
        format!(r#","subject":{descriptor}"#)
    };
    subject.map(field).unwrap_or_default()
}

/// With a number, so that two of the same blobs differ.
fn image(number: usize, config: usize, layers: &[usize], subject: Option<&Spec>) -> Spec {
    let layer = |at: &usize| descriptor("a/layer", blob(*at), BLOBS[*at].len());
    let content = format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{}],"annotations":{{"number":"{number}"}}{}}}"#,
        descriptor("a/config", blob(config), BLOBS[config].len()),
        layers.iter().map(layer).collect::<Vec<_>>().join(","),
        subject_field(subject),
    );
    let mut blobs = layers.to_vec();
    blobs.push(config);
    Spec::new(content, media_type::IMAGE_MANIFEST, blobs, Vec::new(), subject)
}

fn index(number: usize, children: &[&Spec], subject: Option<&Spec>) -> Spec {
    let child = |child: &&Spec| descriptor(child.media_type, child.digest, child.content.len());
    let content = format!(
        r#"{{"schemaVersion":2,"manifests":[{}],"annotations":{{"number":"{number}"}}{}}}"#,
        children.iter().map(child).collect::<Vec<_>>().join(","),
        subject_field(subject),
    );
    let children = children.iter().map(|child| child.digest).collect();
    Spec::new(content, media_type::IMAGE_INDEX, Vec::new(), children, subject)
}

impl Spec {
    fn new(
        content: String,
        media_type: &'static str,
        blobs: Vec<usize>,
        children: Vec<Digest>,
        subject: Option<&Self>,
    ) -> Self {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        let subject = subject.map(|subject| subject.digest);
        Self { digest, content: content.into(), media_type, blobs, children, subject, satellite: None }
    }

    fn belonging_to(self, subject: &Self, suffix: &str) -> Self {
        Self { satellite: Some(format!("{}{suffix}", subject.digest.referrers_tag())), ..self }
    }
}

/// Images, indexes with children in common and one within another, signatures and SBOMs, signatures of those, and what clients
/// without the referrers API write.
pub(super) fn manifests() -> Vec<Spec> {
    let images: Vec<Spec> =
        (0..5).map(|number| image(number, number % 3, &[(number + 1) % 5, (number * 2 + 3) % 5], None)).collect();
    let both = index(10, &[&images[0], &images[1]], None);
    let shared = index(11, &[&images[1], &images[2]], None);
    let nested = index(12, &[&both, &images[3]], None);
    let mut all = vec![
        image(20, 0, &[5], Some(&images[0])),
        image(21, 0, &[5], Some(&both)),
        image(22, 2, &[5, 1], Some(&nested)),
        image(24, 0, &[4], None).belonging_to(&images[1], ".sig"),
        image(25, 0, &[3], None).belonging_to(&both, ".att"),
    ];
    let of_signature = image(23, 1, &[5], Some(&all[1]));
    let fallback = index(30, &[&all[0]], None).belonging_to(&images[0], "");
    let newer = index(31, &[&all[0], &of_signature], None).belonging_to(&images[0], "");
    // It names what it refers to.
    let odd = index(32, &[&images[4]], Some(&images[4]));
    all.extend(images);
    all.extend([both, shared, nested, of_signature, fallback, newer, odd]);
    all
}

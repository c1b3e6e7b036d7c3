//! What the registry has to know of a manifest. The bytes themselves are kept and returned exactly as they came; this is
//! a view over them, so fields that nobody here knows are preserved by never writing the document anew.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::media_type::{self, ManifestKind};
use crate::{Digest, InvalidDigest};

/// Something that a manifest names by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes as the manifest states it.
    pub size: u64,
    /// Whether the registry refuses the manifest while it does not have the target.
    pub required: bool,
}

/// The parts of a manifest on which the registry acts.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Media type without parameters: sent back as `Content-Type`.
    pub media_type: String,
    /// The type that the referrers API filters by: `artifactType`, or the media type of an image manifest's config.
    pub artifact_type: Option<String>,
    /// The manifest that this one is about (image-spec, "subject").
    pub subject: Option<Digest>,
    /// Config, layers and other blobs.
    pub blobs: Vec<Target>,
    /// Manifests of an index.
    pub children: Vec<Target>,
    /// The `annotations` object as JSON text, byte for byte.
    pub annotations: Option<String>,
}

/// Why a body is not a manifest that the registry takes.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// The body is not JSON, or a known field has the wrong type.
    #[error("the manifest is not valid JSON of its type: {0}")]
    Json(#[from] serde_json::Error),
    /// A digest in the body is malformed or of an unknown algorithm.
    #[error("the manifest names the digest {digest:?}: {reason}")]
    Digest {
        /// The text found.
        digest: String,
        /// What is wrong with it.
        reason: InvalidDigest,
    },
    /// Docker schema 1.
    #[error(
        "Docker image manifest schema 1 is not accepted: it is deprecated, its digest does not cover what is pulled, and no \
         current client needs it; push again with a client that writes schema 2 or OCI (docker 1.10 or later)"
    )]
    Schema1,
    /// `schemaVersion` is not 2.
    #[error("schemaVersion must be 2")]
    SchemaVersion,
    /// Neither header nor body say what it is.
    #[error("the manifest has no type: send a Content-Type header or a mediaType field")]
    NoMediaType,
    /// A type that no manifest can have.
    #[error("{0:?} is not a manifest type: it must be application/json or application/…+json")]
    MediaType(String),
    /// Header and body disagree.
    #[error("the Content-Type is {header:?} but the mediaType field says {field:?}")]
    Contradiction {
        /// Media type of the request.
        header: String,
        /// `mediaType` of the body.
        field: String,
    },
    /// A field without which the type makes no sense.
    #[error("a manifest of type {media_type} needs the field {field:?}")]
    MissingField {
        /// Media type of the manifest.
        media_type: String,
        /// The field's name.
        field: &'static str,
    },
    /// Both kinds at once: clients would disagree about what it is (CVE-2021-41190).
    #[error("the manifest has both \"manifests\" and \"layers\" or \"config\", so it is ambiguous")]
    Ambiguous,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

/// Every field that decides something, of every type of manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    schema_version: Option<i64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

impl Manifest {
    /// Reads `bytes`, which came with the `Content-Type` header `content_type`.
    ///
    /// # Errors
    /// [`InvalidManifest`], each a sentence for the client.
    pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let header = content_type.map(media_type::essence).filter(|text| !text.is_empty());
        if header.map(ManifestKind::of) == Some(ManifestKind::Schema1) {
            return Err(InvalidManifest::Schema1);
        }
        let body: Body<'_> = serde_json::from_slice(bytes)?;
        let media_type = agree(header, &body)?;
        match ManifestKind::of(&media_type) {
            ManifestKind::Schema1 => Err(InvalidManifest::Schema1),
            ManifestKind::Image => image(media_type, body),
            ManifestKind::Index => index(media_type, body),
            ManifestKind::Other => other(media_type, body),
        }
    }
}

/// The media type on which header, field and content agree.
fn agree(header: Option<&str>, body: &Body<'_>) -> Result<String, InvalidManifest> {
    if body.schema_version == Some(1) {
        return Err(InvalidManifest::Schema1);
    }
    let field = body.media_type.as_deref().filter(|text| !text.is_empty());
    // What a client sends that knows nothing better says nothing.
    let header = header.filter(|text| !matches!(*text, "application/octet-stream" | "application/json"));
    let media_type = match (header, field) {
        (Some(header), Some(field)) if header != field => {
            return Err(InvalidManifest::Contradiction { header: header.to_owned(), field: field.to_owned() });
        }
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) if body.manifests.is_some() => media_type::IMAGE_INDEX,
        (None, None) if body.config.is_some() => media_type::IMAGE_MANIFEST,
        (None, None) => return Err(InvalidManifest::NoMediaType),
    };
    if media_type::is_manifest_type(media_type) {
        Ok(media_type.to_owned())
    } else {
        Err(InvalidManifest::MediaType(media_type.to_owned()))
    }
}

fn image(media_type: String, body: Body<'_>) -> Result<Manifest, InvalidManifest> {
    check_version(&body)?;
    if body.manifests.is_some() {
        return Err(InvalidManifest::Ambiguous);
    }
    let missing = |field| InvalidManifest::MissingField { media_type: media_type.clone(), field };
    let config = body.config.ok_or_else(|| missing("config"))?;
    let layers = body.layers.ok_or_else(|| missing("layers"))?;
    let config_type = stated_type(Some(config.media_type.clone()));
    let blobs = targets(std::iter::once(config).chain(layers), true)?;
    Ok(Manifest {
        media_type,
        artifact_type: stated_type(body.artifact_type).or(config_type),
        subject: subject(body.subject)?,
        blobs,
        children: Vec::new(),
        annotations: annotations(body.annotations),
    })
}

fn index(media_type: String, body: Body<'_>) -> Result<Manifest, InvalidManifest> {
    check_version(&body)?;
    if body.layers.is_some() || body.config.is_some() {
        return Err(InvalidManifest::Ambiguous);
    }
    let Some(manifests) = body.manifests else {
        return Err(InvalidManifest::MissingField { media_type, field: "manifests" });
    };
    Ok(Manifest {
        media_type,
        artifact_type: stated_type(body.artifact_type),
        subject: subject(body.subject)?,
        blobs: Vec::new(),
        children: targets(manifests, true)?,
        annotations: annotations(body.annotations),
    })
}

/// A type that this registry does not know: it may name blobs that were never meant to be here, so nothing is required.
fn other(media_type: String, body: Body<'_>) -> Result<Manifest, InvalidManifest> {
    let required = media_type == media_type::ARTIFACT_MANIFEST;
    let blobs = body.config.into_iter().chain(body.layers.into_iter().flatten());
    Ok(Manifest {
        artifact_type: stated_type(body.artifact_type),
        subject: subject(body.subject)?,
        blobs: targets(blobs.chain(body.blobs.into_iter().flatten()), required)?,
        children: targets(body.manifests.into_iter().flatten(), required)?,
        annotations: annotations(body.annotations),
        media_type,
    })
}

fn check_version(body: &Body<'_>) -> Result<(), InvalidManifest> {
    if body.schema_version == Some(2) { Ok(()) } else { Err(InvalidManifest::SchemaVersion) }
}

fn targets(found: impl IntoIterator<Item = Descriptor>, required: bool) -> Result<Vec<Target>, InvalidManifest> {
    let mut targets: Vec<Target> = Vec::new();
    for descriptor in found {
        let elsewhere = media_type::is_nondistributable(&descriptor.media_type)
            || descriptor.urls.as_ref().is_some_and(|urls| !urls.is_empty());
        let required = required && !elsewhere;
        targets.push(Target { digest: digest(descriptor.digest)?, size: descriptor.size, required });
    }
    Ok(targets)
}

/// A type that says something: no media type is empty or has a NUL in it, which not every database takes.
fn stated_type(found: Option<String>) -> Option<String> {
    found.filter(|text| !text.is_empty() && !text.contains('\0'))
}

fn subject(found: Option<Descriptor>) -> Result<Option<Digest>, InvalidManifest> {
    found.map(|descriptor| digest(descriptor.digest)).transpose()
}

fn digest(text: String) -> Result<Digest, InvalidManifest> {
    text.parse().map_err(|reason| InvalidManifest::Digest { digest: text, reason })
}

fn annotations(found: Option<&RawValue>) -> Option<String> {
    found.map(|raw| raw.get().to_owned()).filter(|text| text.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{BLOB}","size":0}}"#)
    }

    fn image(extra: &str) -> String {
        let config = descriptor("application/vnd.oci.image.config.v1+json");
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]{extra}}}"#)
    }

    #[test]
    fn an_image_needs_its_config_and_layers() {
        let manifest = Manifest::parse(Some(media_type::IMAGE_MANIFEST), image("").as_bytes()).unwrap();
        assert_eq!(manifest.blobs.len(), 1);
        assert!(manifest.blobs[0].required);
        assert_eq!(manifest.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
        for body in [r#"{"schemaVersion":2}"#, r#"{"schemaVersion":2,"layers":[]}"#] {
            let error = Manifest::parse(Some(media_type::IMAGE_MANIFEST), body.as_bytes()).unwrap_err();
            assert!(matches!(error, InvalidManifest::MissingField { field: "config", .. }), "{error}");
        }
    }

    #[test]
    fn layers_that_live_elsewhere_are_not_required() {
        let foreign = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
        let body = image("").replace("\"layers\":[]", &format!("\"layers\":[{foreign}]"));
        let manifest = Manifest::parse(Some(media_type::DOCKER_MANIFEST), body.as_bytes()).unwrap();
        assert_eq!(manifest.blobs.iter().map(|b| b.required).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn header_and_field_must_agree() {
        let field = format!(r#","mediaType":"{}""#, media_type::IMAGE_MANIFEST);
        let body = image(&field);
        assert!(Manifest::parse(None, body.as_bytes()).is_ok());
        assert!(Manifest::parse(Some("application/vnd.oci.image.manifest.v1+json; a=b"), body.as_bytes()).is_ok());
        let error = Manifest::parse(Some(media_type::IMAGE_INDEX), body.as_bytes()).unwrap_err();
        assert!(matches!(error, InvalidManifest::Contradiction { .. }), "{error}");
    }

    #[test]
    fn schema_1_is_refused_with_the_reason() {
        for (header, body) in [
            (Some("application/vnd.docker.distribution.manifest.v1+prettyjws"), "{}"),
            (None, r#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]}"#),
        ] {
            assert!(matches!(Manifest::parse(header, body.as_bytes()), Err(InvalidManifest::Schema1)));
        }
    }

    #[test]
    fn a_document_of_two_kinds_is_refused() {
        for media_type in [media_type::IMAGE_MANIFEST, media_type::IMAGE_INDEX] {
            let body = image(r#","manifests":[]"#);
            assert!(matches!(Manifest::parse(Some(media_type), body.as_bytes()), Err(InvalidManifest::Ambiguous)));
        }
    }

    #[test]
    fn any_other_json_is_an_artifact() {
        let body = format!(r#"{{"anything":[1],"subject":{},"annotations":{{"a": "b"}}}}"#, descriptor("x/y"));
        let manifest = Manifest::parse(Some("application/vnd.acme.thing.v1+json"), body.as_bytes()).unwrap();
        assert_eq!(manifest.subject.unwrap().to_string(), BLOB);
        assert_eq!(manifest.annotations.as_deref(), Some(r#"{"a": "b"}"#));
    }
}

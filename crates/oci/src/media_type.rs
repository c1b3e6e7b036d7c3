//! Media types of manifests.

/// What kind of manifest a media type names, as far as it decides how the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// One image or artifact: `config` and `layers`.
    Image,
    /// A list of manifests.
    Index,
    /// Docker's image manifest schema 1, which carries its layers' history inside and cannot be served by digest alone.
    Schema1,
    /// Any other JSON document; what it names by `config`, `layers`, `blobs` and `manifests` is remembered where present.
    Other,
}

/// OCI image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// OCI artifact manifest of the image-spec 1.1 release candidates, still in use by some clients.
pub const ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// Longest media type in bytes (RFC 6838, section 4.2: 127 characters on each side of the slash).
const MAX: usize = 255;

impl ManifestKind {
    /// The kind that `media_type` (without parameters) names.
    pub fn of(media_type: &str) -> Self {
        match media_type {
            IMAGE_MANIFEST | DOCKER_MANIFEST => Self::Image,
            IMAGE_INDEX | DOCKER_MANIFEST_LIST => Self::Index,
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => Self::Schema1,
            _ => Self::Other,
        }
    }
}

/// The media type in a `Content-Type` header: its parameters are ignored (distribution-spec, "Pushing Manifests").
pub fn essence(content_type: &str) -> &str {
    content_type.split_once(';').map_or(content_type, |(essence, _)| essence).trim()
}

/// Whether `text` may be the type of a manifest: `application/` and a subtype of RFC 6838, section 4.2, that is JSON.
///
/// It is sent back as `Content-Type`, so a type that a browser would render must not pass.
pub fn is_manifest_type(text: &str) -> bool {
    let restricted_name = |name: &str| {
        name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let json = |subtype: &str| subtype == "json" || subtype.ends_with("+json");
    text.len() <= MAX && text.strip_prefix("application/").is_some_and(|sub| restricted_name(sub) && json(sub))
}

/// Whether layers of this type are never pushed: the registry keeps only their descriptor.
pub fn is_nondistributable(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_ignored() {
        assert_eq!(essence("application/vnd.oci.image.index.v1+json; charset=utf-8"), IMAGE_INDEX);
        assert_eq!(essence(IMAGE_INDEX), IMAGE_INDEX);
    }

    #[test]
    fn media_types_follow_the_grammar() {
        for text in [IMAGE_MANIFEST, "application/json", "application/vnd.acme.thing.v1+json"] {
            assert!(is_manifest_type(text), "{text}");
        }
        for text in [
            "",
            "json",
            "application/",
            "text/html",
            "text/x+json",
            "application/xhtml+xml",
            "application/a/b+json",
            "application/a b+json",
            "application/a\r\nX: y+json",
            "application/a+json;c=d",
            "application/é+json",
        ] {
            assert!(!is_manifest_type(text), "{text}");
        }
    }
}

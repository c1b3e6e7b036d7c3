//! Digests, media types and manifests that tests push.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

/// OCI image manifest.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Docker image manifest.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// OCI empty descriptor.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// `sha256:…`
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes.as_ref())))
}

/// `sha512:…`
pub fn sha512(bytes: impl AsRef<[u8]>) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes.as_ref())))
}

/// A descriptor of `bytes`.
pub fn descriptor(media_type: &str, bytes: impl AsRef<[u8]>) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(&bytes), "size": bytes.as_ref().len() })
}

/// An image manifest over a config and layers; every one of them has to be pushed too.
pub fn image(config: &[u8], layers: &[&[u8]]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(CONFIG, config),
        "layers": layers.iter().map(|layer| descriptor(LAYER, layer)).collect::<Vec<_>>(),
    })
}

/// An index over manifests.
pub fn index(children: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children })
}

/// Bytes that no compression or sharing makes less: the same for the same `seed`.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

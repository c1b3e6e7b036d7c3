//! Small images: unique content every time, the shape docker pushes.

use sha2::{Digest, Sha256};

use super::request::MANIFEST_TYPE;
use crate::random::Random;

/// Size of each layer of a small image, in bytes.
pub(super) const LAYER_BYTES: usize = 4096;

/// Bytes with their digest (`sha256:<hex>`).
#[derive(Debug, Clone)]
pub(super) struct Blob {
    /// The digest of `bytes`.
    pub(super) digest: String,
    /// The content.
    pub(super) bytes: Vec<u8>,
}

impl Blob {
    /// `bytes` and their digest.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { digest: format!("sha256:{}", hex::encode(Sha256::digest(&bytes))), bytes }
    }
}

/// A small image.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// The layers, then the configuration: in the order in which they are pushed.
    pub(super) blobs: Vec<Blob>,
    /// The manifest.
    pub(super) manifest: Blob,
}

/// Makes images that share nothing.
#[derive(Debug, Clone)]
pub(super) struct Images {
    layer: Vec<u8>,
}

impl Images {
    /// A maker whose layers are random bytes.
    pub(super) fn new() -> Self {
        let mut layer = vec![0; LAYER_BYTES];
        Random::new(&[2]).fill(&mut layer);
        Self { layer }
    }

    /// The image number `number`, with `layers` layers.
    pub(super) fn image(&self, number: u64, layers: u64) -> Image {
        let mut blobs: Vec<Blob> = (0..layers).map(|layer| self.layer(number, layer)).collect();
        let ids: Vec<&str> = blobs.iter().map(|blob| blob.digest.as_str()).collect();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": { "Env": [format!("NUMBER={number}")] },
            "rootfs": { "type": "layers", "diff_ids": ids },
        });
        let descriptors: Vec<_> = blobs.iter().map(|blob| descriptor(blob, "layer.v1.tar")).collect();
        let config = Blob::of(config.to_string().into_bytes());
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": descriptor(&config, "config.v1+json"), "layers": descriptors,
        });
        blobs.push(config);
        Image { blobs, manifest: Blob::of(manifest.to_string().into_bytes()) }
    }

    fn layer(&self, number: u64, layer: u64) -> Blob {
        let mut bytes = self.layer.clone();
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..16].copy_from_slice(&layer.to_le_bytes());
        Blob::of(bytes)
    }
}

/// What a manifest says of `blob`.
pub(super) fn descriptor(blob: &Blob, kind: &str) -> serde_json::Value {
    serde_json::json!({
        "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": blob.digest, "size": blob.bytes.len(),
    })
}

//! Content and its address.

use sha2::{Digest as _, Sha256};

/// Bytes with their media type and sha256 digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// What the descriptor says it is.
    pub media_type: &'static str,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Content of that type.
    pub fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), media_type, bytes }
    }

    /// Its descriptor (OCI image-spec, descriptor.md).
    pub fn descriptor(&self) -> serde_json::Value {
        serde_json::json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }

    /// The digest without its algorithm: the file name in an OCI layout.
    pub fn encoded(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

/// The digest of `bytes` as it is written in descriptors.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

//! What indexes say of other manifests.

use std::collections::HashMap;

use entrepot_oci::{Digest, ManifestKind, media_type};
use serde::Deserialize;

/// What is asked for where a manifest is wanted as it is.
pub(crate) const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";

/// `index.json`, or an index.
#[derive(Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    media_type: String,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) annotations: Option<HashMap<String, String>>,
}

impl Index {
    /// What it names, of whatever type: all that refers to something is a manifest.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.manifests.iter().filter_map(|descriptor| descriptor.digest.parse().ok())
    }
}

/// The manifests that a manifest names, as far as it can be read: what is wrong with it shows when it is imported.
pub(crate) fn children(content: &[u8]) -> Vec<Digest> {
    let Ok(index) = serde_json::from_slice::<Index>(content) else { return Vec::new() };
    let manifests = index.manifests.iter().filter(|descriptor| is_manifest(&descriptor.media_type));
    manifests.filter_map(|descriptor| descriptor.digest.parse().ok()).collect()
}

/// Whether something of this type is a manifest: an index may name layers too.
fn is_manifest(media_type: &str) -> bool {
    ManifestKind::of(media_type) != ManifestKind::Other || media_type == media_type::ARTIFACT_MANIFEST
}

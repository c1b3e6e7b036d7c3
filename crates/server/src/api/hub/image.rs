//! Tags in Hub's words, with the images that they show.

use entrepot_oci::{Digest, Manifest, Reference};
use entrepot_registry::gate::{Grant, Pull};
use entrepot_registry::{Error, Registry, StoredManifest, TagEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::rfc3339;

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HubTag {
    /// The tag.
    name: String,
    /// The digest of its manifest.
    digest: String,
    /// The media type of that.
    media_type: String,
    /// The bytes of its first image: config and layers.
    full_size: u64,
    /// Its images.
    images: Vec<HubImage>,
    /// When the tag was set.
    last_updated: String,
    /// The same.
    tag_last_pushed: String,
    /// Always active.
    tag_status: &'static str,
}

/// An image for one platform, which is known where an index names it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HubImage {
    /// The digest of its manifest.
    digest: String,
    /// The bytes of config and layers.
    size: u64,
    /// Such as amd64.
    architecture: Option<String>,
    /// Such as linux.
    os: Option<String>,
    /// Such as v7.
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
    #[serde(default)]
    platform: Platform,
}

#[derive(Default, Deserialize)]
struct Platform {
    architecture: Option<String>,
    os: Option<String>,
    variant: Option<String>,
}

/// The tag with its images.
pub(super) async fn of_entry(registry: &Registry, grant: &Grant<Pull>, entry: TagEntry) -> Result<HubTag, Error> {
    let images = images(registry, grant, entry.digest).await?;
    let updated = rfc3339(entry.updated_at);
    Ok(HubTag {
        name: entry.name,
        digest: entry.digest.to_string(),
        media_type: entry.media_type,
        full_size: images.first().map(|image| image.size).unwrap_or_default(),
        images,
        last_updated: updated.clone(),
        tag_last_pushed: updated,
        tag_status: "active",
    })
}

async fn images(registry: &Registry, grant: &Grant<Pull>, digest: Digest) -> Result<Vec<HubImage>, Error> {
    let manifest = registry.get_manifest(grant, &Reference::Digest(digest)).await?;
    // What was pushed as an index is one.
    let children = serde_json::from_slice::<Index>(&manifest.content).map(|index| index.manifests).unwrap_or_default();
    if children.is_empty() {
        return Ok(vec![image(digest, &manifest, Platform::default())]);
    }
    let mut images = Vec::new();
    for Child { digest, platform } in children {
        match registry.get_manifest(grant, &Reference::Digest(digest)).await {
            Ok(manifest) => images.push(image(digest, &manifest, platform)),
            // A sparse index names images that are not here.
            Err(Error::ManifestUnknown(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(images)
}

fn image(digest: Digest, manifest: &StoredManifest, platform: Platform) -> HubImage {
    let blobs = Manifest::parse(Some(&manifest.media_type), &manifest.content).map(|parsed| parsed.blobs);
    let Platform { architecture, os, variant } = platform;
    let size = blobs.unwrap_or_default().iter().map(|blob| blob.size).sum();
    HubImage { digest: digest.to_string(), size, architecture, os, variant }
}

//! What is stored: many small images that share one layer, in many repositories. One image of each hundred becomes garbage.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bench::image::{Blob, Image, Images, descriptor};

/// Images in each repository, of which one is deleted.
const TOGETHER: usize = 100;
/// The number of the image whose layer all of them share: it is no other's.
const SHARED: u64 = u64::MAX;

/// So many images.
#[derive(Debug)]
pub(super) struct Content {
    images: Images,
    shared: Blob,
    count: usize,
}

impl Content {
    /// `count` images.
    pub(super) fn new(count: usize) -> Result<Self> {
        let images = Images::new();
        let shared = images.image(SHARED, 1).blobs.into_iter().next().context("an image without a layer")?;
        Ok(Self { images, shared, count })
    }

    /// The layer that every image has besides its own.
    pub(super) fn shared(&self) -> &Blob {
        &self.shared
    }

    /// How many images there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The image number `number`. Its blobs are its own layer and its configuration; the manifest names the shared layer too.
    pub(super) fn image(&self, number: usize) -> Result<Image> {
        let mut image = self.images.image(number as u64, 1);
        let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes)?;
        let layers = manifest["layers"].as_array_mut().context("a manifest without layers")?;
        layers.insert(0, descriptor(&self.shared, "layer.v1.tar"));
        image.manifest = Blob::of(manifest.to_string().into_bytes());
        Ok(image)
    }

    /// The numbers of the images of each repository.
    pub(super) fn repositories(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.count).step_by(TOGETHER).map(|first| first..self.count.min(first + TOGETHER))
    }

    /// The numbers of the images that are deleted.
    pub(super) fn garbage(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|&number| is_garbage(number))
    }

    /// The numbers of the others.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|&number| !is_garbage(number))
    }
}

fn is_garbage(number: usize) -> bool {
    number % TOGETHER == TOGETHER / 2
}

/// The repository of the image number `number`.
pub(super) fn repository(number: usize) -> String {
    format!("acme/app-{:05}", number / TOGETHER)
}

/// Its tag.
pub(super) fn tag(number: usize) -> String {
    format!("v{number:07}")
}

#[cfg(test)]
mod tests {
    use super::{Content, repository};

    #[test]
    fn one_in_a_hundred_is_garbage_and_nothing_but_one_layer_is_shared() {
        let content = Content::new(300).unwrap();
        assert_eq!((content.garbage().count(), content.kept().count(), content.repositories().count()), (3, 297, 3));
        for range in content.repositories() {
            assert_eq!(range.clone().filter(|number| content.garbage().any(|garbage| garbage == *number)).count(), 1);
            assert!(range.clone().all(|number| repository(number) == repository(range.start)));
        }
        let (one, other) = (content.image(1).unwrap(), content.image(2).unwrap());
        let own = |image: &crate::bench::image::Image| {
            image.blobs.iter().map(|blob| blob.digest.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(own(&one).is_disjoint(&own(&other)) && !own(&one).contains(&content.shared().digest));
        for image in [one, other] {
            let manifest = String::from_utf8(image.manifest.bytes.clone()).unwrap();
            assert!(own(&image).iter().all(|digest| manifest.contains(digest)));
            assert!(manifest.contains(&content.shared().digest));
        }
    }
}

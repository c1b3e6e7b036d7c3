//! OCI image layouts (image-spec, image-layout.md): one, or a directory of them, a repository each, as zot has it.
//!
//! ```text
//! <name>/index.json                    the manifests that are named, and the tags
//! <name>/blobs/<algorithm>/<hex>       bytes: of blobs, and of manifests
//! ```

use std::path::Path;

use entrepot_oci::{Digest, RepositoryName, Tag};

use crate::Error;
use crate::index::{self, Index};
use crate::source::{Contents, Place, RawManifest, Source};
use crate::tree::Tree;

/// Largest `index.json` in bytes: some hundred thousand tags.
const MAX_INDEX: u64 = 256 * 1024 * 1024;
/// Largest manifest in bytes that is looked into for others.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;
/// The annotation with the tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Image layouts in a directory.
#[derive(Clone, Debug)]
pub struct OciLayout {
    tree: Tree,
    /// The name of the one layout that the directory itself is.
    own: Option<RepositoryName>,
}

impl OciLayout {
    /// The layouts in a directory. If that is a layout itself, it becomes the repository `own`.
    ///
    /// # Errors
    /// [`Error::NoSource`].
    pub async fn in_directory(root: &Path, own: Option<RepositoryName>) -> Result<Self, Error> {
        let tree = Tree::directory(root);
        let is_one = tree.place("index.json").await?.is_some();
        let shown = tree.shown("");
        match (is_one, &own) {
            (true, None) => {
                Err(Error::NoSource(format!("{shown} is one image layout: say with --as which repository it shall be")))
            }
            (false, Some(_)) => {
                Err(Error::NoSource(format!("there is no index.json in {shown}, so --as has no meaning")))
            }
            _ => {
                let layout = Self { tree, own };
                match layout.repositories().await?.is_empty() {
                    true => Err(Error::NoSource(format!("there is no image layout in {shown}"))),
                    false => Ok(layout),
                }
            }
        }
    }

    fn path(&self, repository: &str, path: &str) -> String {
        if self.own.is_some() { path.to_owned() } else { format!("{repository}/{path}") }
    }

    fn blob_path(&self, repository: &str, digest: &Digest) -> String {
        self.path(repository, &format!("blobs/{}/{}", digest.algorithm(), digest.hex()))
    }

    async fn index(&self, repository: &str) -> Result<Index, Error> {
        let path = self.path(repository, "index.json");
        let content = self.tree.read(&path, MAX_INDEX).await?;
        let content = content.ok_or_else(|| Error::unreadable(self.tree.shown(&path), "there is no such file"))?;
        serde_json::from_slice(&content).map_err(|error| Error::unreadable(self.tree.shown(&path), error))
    }

    /// The manifests that a manifest names, as far as it can be read: what is wrong with it shows when it is imported.
    async fn children(&self, repository: &str, digest: &Digest) -> Result<Vec<Digest>, Error> {
        let Some(content) = self.tree.read(&self.blob_path(repository, digest), MAX_MANIFEST).await? else {
            return Ok(Vec::new());
        };
        Ok(index::children(&content))
    }
}

/// The tag in the name of an image: what follows the last colon, if there is a host or a repository before it.
fn tag(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map_or(last, |(_, tag)| tag)
}

impl Source for OciLayout {
    async fn repositories(&self) -> Result<Vec<String>, Error> {
        if let Some(own) = &self.own {
            return Ok(vec![own.as_str().to_owned()]);
        }
        let mut found = Vec::new();
        let mut pending = vec![String::new()];
        while let Some(directory) = pending.pop() {
            let entries = self.tree.list(&directory).await?;
            if entries.iter().any(|entry| !entry.is_directory && entry.name == "index.json") {
                found.push(directory);
                // What is below are its blobs, and zot's other repositories.
                pending.extend(below(&found[found.len() - 1], &entries).filter(|path| !path.ends_with("/blobs")));
            } else {
                pending.extend(below(&directory, &entries));
            }
        }
        found.sort();
        Ok(found)
    }

    async fn contents(&self, repository: &str) -> Result<Contents, Error> {
        let mut contents = Contents::default();
        let mut pending = Vec::new();
        for descriptor in self.index(repository).await?.manifests {
            let Ok(digest) = descriptor.digest.parse::<Digest>() else {
                contents
                    .odd
                    .push(format!("index.json names {:?}, which is no digest that is taken", descriptor.digest));
                continue;
            };
            pending.push(digest);
            let named = descriptor.annotations.and_then(|mut annotations| annotations.remove(REF_NAME));
            match named.as_deref().map(tag) {
                None => {}
                Some(tag) if tag.parse::<Tag>().is_ok() => {
                    contents.tags.insert(tag.to_owned(), Ok(digest));
                }
                Some(tag) => contents.odd.push(format!("manifest {digest} is named {tag:?}, which is no tag")),
            }
        }
        while let Some(digest) = pending.pop() {
            if contents.manifests.insert(digest) {
                pending.extend(self.children(repository, &digest).await?);
            }
        }
        contents.unfinished = self.tree.list(&self.path(repository, ".uploads")).await?.len();
        Ok(contents)
    }

    async fn manifest(&self, repository: &str, digest: &Digest, limit: u64) -> Result<RawManifest, Error> {
        let path = self.blob_path(repository, digest);
        let content = self.tree.read(&path, limit).await?;
        let content = content.ok_or_else(|| Error::unreadable(self.tree.shown(&path), "there is no such file"))?;
        Ok(RawManifest { content, media_type: None })
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<Place>, Error> {
        self.tree.place(&self.blob_path(repository, digest)).await
    }
}

/// The directories in a directory that may lead to a layout.
fn below<'a>(directory: &'a str, entries: &'a [crate::tree::Entry]) -> impl Iterator<Item = String> + 'a {
    let ours = |name: &str| name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    entries
        .iter()
        .filter(move |entry| entry.is_directory && ours(&entry.name))
        .map(move |entry| if directory.is_empty() { entry.name.clone() } else { format!("{directory}/{}", entry.name) })
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn the_tag_is_behind_the_last_colon_of_the_last_part() {
        for (name, found) in [
            ("v1", "v1"),
            ("app:v1", "v1"),
            ("localhost:5000/app", "app"),
            ("docker.io/library/alpine:3.20", "3.20"),
            ("localhost:5000/acme/app:v1", "v1"),
        ] {
            assert_eq!(tag(name), found, "{name}");
        }
    }
}

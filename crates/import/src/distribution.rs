//! What `registry:2` and distribution 3 keep.
//!
//! ```text
//! docker/registry/v2/blobs/<algorithm>/<ab>/<hex>/data                bytes: of blobs, and of manifests
//! docker/registry/v2/repositories/<name>/
//!     _manifests/revisions/<algorithm>/<hex>/link                     the repository has this manifest
//!     _manifests/tags/<tag>/current/link                              which one the tag shows
//!     _layers/<algorithm>/<hex>/link                                  the repository has this blob
//!     _uploads/<id>/                                                  unfinished
//! ```
//!
//! A link is a file with a digest in it. What is deleted loses its link; the directories above it may stay. Blobs get their name
//! by a rename, and what has a name is never written to again, so they may be linked while that registry runs.

use std::path::Path;

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::Bucket;
use futures_util::{StreamExt, stream};

use crate::Error;
use crate::source::{Contents, Place, RawManifest, Source};
use crate::tree::Tree;

/// Longest link in bytes: a digest and a line's end.
const MAX_LINK: u64 = 1024;
/// Links that are read at once: in a bucket each is a request or two.
const LINKS_AT_ONCE: usize = 16;

/// The data of a distribution registry.
#[derive(Clone, Debug)]
pub struct Distribution {
    tree: Tree,
    /// The directory with `blobs` and `repositories`; empty, or with a slash at its end.
    base: &'static str,
}

impl Distribution {
    /// The data in a directory: that which its configuration calls `rootdirectory`, or one of those below it.
    ///
    /// # Errors
    /// [`Error::NoSource`].
    pub async fn in_directory(root: &Path) -> Result<Self, Error> {
        Self::of(Tree::directory(root)).await
    }

    /// The data in a bucket, below its prefix.
    ///
    /// # Errors
    /// [`Error::NoSource`].
    pub async fn in_bucket(bucket: Bucket) -> Result<Self, Error> {
        Self::of(Tree::Bucket(bucket)).await
    }

    async fn of(tree: Tree) -> Result<Self, Error> {
        for base in ["docker/registry/v2/", "registry/v2/", "v2/", ""] {
            let names = tree.list(base.trim_end_matches('/')).await?;
            if ["blobs", "repositories"].iter().all(|wanted| names.iter().any(|entry| entry.name == *wanted)) {
                return Ok(Self { tree, base });
            }
        }
        Err(Error::NoSource(format!(
            "there is no docker/registry/v2 with blobs and repositories in {}: name the directory that the old configuration \
             calls rootdirectory (/var/lib/registry in its image)",
            tree.shown("")
        )))
    }

    fn repository(&self, name: &str) -> String {
        format!("{}repositories/{name}", self.base)
    }

    fn data(&self, digest: &Digest) -> String {
        let hex = digest.hex();
        format!("{}blobs/{}/{}/{hex}/data", self.base, digest.algorithm(), &hex[..2])
    }

    /// The digest in a link; `None` if there is no link.
    async fn link(&self, path: &str) -> Result<Option<Digest>, Error> {
        let Some(content) = self.tree.read(path, MAX_LINK).await? else { return Ok(None) };
        let digest = std::str::from_utf8(&content).ok().and_then(|text| text.trim().parse().ok());
        digest.map(Some).ok_or_else(|| Error::unreadable(self.tree.shown(path), "there is no digest in it"))
    }

    /// Whether the link at `path` is there and says `digest`.
    async fn is_linked(&self, path: &str, digest: &Digest) -> Result<bool, Error> {
        match self.link(path).await? {
            Some(found) if found != *digest => {
                Err(Error::unreadable(self.tree.shown(path), format!("it says {found}")))
            }
            found => Ok(found.is_some()),
        }
    }

    async fn manifests(&self, name: &str, contents: &mut Contents) -> Result<(), Error> {
        let revisions = format!("{}/_manifests/revisions", self.repository(name));
        for directory in self.tree.list(&revisions).await?.iter().filter(|entry| entry.is_directory) {
            let Ok(algorithm) = directory.name.parse::<Algorithm>() else {
                contents
                    .odd
                    .push(format!("its manifests of {} digests: only sha256 and sha512 are taken", directory.name));
                continue;
            };
            let place = format!("{revisions}/{algorithm}");
            let mut digests = Vec::new();
            for entry in self.tree.list(&place).await? {
                let Ok(digest) = format!("{algorithm}:{}", entry.name).parse::<Digest>() else {
                    contents
                        .odd
                        .push(format!("{}: it is no digest", self.tree.shown(&format!("{place}/{}", entry.name))));
                    continue;
                };
                digests.push(digest);
            }
            let linked = digests
                .into_iter()
                .map(async |digest| (digest, self.is_linked(&format!("{place}/{}/link", digest.hex()), &digest).await));
            let mut linked = stream::iter(linked).buffered(LINKS_AT_ONCE);
            while let Some((digest, linked)) = linked.next().await {
                match linked {
                    Ok(true) => {
                        contents.manifests.insert(digest);
                    }
                    // Deleted.
                    Ok(false) => {}
                    Err(error) => contents.odd.push(format!("manifest {digest}: {}", error.left_out()?)),
                }
            }
        }
        Ok(())
    }

    async fn tags(&self, name: &str, contents: &mut Contents) -> Result<(), Error> {
        let tags = format!("{}/_manifests/tags", self.repository(name));
        let links = self.tree.list(&tags).await?.into_iter().map(async |entry| {
            let link = self.link(&format!("{tags}/{}/current/link", entry.name)).await;
            (entry.name, link)
        });
        let mut links = stream::iter(links).buffered(LINKS_AT_ONCE);
        while let Some((tag, link)) = links.next().await {
            let shown = match link {
                // Deleted, or never set.
                Ok(None) => continue,
                Ok(Some(digest)) => Ok(digest),
                Err(error) => Err(error.left_out()?),
            };
            contents.tags.insert(tag, shown);
        }
        Ok(())
    }
}

impl Source for Distribution {
    async fn repositories(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let mut pending = vec![String::new()];
        while let Some(name) = pending.pop() {
            let entries = self.tree.list(self.repository(&name).trim_end_matches('/')).await?;
            for entry in entries.into_iter().filter(|entry| entry.is_directory) {
                match (entry.name.as_str(), name.is_empty()) {
                    ("_manifests", false) => found.push(name.clone()),
                    (own, _) if own.starts_with('_') => {}
                    (part, true) => pending.push(part.to_owned()),
                    (part, false) => pending.push(format!("{name}/{part}")),
                }
            }
        }
        found.sort();
        Ok(found)
    }

    async fn contents(&self, repository: &str) -> Result<Contents, Error> {
        let mut contents = Contents::default();
        // Tags before manifests: what a tag shows was there before it, and a push that comes between the two is of the next run.
        self.tags(repository, &mut contents).await?;
        self.manifests(repository, &mut contents).await?;
        contents.unfinished = self.tree.list(&format!("{}/_uploads", self.repository(repository))).await?.len();
        Ok(contents)
    }

    async fn manifest(&self, _repository: &str, digest: &Digest, limit: u64) -> Result<RawManifest, Error> {
        let path = self.data(digest);
        let content: Option<Bytes> = self.tree.read(&path, limit).await?;
        let content = content.ok_or_else(|| Error::unreadable(self.tree.shown(&path), "there is no such file"))?;
        Ok(RawManifest { content, media_type: None })
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<Place>, Error> {
        let link = format!("{}/_layers/{}/{}/link", self.repository(repository), digest.algorithm(), digest.hex());
        if !self.is_linked(&link, digest).await? {
            return Ok(None);
        }
        self.tree.place(&self.data(digest)).await
    }
}

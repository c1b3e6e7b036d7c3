//! What an import did, and what it could not do.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Digest;
use entrepot_store::Adopted;

/// What an import did. Of a dry run, what it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Repositories that were looked at.
    pub repositories: u64,
    /// Those of them that the rules did not know before.
    pub new_repositories: u64,
    /// Manifests that were there already.
    pub kept_manifests: u64,
    /// Manifests that came.
    pub new_manifests: u64,
    /// Tags that show already what they should.
    pub kept_tags: u64,
    /// Tags that were set or moved.
    pub set_tags: u64,
    /// Blobs that came: each once, however many repositories have it.
    pub new_blobs: u64,
    /// Their bytes, all of which were read and compared with the digest.
    pub new_bytes: u64,
    /// Bytes of them that were written: the others are in files that the old registry has too.
    pub copied_bytes: u64,
    /// Times that a blob which was here already became a repository's own.
    pub shared_blobs: u64,
    /// Uploads that nobody finished, which are left behind.
    pub unfinished: u64,
    /// Tags that are here and not there, each a repository and a tag, that were removed if that was asked for.
    pub gone_tags: Vec<(String, String)>,
    /// Whether they were.
    pub removed_gone_tags: bool,
    /// Blobs that are not what their digest says, or cannot be read.
    pub damaged: BTreeMap<Digest, Damaged>,
    /// What was left out.
    pub left: Vec<Left>,
    /// Users besides the one that runs this whose files became blobs here, and who can change them.
    pub owners: BTreeSet<u32>,
}

/// A damaged blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damaged {
    /// What is wrong with it.
    pub why: String,
    /// The manifests that need it.
    pub needed_by: BTreeSet<User>,
}

/// A manifest that needs something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// Its repository in the old registry.
    pub repository: String,
    /// Its digest.
    pub manifest: Digest,
    /// The tags that show it.
    pub tags: Vec<String>,
}

impl User {
    /// The manifest, with its tags.
    pub fn shown(&self) -> String {
        match self.tags.len() {
            0 => format!("manifest {}", self.manifest),
            1 => format!("manifest {} (tag {})", self.manifest, self.tags[0]),
            _ => format!("manifest {} (tags {})", self.manifest, self.tags.join(", ")),
        }
    }
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The repository in the old registry.
    pub repository: String,
    /// What of it; all of it, if that is empty.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Summary {
    /// Whether everything that the old registry shows is here.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.damaged.is_empty()
    }

    pub(crate) fn leave(&mut self, repository: &str, what: impl Into<String>, why: impl Into<String>) {
        let (repository, what, why) = (repository.to_owned(), what.into(), why.into());
        tracing::debug!(repository, what, why, "left out");
        self.left.push(Left { repository, what, why });
    }

    pub(crate) fn damaged(&mut self, digest: Digest, why: &str, user: User) {
        let damaged = self.damaged.entry(digest).or_default();
        why.clone_into(&mut damaged.why);
        damaged.needed_by.insert(user);
    }

    pub(crate) fn came(&mut self, size: u64, adopted: Adopted, own: u32) {
        self.new_blobs += 1;
        self.new_bytes += size;
        match adopted {
            Adopted::Copied => self.copied_bytes += size,
            Adopted::Linked { owner } if owner != own => {
                self.owners.insert(owner);
            }
            Adopted::Linked { .. } => {}
        }
    }
}

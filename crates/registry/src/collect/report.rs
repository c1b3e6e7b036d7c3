//! What a collection does, and why.

use entrepot_oci::Digest;

/// Why something is kept, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A tag names it.
    Tagged(String),
    /// A tag in the trash names it.
    TaggedInTrash(String),
    /// A manifest of the repository names it.
    Named(Keeper),
    /// It refers to a manifest of the repository.
    RefersTo(Keeper),
    /// A manifest names it that was pushed when it was not there.
    Expected(Keeper),
    /// It is in the trash itself.
    InTrash,
    /// Nothing names it, and such manifests are kept.
    UntaggedKept,
    /// No manifest of the repository names it.
    Unnamed,
    /// No tag and no index names it, and such manifests are not kept.
    Untagged,
    /// The manifest to which it refers, or the index that named it, is gone.
    OwnerGone,
    /// It was in the trash for as long as things are.
    TrashExpired,
    /// The trash was emptied.
    TrashEmptied,
    /// No repository has it.
    Unlinked,
}

/// A manifest that keeps something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// Which one.
    pub digest: Digest,
    /// Whether it is in the trash.
    pub in_trash: bool,
}

impl std::fmt::Display for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.digest, if self.in_trash { ", which is in the trash" } else { "" })
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tagged(tag) => write!(f, "the tag {tag} names it"),
            Self::TaggedInTrash(tag) => write!(f, "the tag {tag}, which is in the trash, names it"),
            Self::Named(by) => write!(f, "it is named by {by}"),
            Self::RefersTo(subject) => write!(f, "it refers to {subject}"),
            Self::Expected(by) => write!(f, "it was not there yet when this was pushed, which names it: {by}"),
            Self::InTrash => f.write_str("it is in the trash"),
            Self::UntaggedKept => f.write_str("nothing names it, and untagged manifests are kept"),
            Self::Unnamed => f.write_str("no manifest of the repository names it"),
            Self::Untagged => f.write_str("no tag and no index names it"),
            Self::OwnerGone => f.write_str("what it belonged to is gone"),
            Self::TrashExpired => f.write_str("it was in the trash for as long as things are"),
            Self::TrashEmptied => f.write_str("the trash was emptied"),
            Self::Unlinked => f.write_str("no repository has it any more"),
        }
    }
}

/// What is done with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A blob is looked at again after the time of grace.
    CondemnBlob,
    /// A repository has a blob no more.
    UnlinkBlob,
    /// A manifest is looked at again after the time of grace.
    CondemnManifest,
    /// A manifest goes.
    RemoveManifest,
    /// The bytes of a blob go.
    RemoveBytes,
}

impl Deed {
    /// The words for it.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::CondemnBlob => "condemn blob",
            Self::UnlinkBlob => "unlink blob",
            Self::CondemnManifest => "condemn manifest",
            Self::RemoveManifest => "remove manifest",
            Self::RemoveBytes => "remove bytes",
        }
    }
}

/// One thing that a collection does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The repository; none for the bytes of a blob.
    pub repository: Option<String>,
    /// Of what it is done with.
    pub digest: Digest,
    /// How many bytes that has.
    pub bytes: u64,
    /// What is done.
    pub deed: Deed,
    /// Why.
    pub reason: Reason,
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Its steps, in order; only the first if there are many.
    pub steps: Vec<Step>,
    /// Blobs and manifests that were condemned.
    pub condemned: u64,
    /// Manifests that were removed.
    pub manifests: u64,
    /// Blobs that repositories have no more, counted in each.
    pub unlinked: u64,
    /// Blobs whose bytes were removed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Steps that are told one by one.
pub(crate) const MOST_STEPS: usize = 10_000;

impl Collected {
    pub(crate) fn add(&mut self, step: Step) {
        match step.deed {
            Deed::CondemnBlob | Deed::CondemnManifest => self.condemned += 1,
            Deed::UnlinkBlob => self.unlinked += 1,
            Deed::RemoveManifest => self.manifests += 1,
            Deed::RemoveBytes => {
                self.blobs += 1;
                self.bytes += step.bytes;
            }
        }
        if self.steps.len() < MOST_STEPS {
            self.steps.push(step);
        }
    }

    /// How many steps there were.
    pub fn count(&self) -> u64 {
        self.condemned + self.unlinked + self.manifests + self.blobs
    }
}

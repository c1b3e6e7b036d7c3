//! The pieces of work, each with what the project aims at.

use std::time::Duration;

/// A piece of work. Its order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// `GET` of a manifest by tag, 32 connections.
    ManifestGet,
    /// The same by somebody who shows a registry token.
    ManifestGetToken,
    /// `HEAD` of a blob, 32 connections.
    BlobHead,
    /// `GET` of a blob of 4 KiB, 32 connections.
    BlobGet,
    /// Push of images with three layers of 4 KiB, 8 at once.
    PushSmall,
    /// Push of large blobs, one after another.
    PushLarge1,
    /// Push of large blobs, 4 at once.
    PushLarge4,
    /// Push of large blobs, 8 at once: what memory it takes.
    PushLarge8,
    /// Pull of a large blob out of the page cache, one connection.
    PullLarge1,
    /// The same over 4 connections.
    PullLarge4,
    /// Push of one blob of more than 5 GiB.
    PushHuge,
    /// Pull of that blob.
    PullHuge,
    /// A page of 100 tags from the middle of a repository with few tags.
    TagsFew,
    /// The same of a repository with many tags.
    TagsMany,
    /// A page of 100 repositories from the middle of a catalog with few.
    CatalogFew,
    /// The same of a catalog with many.
    CatalogMany,
    /// Memory of a server that has just started on an empty directory.
    MemoryIdle,
    /// Time from the start of the process to the first answer, with everything that the other work left.
    Start,
}

/// What the project wants of a piece of work. The reference is the better of the two versions of distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Aim {
    /// Server CPU a unit, at most this share of the reference's.
    CpuShare(f64),
    /// Rate at least so many times the reference's.
    RateTimes(f64),
    /// Server CPU a unit, at most this share of nginx's.
    CpuShareOfNginx(f64),
    /// Rate at least so many times nginx's.
    RateTimesOfNginx(f64),
    /// Server CPU a unit, at most so many times the project's own for the smaller work.
    CpuTimesOf(Work, f64),
    /// Server CPU a unit, at most so much more than for the other work.
    CpuAbove(Work, Duration),
    /// Peak resident memory at most so many MiB.
    MemoryMebibytes(u64),
    /// Done within so long.
    Within(Duration),
}

impl Work {
    /// The name on the command line and in the tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ManifestGet => "manifest-get",
            Self::ManifestGetToken => "manifest-get-token",
            Self::BlobHead => "blob-head",
            Self::BlobGet => "blob-get",
            Self::PushSmall => "push-small",
            Self::PushLarge1 => "push-large-1",
            Self::PushLarge4 => "push-large-4",
            Self::PushLarge8 => "push-large-8",
            Self::PullLarge1 => "pull-large-1",
            Self::PullLarge4 => "pull-large-4",
            Self::PushHuge => "push-huge",
            Self::PullHuge => "pull-huge",
            Self::TagsFew => "tags-few",
            Self::TagsMany => "tags-many",
            Self::CatalogFew => "catalog-few",
            Self::CatalogMany => "catalog-many",
            Self::MemoryIdle => "memory-idle",
            Self::Start => "start",
        }
    }

    /// What the project wants of it on the local disk.
    pub(super) fn aims(self) -> &'static [Aim] {
        /// "The same cost": what two measurements of equal work differ by on a shared machine.
        const SAME: f64 = 1.25;
        match self {
            Self::ManifestGet => &[Aim::CpuShare(1.0 / 6.0), Aim::RateTimes(4.0)],
            Self::ManifestGetToken => const { &[Aim::CpuAbove(Self::ManifestGet, Duration::from_micros(10))] },
            Self::BlobHead => &[Aim::CpuShare(1.0 / 8.0)],
            Self::BlobGet => &[Aim::CpuShare(1.0 / 20.0)],
            Self::PushSmall => &[Aim::RateTimes(5.0)],
            Self::PushLarge1 | Self::PushLarge4 => &[Aim::CpuShare(0.6), Aim::RateTimes(1.5)],
            Self::PushLarge8 => &[Aim::MemoryMebibytes(128)],
            Self::PullLarge1 | Self::PullLarge4 => &[Aim::CpuShareOfNginx(1.1), Aim::RateTimesOfNginx(1.0)],
            Self::TagsMany => &[Aim::CpuTimesOf(Self::TagsFew, SAME)],
            Self::CatalogMany => &[Aim::CpuTimesOf(Self::CatalogFew, SAME)],
            Self::TagsFew | Self::CatalogFew | Self::PushHuge | Self::PullHuge => &[],
            Self::MemoryIdle => &[Aim::MemoryMebibytes(40)],
            Self::Start => const { &[Aim::Within(Duration::from_millis(200))] },
        }
    }

    /// What is done, in words, for the report.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::ManifestGet => "`GET` of a manifest by tag (64 images in turn), 32 connections",
            Self::ManifestGetToken => {
                "the same by an account that shows a registry token: its cost above that without accounts is the gate's"
            }
            Self::BlobHead => "`HEAD` of a blob (64 in turn), 32 connections",
            Self::BlobGet => "`GET` of a blob of 4 KiB (64 in turn), 32 connections",
            Self::PushSmall => {
                "push of an image (3 layers of 4 KiB, config, manifest by tag; all new), 8 at once; an operation is a \
                 whole push of 17 requests"
            }
            Self::PushLarge1 => "push of large blobs (`POST`, `PATCH`, `PUT`), one after another",
            Self::PushLarge4 => "push of large blobs, 4 at once",
            Self::PushLarge8 => "push of large blobs, 8 at once",
            Self::PullLarge1 => "pull of a large blob out of the page cache, 1 connection",
            Self::PullLarge4 => "pull of a large blob out of the page cache, 4 connections",
            Self::PushHuge => "push of one blob that is larger than a piece of an object store may be (5 GiB)",
            Self::PullHuge => "pull of that blob, 1 connection; every byte is hashed",
            Self::TagsFew => "a page of 100 tags from the middle of a small repository, 1 connection",
            Self::TagsMany => "a page of 100 tags from the middle of a large repository, 1 connection",
            Self::CatalogFew => "a page of 100 repositories from the middle of a small catalog, 1 connection",
            Self::CatalogMany => "a page of 100 repositories from the middle of a large catalog, 1 connection",
            Self::MemoryIdle => "resident memory 2 s after the start on an empty directory",
            Self::Start => "start of the process to the first answer, with all that the other work left",
        }
    }
}

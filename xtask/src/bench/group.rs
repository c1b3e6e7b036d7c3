//! What is compared with what: one group at a time, so that a table can be read.

use super::candidate::Candidate;
use super::report::Place;
use super::work::{Aim, Work};

/// The page about everything but one process and its disk.
pub(super) const BACKENDS_PAGE: &str = "docs/benchmarks-backends.md";

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Group {
    /// Registries on the local disk.
    Disk,
    /// Registries over one and the same S3 server.
    S3,
    /// Entrepot over SQLite and over PostgreSQL.
    Database,
}

impl Group {
    /// Where its tables are.
    pub(super) fn place(self) -> Place {
        match self {
            Self::Disk => Place { page: "docs/benchmarks.md", name: "measured" },
            Self::S3 => Place { page: BACKENDS_PAGE, name: "s3" },
            Self::Database => Place { page: BACKENDS_PAGE, name: "database" },
        }
    }

    /// Who is compared, in order. With `false`: only if installed.
    pub(super) fn candidates(self) -> &'static [(Candidate, bool)] {
        match self {
            Self::Disk => &[
                (Candidate::Entrepot, true),
                (Candidate::DockerRegistry, false),
                (Candidate::Distribution, false),
                (Candidate::Zot, false),
                (Candidate::ZotSync, false),
                (Candidate::Nginx, false),
            ],
            Self::S3 => &[
                (Candidate::EntrepotS3, true),
                (Candidate::EntrepotS3Postgres, true),
                (Candidate::DistributionS3, false),
            ],
            Self::Database => &[(Candidate::Entrepot, true), (Candidate::EntrepotPostgres, true)],
        }
    }

    /// Whether the ratios of the tables are against this one (the better of these, work by work).
    pub(super) fn is_reference(self, candidate: Candidate) -> bool {
        match self {
            Self::Disk => matches!(candidate, Candidate::DockerRegistry | Candidate::Distribution),
            Self::S3 => candidate == Candidate::DistributionS3,
            Self::Database => candidate == Candidate::Entrepot,
        }
    }

    /// The work, in the order of the report.
    pub(super) fn works(self) -> &'static [Work] {
        match self {
            Self::Disk => &[
                Work::ManifestGet,
                Work::ManifestGetToken,
                Work::BlobHead,
                Work::BlobGet,
                Work::PushSmall,
                Work::PushLarge1,
                Work::PushLarge4,
                Work::PushLarge8,
                Work::PullLarge1,
                Work::PullLarge4,
                Work::TagsFew,
                Work::TagsMany,
                Work::CatalogFew,
                Work::CatalogMany,
                Work::MemoryIdle,
                Work::Start,
            ],
            Self::S3 => &[
                Work::ManifestGet,
                Work::BlobHead,
                Work::BlobGet,
                Work::PushSmall,
                Work::PushLarge1,
                Work::PushLarge4,
                Work::PushLarge8,
                Work::PullLarge1,
                Work::PullLarge4,
                Work::PushHuge,
                Work::PullHuge,
                Work::MemoryIdle,
            ],
            Self::Database => &[
                Work::ManifestGet,
                Work::BlobHead,
                Work::BlobGet,
                Work::PushSmall,
                Work::TagsFew,
                Work::TagsMany,
                Work::CatalogFew,
                Work::CatalogMany,
                Work::MemoryIdle,
                Work::Start,
            ],
        }
    }

    /// What the project wants of a piece of work.
    pub(super) fn aims(self, work: Work) -> &'static [Aim] {
        match (self, work) {
            (Self::Disk, _) => work.aims(),
            (Self::S3, Work::PushLarge8 | Work::PushHuge | Work::PullHuge) => &[Aim::MemoryMebibytes(256)],
            (Self::Database, Work::TagsMany | Work::CatalogMany) => work.aims(),
            _ => &[],
        }
    }
}

//! How much work a run does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::candidate::Candidate;
use super::payload::Framing;
use super::work::Work;

/// Compares Entrepot with other registries: same disk, same work, one after another
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// Small sizes: one to two minutes in all, figures good for a first look alone
    #[arg(long)]
    quick: bool,
    /// Only work whose name contains one of these (for example `push-small` or `pull,tags`)
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Only these candidates, in this order
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    candidates: Vec<Candidate>,
    /// The binary to measure, instead of building target/release/entrepot
    #[arg(long, value_name = "FILE")]
    pub(super) entrepot: Option<PathBuf>,
    /// Write the tables into docs/benchmarks.md too
    #[arg(long)]
    pub(super) write: bool,
    /// How long each repeated request is measured, in seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Size of a large blob, in MiB
    #[arg(long, value_name = "MIB")]
    large: Option<u64>,
    /// Tags in the large repository
    #[arg(long, value_name = "N")]
    tags: Option<usize>,
    /// Repositories in the large catalog
    #[arg(long, value_name = "N")]
    repositories: Option<usize>,
    /// Stop filling other registries' large repository and large catalog after so long, in seconds each
    #[arg(long, value_name = "N")]
    fill: Option<u64>,
    /// Framing of the bodies of large pushes
    #[arg(long, value_enum, default_value = "chunked")]
    framing: Framing,
}

/// The sizes of a run, all decided.
#[derive(Debug)]
pub(super) struct Plan {
    /// Who is compared, in order. With `false`: only if installed.
    pub(super) candidates: Vec<(Candidate, bool)>,
    works: Vec<Work>,
    /// How long each repeated request is measured.
    pub(super) duration: Duration,
    /// Size of a large blob, in MiB.
    pub(super) large_mebibytes: u64,
    /// Tags in the small repository, and repositories in the small catalog.
    pub(super) few: usize,
    /// Tags in the large repository.
    pub(super) tags: usize,
    /// Repositories in the large catalog.
    pub(super) repositories: usize,
    /// Longest time that others than Entrepot get for filling the large repository, and for the large catalog.
    pub(super) fill: Duration,
    /// Framing of large pushes.
    pub(super) framing: Framing,
}

impl Plan {
    /// Decides the sizes that the arguments leave open.
    pub(super) fn from(arguments: &Arguments) -> Result<Self> {
        let wanted =
            |work: &Work| arguments.only.is_empty() || arguments.only.iter().any(|part| work.name().contains(part));
        let works: Vec<Work> = Work::ALL.into_iter().filter(wanted).collect();
        let names: Vec<&str> = Work::ALL.iter().map(|work| work.name()).collect();
        ensure!(!works.is_empty(), "--only names no work; there is {}", names.join(", "));
        let all = {
            use Candidate::{Distribution, DockerRegistry, Entrepot, Nginx, Zot, ZotSync};
            [Entrepot, DockerRegistry, Distribution, Zot, ZotSync, Nginx]
        };
        let candidates = if arguments.candidates.is_empty() {
            all.into_iter().map(|candidate| (candidate, candidate == Candidate::Entrepot)).collect()
        } else {
            arguments.candidates.iter().map(|&candidate| (candidate, true)).collect()
        };
        let size = |quick, full| if arguments.quick { quick } else { full };
        Ok(Self {
            candidates,
            works,
            duration: Duration::from_secs(arguments.seconds.unwrap_or(size(1, 4)).max(1)),
            large_mebibytes: arguments.large.unwrap_or(size(128, 1024)).max(2),
            few: 1000,
            tags: arguments.tags.unwrap_or(if arguments.quick { 5000 } else { 200_000 }).max(1000),
            repositories: arguments.repositories.unwrap_or(if arguments.quick { 2000 } else { 20_000 }).max(1000),
            fill: Duration::from_secs(arguments.fill.unwrap_or(size(5, 20))),
            framing: arguments.framing,
        })
    }

    /// Free disk space that one candidate's run needs, in bytes: all the large blobs, and some for the rest.
    pub(super) fn needed_bytes(&self) -> u64 {
        /// Large blobs that are pushed in all.
        const LARGE_BLOBS: u64 = 16;
        const MEBIBYTE: u64 = 1024 * 1024;
        let large = [Work::PushLarge1, Work::PushLarge4, Work::PushLarge8, Work::PullLarge1, Work::PullLarge4];
        let blobs = if self.wants(&large) { LARGE_BLOBS } else { 0 };
        (blobs * self.large_mebibytes + 2048) * MEBIBYTE
    }

    /// Whether any of `works` is to be done.
    pub(super) fn wants(&self, works: &[Work]) -> bool {
        works.iter().any(|work| self.works.contains(work))
    }
}

//! How much work a run does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::candidate::Candidate;
use super::collect;
use super::group::Group;
use super::payload::Framing;
use super::work::Work;

/// Compares Entrepot with other registries: same disk, same work, one after another
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// What is compared with what
    #[arg(long, value_enum, default_value = "disk")]
    group: Group,
    /// Instead: let a repository grow, on SQLite and on PostgreSQL, and pull, push and list at each size
    #[arg(long, conflicts_with_all = ["group", "only", "candidates"])]
    pub(super) growth: bool,
    /// The sizes of --growth, in tags
    #[arg(long, value_delimiter = ',', value_name = "N", requires = "growth")]
    sizes: Vec<usize>,
    /// Instead: push into a namespace without a quota and into one with a quota, in turn
    #[arg(long, conflicts_with_all = ["group", "only", "candidates", "growth", "traffic"])]
    pub(super) quota: bool,
    /// Instead: count requests and bytes between registry and S3 server for each pushed and pulled blob
    #[arg(long, conflicts_with_all = ["group", "only", "growth"])]
    pub(super) traffic: bool,
    /// Instead: collect the garbage of one deleted image in a hundred, beside a client that pushes
    #[arg(long, conflicts_with_all = ["group", "only", "growth", "traffic", "quota"])]
    pub(super) collect: bool,
    /// Manifests before --collect deletes some
    #[arg(long, value_name = "N", requires = "collect")]
    manifests: Option<usize>,
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
    /// Size of the huge blob, in MiB
    #[arg(long, value_name = "MIB")]
    huge: Option<u64>,
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
    /// What is compared with what.
    pub(super) group: Group,
    /// Who is compared, in order. With `false`: only if installed.
    pub(super) candidates: Vec<(Candidate, bool)>,
    works: Vec<Work>,
    /// How long each repeated request is measured.
    pub(super) duration: Duration,
    /// Size of a large blob, in MiB.
    pub(super) large_mebibytes: u64,
    /// Size of the huge blob, in MiB.
    pub(super) huge_mebibytes: u64,
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
    /// How many tags a growing repository has, in turn.
    pub(super) sizes: Vec<usize>,
    /// Manifests of which one in a hundred is deleted.
    pub(super) manifests: usize,
}

impl Plan {
    /// Decides the sizes that the arguments leave open.
    pub(super) fn from(arguments: &Arguments) -> Result<Self> {
        let group = if arguments.traffic { Group::S3 } else { arguments.group };
        let wanted =
            |work: &&Work| arguments.only.is_empty() || arguments.only.iter().any(|part| work.name().contains(part));
        let works: Vec<Work> = group.works().iter().filter(wanted).copied().collect();
        let names: Vec<&str> = group.works().iter().map(|work| work.name()).collect();
        ensure!(!works.is_empty(), "--only names no work; there is {}", names.join(", "));
        let candidates = match arguments.candidates.as_slice() {
            [] if arguments.collect => collect::CANDIDATES.to_vec(),
            [] => group.candidates().to_vec(),
            named => named.iter().map(|&candidate| (candidate, true)).collect(),
        };
        let size = |quick, full| if arguments.quick { quick } else { full };
        Ok(Self {
            group,
            candidates,
            works,
            duration: Duration::from_secs(arguments.seconds.unwrap_or(size(1, 4)).max(1)),
            large_mebibytes: arguments.large.unwrap_or(size(128, 1024)).max(2),
            huge_mebibytes: arguments.huge.unwrap_or(size(512, 6 * 1024)).max(2),
            few: 1000,
            tags: arguments.tags.unwrap_or(if arguments.quick { 5000 } else { 200_000 }).max(1000),
            repositories: arguments.repositories.unwrap_or(if arguments.quick { 2000 } else { 20_000 }).max(1000),
            fill: Duration::from_secs(arguments.fill.unwrap_or(size(5, 20))),
            framing: arguments.framing,
            sizes: match arguments.sizes.as_slice() {
                [] if arguments.quick => vec![1000, 10_000],
                [] => vec![1000, 10_000, 100_000, 1_000_000],
                sizes => sizes.to_vec(),
            },
            manifests: arguments.manifests.unwrap_or(if arguments.quick { 1000 } else { 100_000 }).max(100),
        })
    }

    /// Free disk space that one candidate's run needs, in bytes: all the large blobs, and some for the rest.
    pub(super) fn needed_bytes(&self) -> u64 {
        const MEBIBYTE: u64 = 1024 * 1024;
        // How many large blobs each piece of work leaves.
        let blobs = [(Work::PushLarge1, 3), (Work::PushLarge4, 4), (Work::PushLarge8, 8), (Work::PullLarge1, 1)];
        let blobs: u64 = blobs.into_iter().filter(|&(work, _)| self.wants(&[work])).map(|(_, count)| count).sum();
        let huge = if self.wants(&[Work::PushHuge, Work::PullHuge]) { self.huge_mebibytes } else { 0 };
        (blobs * self.large_mebibytes + huge + 2048) * MEBIBYTE
    }

    /// Whether any of `works` is to be done.
    pub(super) fn wants(&self, works: &[Work]) -> bool {
        works.iter().any(|work| self.works.contains(work))
    }
}

//! What collecting garbage costs, and what those who push meanwhile feel of it: the same images, of which one in a hundred is
//! deleted, in Entrepot and in distribution.

mod client;
mod content;
mod distribution;
mod entrepot;
mod files;
mod layout;
mod program;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use self::client::Pushes;
use self::content::Content;
use super::candidate::Candidate;
use super::group::Group;
use super::plan::Plan;
use super::process_tree::{ProcessTree, machine_busy};
use super::report::Place;
use super::site::Site;
use super::table::duration;

/// Where the table is.
pub(super) const PLACE: Place = Place { page: "docs/benchmarks.md", name: "collect" };
/// Who is compared, in order. With `false`: only if installed.
pub(super) const CANDIDATES: &[(Candidate, bool)] =
    &[(Candidate::Entrepot, true), (Candidate::DockerRegistry, false), (Candidate::Distribution, false)];
/// Disk space that an image takes in distribution's layout, where most of it is directories and links, in bytes.
const IMAGE_BYTES: u64 = 100 * 1024;
/// Disk space for all that is pushed meanwhile, in bytes.
const PUSHED_BYTES: u64 = 512 * 1024 * 1024;

/// What one candidate's collection took.
#[derive(Debug)]
struct Collected {
    candidate: Candidate,
    /// Until the last blob was gone.
    wall: Duration,
    /// Processor time: of the whole server, or of the command that collects.
    cpu: Duration,
    /// Processor time that the server took as long for pushes alone, where they are in `cpu`.
    pushes_cpu: Duration,
    /// How much was given back, in bytes.
    bytes: u64,
    meanwhile: Pushes,
    /// The same client's as long, without a collection.
    without: Pushes,
    /// How many processors everything else kept busy.
    disturbance: f64,
}

/// A piece of time, and what the machine did in it besides this program and what it started.
#[derive(Debug)]
struct Window {
    started: Instant,
    own: Duration,
    busy: Duration,
}

impl Window {
    fn open() -> Result<Self> {
        Ok(Self { started: Instant::now(), own: Self::own()?, busy: machine_busy()? })
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long it was, and how many processors others kept busy.
    fn close(self) -> Result<(Duration, f64)> {
        let elapsed = self.elapsed();
        let others = machine_busy()?.saturating_sub(self.busy).saturating_sub(Self::own()?.saturating_sub(self.own));
        Ok((elapsed, others.as_secs_f64() / elapsed.as_secs_f64()))
    }

    fn own() -> Result<Duration> {
        ProcessTree::of(std::process::id()).cpu()
    }
}

/// Leads every candidate through it and returns the table.
pub(super) async fn run(under: &Path, plan: &Plan, programs: &[(Candidate, PathBuf)]) -> Result<String> {
    let content = Content::new(plan.manifests)?;
    let needed = plan.manifests as u64 * IMAGE_BYTES + PUSHED_BYTES;
    let mut all = Vec::new();
    for (candidate, program) in programs {
        eprintln!("{} ({})", candidate.name(), candidate.version());
        let site = Site::prepare(*candidate, under, needed)?;
        let collected = match candidate {
            Candidate::Entrepot | Candidate::EntrepotPostgres => {
                entrepot::collect(*candidate, program, &site, &content).await
            }
            Candidate::DockerRegistry | Candidate::Distribution => {
                distribution::collect(*candidate, program, &site, &content).await
            }
            _ => bail!("{} has no collection that could be compared", candidate.name()),
        };
        let collected = collected.with_context(|| candidate.name())?;
        eprintln!("  {}\n  removing what it wrote", row(&collected, &all));
        all.push(collected);
    }
    let given_back = all.first().map(|one: &Collected| one.bytes);
    ensure!(all.iter().all(|one| Some(one.bytes) == given_back), "the candidates gave back different bytes: {all:?}");
    Ok(markdown(&content, &all))
}

fn markdown(content: &Content, all: &[Collected]) -> String {
    let mut text = format!(
        "{} manifests in {} repositories; {} of them are deleted, whose own blobs are {} files of {} bytes in all.\n\n\
         | candidate | collection | CPU | time ratio | CPU ratio | longest push meanwhile | median | longest push without | \
         median | stall ratio | |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n",
        content.count(),
        content.repositories().count(),
        content.garbage().count(),
        content.garbage().count() * 2,
        all.first().map_or(0, |one| one.bytes)
    );
    for one in all {
        text.push_str(&row(one, all));
        text.push('\n');
    }
    text
}

/// A line of the table. Ratios are against the better of the two versions of distribution, each figure for itself.
fn row(one: &Collected, all: &[Collected]) -> String {
    let ratio = |of: fn(&Collected) -> Duration| {
        let reference = all.iter().filter(|other| Group::Disk.is_reference(other.candidate)).map(of).min();
        let reference = reference.filter(|reference| !reference.is_zero());
        reference.map(|reference| format!("{:.4}", of(one).as_secs_f64() / reference.as_secs_f64())).unwrap_or_default()
    };
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        one.candidate.name(),
        duration(one.wall),
        duration(one.cpu),
        ratio(|one| one.wall),
        ratio(|one| one.cpu),
        duration(one.meanwhile.longest()),
        duration(one.meanwhile.median()),
        duration(one.without.longest()),
        duration(one.without.median()),
        ratio(|one| one.meanwhile.longest()),
        note(one)
    )
}

/// What the reader must know to compare it.
fn note(one: &Collected) -> String {
    let (meanwhile, without) = (one.meanwhile.count(), one.without.count());
    let mut note = format!("{meanwhile} pushes meanwhile, {without} without");
    if !one.pushes_cpu.is_zero() {
        note.push_str(&format!(
            "; its CPU is that of {meanwhile} pushes too: {without} alone took {}",
            duration(one.pushes_cpu)
        ));
    }
    if one.meanwhile.failed > 0 {
        note.push_str(&format!("; refused or broken off {} times", one.meanwhile.failed));
    }
    note.push_str(&format!("; others kept {:.1} processors busy", one.disturbance));
    note
}

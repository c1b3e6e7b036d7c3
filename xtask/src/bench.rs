//! `cargo xtask bench`: Entrepot beside other registries, on the same disk with the same work.
//!
//! One candidate after another is started on an empty directory under target/bench, led through the work, and removed
//! with all that it wrote. The figures end in one table, held against the project's aims.

mod candidate;
mod chunks;
mod collect;
mod connection;
mod directory;
mod fill;
mod group;
mod growth;
mod head;
mod huge;
mod image;
mod judge;
mod listing;
mod load;
mod payload;
mod plan;
mod process_tree;
mod pull;
mod push;
mod quota;
mod reads;
mod repeat;
mod report;
mod request;
mod server;
mod session;
mod site;
mod table;
mod traffic;
mod upload;
mod work;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use candidate::Candidate;
use plan::Plan;
use report::Place;
use session::Outcome;
use site::Site;

pub(crate) use plan::Arguments;

/// Runs the benchmark.
///
/// # Errors
/// A candidate that was asked for is missing, does not start, or answers wrongly; or a signal ended the run. Servers
/// and their data are gone in every case.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let plan = Plan::from(arguments)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no workspace")?;
    if cfg!(debug_assertions) {
        return run_optimized(root);
    }
    let entrepot = arguments.entrepot.clone().unwrap_or_else(|| root.join("target/release/entrepot"));
    if arguments.entrepot.is_none() && plan.candidates.iter().any(|(one, _)| one.is_entrepot()) {
        build(root, "entrepot")?;
    }
    let programs = programs(&plan, &entrepot)?;
    // One thread, so that the load generator leaves the other processors to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (place, report) = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            report = report(root, arguments, &plan, &programs, &entrepot) => report,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })?;
    println!("{report}");
    std::fs::write(root.join("target/bench/report.md"), &report)?;
    if arguments.write {
        report::write(root, place, &report)?;
    }
    Ok(())
}

/// Measures what was asked for. Returns the report and its place.
async fn report(
    root: &Path,
    arguments: &Arguments,
    plan: &Plan,
    programs: &[(Candidate, PathBuf)],
    entrepot: &Path,
) -> Result<(Place, String)> {
    let under = root.join("target/bench");
    if arguments.growth {
        let table = growth::run(&under, plan, entrepot).await?;
        return Ok((growth::PLACE, format!("{}\n{table}", report::machine(root))));
    }
    if arguments.quota {
        let table = quota::run(&under, plan, entrepot).await?;
        return Ok((quota::PLACE, format!("{}\n{table}", report::machine(root))));
    }
    if arguments.collect {
        let table = collect::run(&under, plan, programs).await?;
        return Ok((collect::PLACE, format!("{}\n{table}", report::machine(root))));
    }
    if arguments.traffic {
        let table = traffic::run(&under, plan, programs).await?;
        return Ok((traffic::PLACE, format!("{}\n{table}", report::machine(root))));
    }
    let outcomes = measure(&under, plan, programs).await?;
    Ok((plan.group.place(), report::markdown(root, plan, &outcomes)))
}

/// Builds this program optimized and goes on in it: an unoptimized load generator would measure itself.
fn run_optimized(root: &Path) -> Result<()> {
    build(root, "xtask")?;
    let error = Command::new(root.join("target/release/xtask")).args(std::env::args_os().skip(1)).exec();
    Err(error).context("starting the optimized load generator")
}

/// Builds `package` with optimizations.
fn build(root: &Path, package: &str) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).current_dir(root).args(["build", "--release", "--package", package]).status()?;
    anyhow::ensure!(status.success(), "building {package} failed");
    Ok(())
}

/// The candidates with their programs. One that is missing is left out, unless it was asked for.
fn programs(plan: &Plan, entrepot: &Path) -> Result<Vec<(Candidate, PathBuf)>> {
    let mut programs = Vec::new();
    for &(candidate, required) in &plan.candidates {
        match candidate.find(entrepot) {
            Ok(program) => programs.push((candidate, program)),
            Err(error) if required => return Err(error),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    Ok(programs)
}

/// Leads every candidate through the work.
async fn measure(under: &Path, plan: &Plan, programs: &[(Candidate, PathBuf)]) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (candidate, program) in programs {
        eprintln!("{} ({})", candidate.name(), candidate.version());
        let site = Site::prepare(*candidate, under, plan.needed_bytes())?;
        session::run(*candidate, program, plan, &site, &mut outcomes)
            .await
            .with_context(|| format!("measuring {}", candidate.name()))?;
        eprintln!("  removing what it wrote");
        drop(site);
    }
    pull::run(under, plan, programs, &mut outcomes).await.context("pull of large blobs")?;
    Ok(outcomes)
}

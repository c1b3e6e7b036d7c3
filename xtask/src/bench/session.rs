//! One candidate's run through the work.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::candidate::Candidate;
use super::load::Load;
use super::plan::Plan;
use super::request::Requests;
use super::server::Server;
use super::site::Site;
use super::work::Work;
use super::{huge, listing, reads, upload};

/// What was measured.
#[derive(Debug, Clone)]
pub(super) enum Figure {
    /// The cost of work that was done over and over.
    Load(Load),
    /// Resident memory, in bytes.
    Memory(u64),
    /// A time.
    Time(Duration),
}

/// One row of the table.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// What was done.
    pub(super) work: Work,
    /// By whom.
    pub(super) candidate: Candidate,
    /// What it cost.
    pub(super) figure: Figure,
    /// What the reader must know to compare it.
    pub(super) note: String,
}

/// A running candidate and what has been measured of it.
pub(super) struct Session<'a> {
    /// Who runs.
    pub(super) candidate: Candidate,
    /// The sizes.
    pub(super) plan: &'a Plan,
    /// Requests to it.
    pub(super) requests: Requests,
    /// The running server.
    pub(super) server: &'a Server,
    /// Where it keeps its data.
    pub(super) site: &'a Site,
    /// What has been measured.
    pub(super) outcomes: &'a mut Vec<Outcome>,
}

impl Session<'_> {
    /// Keeps a figure.
    pub(super) fn record(&mut self, work: Work, figure: Figure, note: impl Into<String>) {
        let outcome = Outcome { work, candidate: self.candidate, figure, note: note.into() };
        eprintln!("  {}", super::table::line(&outcome));
        self.outcomes.push(outcome);
    }
}

/// Runs `candidate` through all the work of `plan`, with everything it writes at `site`.
pub(super) async fn run(
    candidate: Candidate,
    program: &Path,
    plan: &Plan,
    site: &Site,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let (server, _) = Server::start(candidate, program, site).await?;
    let requests = Requests::to(server.address());
    let mut session = Session { candidate, plan, requests, server: &server, site, outcomes };
    if candidate == Candidate::Nginx {
        reads::serve_files(&mut session).await.context("reads")?;
        return Ok(());
    }
    if plan.wants(&[Work::MemoryIdle]) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let resident = server.processes().resident_bytes()?;
        session.record(Work::MemoryIdle, Figure::Memory(resident), "");
    }
    reads::run(&mut session).await.context("reads")?;
    upload::small(&mut session).await.context("push of small images")?;
    upload::large(&mut session).await.context("push of large blobs")?;
    huge::run(&mut session).await.context("push and pull of a huge blob")?;
    let tags = listing::tags(&mut session).await.context("pages of tags")?;
    listing::catalog(&mut session).await.context("pages of the catalog")?;
    drop(server);
    if plan.wants(&[Work::Start]) {
        start_again(candidate, program, site, tags, outcomes).await.context("second start")?;
    }
    Ok(())
}

/// Starts the candidate on the data it has and measures how long that takes: the quickest of three times.
async fn start_again(
    candidate: Candidate,
    program: &Path,
    site: &Site,
    tags: usize,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let (server, ready) = Server::start(candidate, program, site).await?;
        drop(server);
        quickest = quickest.min(ready);
    }
    let outcome =
        Outcome { work: Work::Start, candidate, figure: Figure::Time(quickest), note: format!("{tags} tags") };
    eprintln!("  {}", super::table::line(&outcome));
    outcomes.push(outcome);
    Ok(())
}

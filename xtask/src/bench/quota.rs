//! What a quota costs those who push: the same pushes into a namespace without one and into one that has more room than they fill.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::candidate::Candidate;
use super::group::BACKENDS_PAGE;
use super::load::{Gauge, Load, Unit};
use super::plan::Plan;
use super::report::Place;
use super::request::Requests;
use super::server::Server;
use super::session::{Figure, Outcome};
use super::site::Site;
use super::table::Cells;
use super::upload::push_small;
use super::work::Work;

/// Where the table is.
pub(super) const PLACE: Place = Place { page: BACKENDS_PAGE, name: "quota" };
/// Those who push at once into the one namespace.
const AT_ONCE: u64 = 32;
/// How often the two take turns, so that what the machine does besides is nobody's alone.
const ROUNDS: usize = 5;
/// How long a running registry may take to notice a quota.
const NOTICED: Duration = Duration::from_secs(1);

/// A namespace that is pushed into. Neither belongs to anybody, so nobody has to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Unlimited,
    Limited,
}

impl Namespace {
    fn name(self) -> &'static str {
        match self {
            Self::Unlimited => "no quota",
            Self::Limited => "a quota",
        }
    }

    /// Where the image number `number` goes: one repository, so that nothing divides the work.
    fn place(self) -> fn(u64) -> (String, String) {
        match self {
            Self::Unlimited => |number| ("acme/app".to_owned(), format!("v{number}")),
            Self::Limited => |number| ("app".to_owned(), format!("v{number}")),
        }
    }
}

/// Pushes into both, over SQLite and over PostgreSQL, and returns the table.
pub(super) async fn run(under: &Path, plan: &Plan, program: &Path) -> Result<String> {
    let mut text = String::from(
        "| candidate | namespace | rate | p50 | p99 | server CPU | database's CPU | rate with it to without |\n\
         | --- | --- | --: | --: | --: | --: | --: | --: |\n",
    );
    for candidate in [Candidate::Entrepot, Candidate::EntrepotPostgres] {
        eprintln!("{}", candidate.name());
        let site = Site::prepare(candidate, under, plan.needed_bytes())?;
        let [unlimited, limited] = measure(candidate, &site, plan, program).await.with_context(|| candidate.name())?;
        let share = format!("{:.2}", limited.rate() / unlimited.rate());
        for (namespace, load, share) in [(Namespace::Unlimited, unlimited, ""), (Namespace::Limited, limited, &share)] {
            let figure = Figure::Load(load);
            let outcome = Outcome { work: Work::PushSmall, candidate, figure, note: String::new() };
            let cells = Cells::of(&outcome);
            text.push_str(&format!(
                "| {} | {} | {} | {} | {} | {} | {} | {share} |\n",
                candidate.name(),
                namespace.name(),
                cells.rate,
                cells.p50,
                cells.p99,
                cells.cpu,
                cells.backends_cpu
            ));
        }
    }
    Ok(text)
}

async fn measure(candidate: Candidate, site: &Site, plan: &Plan, program: &Path) -> Result<[Load; 2]> {
    let (server, _) = Server::start(candidate, program, site).await?;
    let requests = Requests::to(server.address());
    set_quota(program, site)?;
    tokio::time::sleep(NOTICED).await;
    // Numbers that no two pushes share, so that all bytes are new.
    let numbers = Arc::new(AtomicU64::new(1));
    let mut loads: [Option<Load>; 2] = [None, None];
    for round in 0..=ROUNDS {
        for (namespace, load) in [Namespace::Unlimited, Namespace::Limited].into_iter().zip(&mut loads) {
            let gauge = Gauge::start(&server).await?;
            let latencies = push_small(requests, AT_ONCE, &numbers, namespace.place(), plan.duration).await?;
            let part = gauge.finish(Unit::Operation, latencies.len() as f64, latencies)?;
            eprintln!("  {:<8} {:.0}/s, others kept {:.2} busy", namespace.name(), part.rate(), part.disturbance());
            // The first is for warming up.
            match load {
                _ if round == 0 => {}
                Some(load) => load.add(part),
                None => *load = Some(part),
            }
        }
    }
    let [Some(unlimited), Some(limited)] = loads else { anyhow::bail!("nothing was measured") };
    Ok([unlimited, limited])
}

fn set_quota(program: &Path, site: &Site) -> Result<()> {
    let mut command = Command::new(program);
    command.args(["quota", "set", "library", "--max-bytes", "1TiB", "--data-dir"]).arg(site.path().join("data"));
    command.envs(site.database_url().map(|url| ("ENTREPOT_DATABASE_URL", url)));
    let output = command.output()?;
    ensure!(output.status.success(), "quota set: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

//! What a pushed and a pulled blob cost at the S3 server: requests as the server counts them, and bytes on the way to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use entrepot_test_support::Passed;

use super::candidate::Candidate;
use super::connection::Connection;
use super::group::BACKENDS_PAGE;
use super::image::Blob;
use super::payload::Payload;
use super::plan::Plan;
use super::push;
use super::report::Place;
use super::request::Requests;
use super::server::Server;
use super::site::Site;
use crate::random::Random;

/// Where the table is.
pub(super) const PLACE: Place = Place { page: BACKENDS_PAGE, name: "traffic" };
const REPOSITORY: &str = "acme/traffic";
/// Sizes of blobs that are pushed with one piece of memory, in bytes.
const SMALL: [usize; 2] = [4 * 1024, 1024 * 1024];
/// How long the server is left alone before it is counted, so that what it does at its start does not count.
const SETTLE: Duration = Duration::from_secs(3);

/// What a server has counted so far.
#[derive(Debug, Clone)]
struct Count {
    requests: BTreeMap<String, u64>,
    passed: Passed,
}

/// A blob that is pushed and pulled.
struct Subject {
    bytes: u64,
    digest: String,
    content: Content,
}

enum Content {
    Small(Blob),
    Large(Payload),
}

/// Pushes and pulls blobs of several sizes, one at a time, and returns the table.
pub(super) async fn run(under: &Path, plan: &Plan, programs: &[(Candidate, PathBuf)]) -> Result<String> {
    let mut text = String::from(
        "| candidate | work | blob | requests | sent to the store | received from it |\n\
         | --- | --- | --: | --- | --: | --: |\n",
    );
    for (candidate, program) in programs {
        eprintln!("{}", candidate.name());
        let site = Site::counting(*candidate, under, plan.needed_bytes())?;
        let subjects = subjects(plan);
        let (server, _) = Server::start(*candidate, program, &site).await?;
        measure(*candidate, "push", &server, &site, &subjects, &mut text).await.context("push")?;
        drop(server);
        // A new process, which has nothing in memory.
        let (server, _) = Server::start(*candidate, program, &site).await?;
        measure(*candidate, "pull", &server, &site, &subjects, &mut text).await.context("pull")?;
    }
    Ok(text)
}

fn subjects(plan: &Plan) -> Vec<Subject> {
    let mut random = Random::new(&[3]);
    let small = SMALL.into_iter().map(|length| {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes);
        let blob = Blob::of(bytes);
        Subject { bytes: length as u64, digest: blob.digest.clone(), content: Content::Small(blob) }
    });
    let mut subjects: Vec<Subject> = small.collect();
    for mebibytes in [64, plan.large_mebibytes] {
        let payload = Payload::new(mebibytes, plan.framing);
        let digest = format!("sha256:{}", payload.hash(mebibytes));
        subjects.push(Subject { bytes: payload.size(), digest, content: Content::Large(payload) });
    }
    subjects
}

async fn measure(
    candidate: Candidate,
    work: &str,
    server: &Server,
    site: &Site,
    subjects: &[Subject],
    text: &mut String,
) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    let requests = Requests::to(server.address());
    let mut connection = Connection::open(requests.host()).await?;
    for subject in subjects {
        let before = count(site)?;
        match (work, &subject.content) {
            ("push", Content::Small(blob)) => push::push_blob(&mut connection, requests, REPOSITORY, blob).await?,
            ("push", Content::Large(payload)) => {
                let unique = payload.size() / (1024 * 1024);
                push::push_payload(&mut connection, requests, REPOSITORY, payload, unique, &subject.digest).await?;
            }
            _ => {
                let got = connection.download_hash(&requests.blob("GET", REPOSITORY, &subject.digest)).await?;
                ensure!(subject.digest.ends_with(&got), "{} came back as {got}", subject.digest);
            }
        }
        let after = count(site)?;
        let name = candidate.name();
        let (kinds, sent) = (before.kinds(&after), bytes(after.passed.sent - before.passed.sent));
        let received = bytes(after.passed.received - before.passed.received);
        eprintln!("  {work} of {}: {kinds}; {sent} sent, {received} received", bytes(subject.bytes));
        // Writing to a String cannot fail.
        _ = writeln!(text, "| {name} | {work} | {} | {kinds} | {sent} | {received} |", bytes(subject.bytes));
    }
    Ok(())
}

fn count(site: &Site) -> Result<Count> {
    let requests = site.store().context("there is no S3 server here")?.requests()?;
    Ok(Count { requests, passed: site.passed().context("nothing is counted here")? })
}

impl Count {
    /// The requests until `later`, in words.
    fn kinds(&self, later: &Self) -> String {
        let mut kinds = Vec::new();
        for (kind, count) in &later.requests {
            let more = count - self.requests.get(kind).copied().unwrap_or_default();
            if more > 0 {
                kinds.push(format!("{more} {kind}"));
            }
        }
        if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

//! Entrepot's collection: it goes on by itself in the server, beside a client that pushes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::client::Client;
use super::content::Content;
use super::{Collected, Window, files, layout, program};
use crate::bench::candidate::Candidate;
use crate::bench::directory::Directory;
use crate::bench::load::rest;
use crate::bench::request::Requests;
use crate::bench::server::Server;
use crate::bench::site::Site;

/// How long the server must do nothing to count as settled, and the processor time that is nothing.
const SETTLED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(30));
/// Longest time until then.
const LIMIT: Duration = Duration::from_hours(1);

/// `[gc]` while it collects: as soon and as often as can be.
const OFTEN: [(&str, &str); 3] =
    [("ENTREPOT_GC_GRACE", "1s"), ("ENTREPOT_GC_INTERVAL", "1s"), ("ENTREPOT_GC_TRASH_FOR", "0s")];
/// `[gc]` while it must not: once, at the start.
const ONCE: [(&str, &str); 3] =
    [("ENTREPOT_GC_GRACE", "1d"), ("ENTREPOT_GC_INTERVAL", "1d"), ("ENTREPOT_GC_TRASH_FOR", "0s")];

/// Takes `content` over, deletes, and measures what collecting takes and what pushes feel of it.
pub(super) async fn collect(candidate: Candidate, program: &Path, site: &Site, content: &Content) -> Result<Collected> {
    let data = site.path().join("data");
    import(program, site, content).await.context("import")?;
    // What is new is looked at once, which must not be measured.
    let server = Server::start_with(candidate, program, site, &OFTEN).await?.0;
    settled(&server).await?;
    drop(server);
    let garbage = files::garbage(content, &data, blob_file)?;
    let bytes = files::bytes(&garbage)?;
    delete(candidate, program, site, content).await.context("deleting")?;

    rest().await?;
    let window = Window::open()?;
    let server = Server::start_with(candidate, program, site, &OFTEN).await?.0;
    let client = Client::of(server.address());
    let work = async {
        files::gone(garbage).await?;
        Ok((window.elapsed(), server.processes().cpu()? + server.backends_cpu()?))
    };
    let ((wall, cpu), meanwhile) = client.beside(work).await?;
    let (elapsed, disturbance) = window.close()?;
    ensure!(meanwhile.failed == 0, "{} pushes failed beside the collection", meanwhile.failed);
    files::verify(Requests::to(server.address()), content, &data, blob_file).await?;
    settled(&server).await?;
    drop(server);

    let server = Server::start_with(candidate, program, site, &ONCE).await?.0;
    settled(&server).await?;
    rest().await?;
    client.turn_to(server.address());
    let before = server.processes().cpu()? + server.backends_cpu()?;
    let without = client.push_for(elapsed).await?;
    let pushes_cpu = (server.processes().cpu()? + server.backends_cpu()?).saturating_sub(before);
    Ok(Collected { candidate, wall, cpu, pushes_cpu, bytes, meanwhile, without, disturbance })
}

/// Takes over what distribution would have. Its files become blobs by a second name, so its directory goes afterwards.
async fn import(program: &Path, site: &Site, content: &Content) -> Result<()> {
    let old = Directory::create(site.path(), "old", 0)?;
    layout::write(content, old.path())?;
    let mut command = Command::new(program);
    command.args(["import", "distribution", "--public", "--from"]).arg(old.path());
    command.arg("--data-dir").arg(site.path().join("data")).envs(OFTEN);
    command.envs(site.database_url().map(|url| ("ENTREPOT_DATABASE_URL", url)));
    let took = program::run(&mut command, &site.path().join("import.log")).await?;
    eprintln!("  imported {} images in {:.1} s", content.count(), took.wall.as_secs_f64());
    Ok(())
}

/// Deletes, so that nothing of it is due before all of it is, and waits until it is.
async fn delete(candidate: Candidate, program: &Path, site: &Site, content: &Content) -> Result<()> {
    let grace = Duration::from_secs(5 + content.garbage().count() as u64 / 50);
    let text = format!("{}s", grace.as_secs());
    let [_, interval, trash_for] = OFTEN;
    let settings = [("ENTREPOT_GC_GRACE", text.as_str()), interval, trash_for];
    let server = Server::start_with(candidate, program, site, &settings).await?.0;
    let begun = Instant::now();
    files::delete(Requests::to(server.address()), content).await?;
    ensure!(begun.elapsed() < grace, "deleting took so long that some of it has been due before the end");
    drop(server);
    tokio::time::sleep(grace + Duration::from_secs(1)).await;
    Ok(())
}

/// Waits until the server has nothing to do.
async fn settled(server: &Server) -> Result<()> {
    let (moment, nothing) = SETTLED;
    let started = Instant::now();
    loop {
        let before = server.processes().cpu()?;
        tokio::time::sleep(moment).await;
        if server.processes().cpu()?.saturating_sub(before) <= nothing {
            return Ok(());
        }
        ensure!(started.elapsed() < LIMIT, "the server does not come to rest");
    }
}

/// Where the bytes of a blob are.
fn blob_file(data: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    data.join("blobs/sha256").join(&hex[..2]).join(hex)
}

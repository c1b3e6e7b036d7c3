//! distribution's collection: a command of its own, while which nothing may be pushed. Its documentation says to make the
//! registry read-only meanwhile, so it is.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::client::{self, Client};
use super::content::Content;
use super::{Collected, Window, files, layout, program};
use crate::bench::candidate::Candidate;
use crate::bench::connection::Connection;
use crate::bench::load::rest;
use crate::bench::request::Requests;
use crate::bench::server::Server;
use crate::bench::site::Site;

/// `storage.maintenance.readonly.enabled`, which cannot be set without the sections above it.
const READ_ONLY: [(&str, &str); 1] = [("REGISTRY_STORAGE_MAINTENANCE", r#"{"readonly":{"enabled":true}}"#)];

/// Stores `content`, deletes, and measures what collecting takes and how long nobody can push.
pub(super) async fn collect(candidate: Candidate, program: &Path, site: &Site, content: &Content) -> Result<Collected> {
    let data = site.path().join("data");
    layout::write(content, &data)?;
    let server = Server::start(candidate, program, site).await?.0;
    files::delete(Requests::to(server.address()), content).await.context("deleting")?;
    let garbage = files::garbage(content, &data, layout::blob_file)?;
    let bytes = files::bytes(&garbage)?;

    rest().await?;
    let window = Window::open()?;
    let client = Client::of(server.address());
    let work = async {
        drop(server);
        let server = Server::start_with(candidate, program, site, &READ_ONLY).await?.0;
        client.turn_to(server.address());
        let took = garbage_collect(candidate, program, site, &server).await?;
        drop(server);
        let server = Server::start(candidate, program, site).await?.0;
        client.turn_to(server.address());
        Ok((took, server))
    };
    let ((took, server), meanwhile) = client.beside(work).await?;
    let (elapsed, disturbance) = window.close()?;
    ensure!(meanwhile.failed > 0, "a read-only registry took a push");
    files::gone(garbage).await?;
    files::verify(Requests::to(server.address()), content, &data, layout::blob_file).await?;

    rest().await?;
    let without = client.push_for(elapsed).await?;
    let program::Took { wall, cpu } = took;
    Ok(Collected { candidate, wall, cpu, pushes_cpu: Duration::ZERO, bytes, meanwhile, without, disturbance })
}

/// Runs `registry garbage-collect` with the configuration of `server`, which must be read-only.
async fn garbage_collect(candidate: Candidate, program: &Path, site: &Site, server: &Server) -> Result<program::Took> {
    let requests = Requests::to(server.address());
    let mut connection = Connection::open(requests.host()).await?;
    let refused = connection.exchange(&requests.begin_upload(client::REPOSITORY)).await?;
    refused.expect(405, "POST of an upload to a read-only registry")?;
    let mut command = Command::new(program);
    command.args(["garbage-collect", "--delete-untagged=false"]);
    // It says less, so it has less to do; 2.8.2 cannot.
    command.args((candidate == Candidate::Distribution).then_some("--quiet"));
    command.arg(site.path().join("config")).env("OTEL_TRACES_EXPORTER", "none");
    program::run(&mut command, &site.path().join("collect.log")).await
}

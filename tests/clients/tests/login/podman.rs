//! podman.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::image::Image;
use entrepot_client_tests::tool::Tool;

use crate::{Port, expect_denied, stored, within_a_second};

#[test]
fn logs_in_pushes_pulls_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(podman) = Tool::podman(home)? else { return Ok(()) };
    let kept = home.join("auth.json");
    // It reads the file also for what needs no login.
    fs::write(&kept, "{}")?;
    let podman = podman.with_variable("REGISTRY_AUTH_FILE", &kept);
    let authority = port.registry.authority_directory().context("no authority")?;
    let (secured, host) = (format!("--cert-dir={}", authority.display()), port.registry.host.as_str());
    let image = Image::new("amd64", "podman")?;
    image.write_layout(&home.join("layout"), "v1")?;
    let id = podman.run(["pull", "--quiet", "oci:layout:v1"])?.trim().to_owned();
    let push =
        |repository: &str| vec!["push".to_owned(), secured.clone(), id.clone(), port.name(&format!("{repository}:v1"))];

    expect_denied(&podman.failure(push("ann/app"))?)?;
    expect_denied(&podman.failure(["login", &secured, "--username=ann", "--password=wrong", host])?)?;
    for (username, secret, repository) in port.credentials() {
        podman.run(["login", &secured, "--username", username, "--password", secret, host])?;
        ensure!(stored(&kept, host)?["auth"].is_string());
        podman.run(push(repository))?;
        port.registry.expect_complete(repository, "v1")?;
        podman.run(["pull", "--quiet", &secured, &port.name(&format!("{repository}:v1"))])?;
        expect_denied(&podman.failure(push("bob/secret"))?)?;
        expect_denied(&podman.failure(["pull", &secured, &port.name("bob/secret:v1")])?)?;
        podman.run(["logout", host])?;
    }
    podman.run(["login", &secured, "--username=ann", "--password", &port.personal.secret, host])?;
    podman.run(push("ann/other"))?;
    port.people.revoke("ann", &port.personal.id)?;
    let pull = ["pull".to_owned(), "--quiet".to_owned(), secured.clone(), port.name("ann/other:v1")];
    within_a_second(|| Ok(podman.run(&pull).is_err()))?;
    expect_denied(&podman.failure(["login", &secured, "--username=ann", "--password", &port.personal.secret, host])?)
}

//! crane, of go-containerregistry.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::image::{MultiPlatform, check_layout};
use entrepot_client_tests::tool::Tool;
use entrepot_test_people::PASSWORD;
use serde_json::json;

use crate::{Port, expect_denied, within_a_second};

#[test]
fn logs_in_pushes_mounts_lists_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(crane) = Tool::find("crane", home) else { return Ok(()) };
    let crane = crane.with_variable("SSL_CERT_FILE", port.registry.authority.as_ref().context("no authority")?);
    let host = port.registry.host.as_str();
    let image = MultiPlatform::new("crane")?;
    image.write_layout(&home.join("pushed"), "any")?;
    let push = |repository: &str| ["push".to_owned(), "pushed".to_owned(), port.name(&format!("{repository}:v1"))];

    expect_denied(&crane.failure(push("ann/app"))?)?;
    // It stores without asking.
    crane.run(["auth", "login", "--username=ann", "--password=wrong", host])?;
    expect_denied(&crane.failure(push("ann/app"))?)?;
    for (number, (username, secret, repository)) in port.credentials().into_iter().enumerate() {
        crane.run(["auth", "login", "--username", username, "--password", secret, host])?;
        crane.run(push(repository))?;
        port.registry.expect_manifest(repository, "v1", &image.index)?;
        let (pulled, name) = (format!("pulled{number}"), port.name(&format!("{repository}:v1")));
        crane.run(["pull", "--format=oci", &name, &pulled])?;
        check_layout(&home.join(pulled), image.blobs())?;
        expect_denied(&crane.failure(push("bob/secret"))?)?;
        expect_denied(&crane.failure(["manifest", &port.name("bob/secret:v1")])?)?;
        let catalog = crane.run(["catalog", host])?;
        ensure!(catalog.lines().any(|line| line == repository) && !catalog.contains("bob"), "{catalog}");
    }
    crane.run(["auth", "login", "--username=ann", "--password", PASSWORD, host])?;
    crane.run(["copy", &port.name("ann/app:v1"), &port.name("ann/copy:v1")])?;
    port.registry.expect_complete("ann/copy", "v1")?;
    crane.run(["delete", &port.name(&format!("ann/copy@{}", image.index.digest))])?;
    port.registry.expect_gone("ann/copy", "v1")?;

    // What docker stores in place of a password works here too, and so does a token alone.
    let config = home.join(".docker/config.json");
    for entry in [json!({ "identitytoken": port.identity_token()? }), json!({ "registrytoken": port.personal.secret })]
    {
        fs::write(&config, json!({ "auths": { host: entry } }).to_string())?;
        crane.run(["manifest", &port.name("ann/app:v1")])?;
        crane.run(push("ann/again"))?;
        expect_denied(&crane.failure(["manifest", &port.name("bob/secret:v1")])?)?;
    }
    port.people.revoke("ann", &port.personal.id)?;
    within_a_second(|| Ok(crane.run(["manifest", &port.name("ann/app:v1")]).is_err()))
}

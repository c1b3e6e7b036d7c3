//! The docker engine and its command line.

use std::fs;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::{FILE, tar};
use entrepot_test_people::PASSWORD;

use crate::{Port, ROBOT, expect_denied, stored, within_a_second};

#[test]
fn logs_in_pushes_mounts_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(engine) = Engine::docker(home)? else { return Ok(()) };
    let (docker, host) = (&engine.client, port.registry.host.as_str());
    let config = home.join(".docker/config.json");
    fs::write(home.join("root.tar"), tar(&[(FILE, b"pushed by who may\n".to_vec()), ("noise", vec![7; 1 << 20])]))?;
    let id = docker.run(["import", "root.tar", &port.name("ann/app:v1")])?.trim().to_owned();
    let name_it = |repository: &str| -> Result<String> {
        let name = port.name(repository);
        docker.run(["tag", &id, &name])?;
        Ok(name)
    };

    expect_denied(&docker.failure(["push", &port.name("ann/app:v1")])?)?;
    expect_denied(&docker.failure(["login", "--username=ann", "--password=wrong", host])?)?;
    ensure!(!config.exists() || stored(&config, host)?.is_null(), "it keeps what was refused");

    for (username, secret, repository) in port.credentials() {
        docker.run(["login", "--username", username, "--password", secret, host])?;
        let kept = stored(&config, host)?;
        if secret == PASSWORD {
            // The password itself is thrown away.
            ensure!(kept["identitytoken"].as_str().is_some_and(|token| token.starts_with("ept_")), "{kept}");
            let auth = STANDARD.decode(kept["auth"].as_str().unwrap_or_default())?;
            ensure!(!String::from_utf8_lossy(&auth).contains(PASSWORD), "{kept}");
        }
        let name = name_it(&format!("{repository}:v1"))?;
        docker.run(["push", &name])?;
        let (digest, _) = port.registry.expect_complete(repository, "v1")?;
        docker.run(["pull", "--quiet", &format!("{}@{digest}", port.name(repository))])?;
        let denied = docker.failure(["push", &name_it("bob/secret:v1")?])?;
        expect_denied(&denied)?;
        let absent = docker.failure(["push", &name_it("nobody/absent:v1")?])?;
        ensure!(
            denied.replace("bob/secret", "X").lines().last() == absent.replace("nobody/absent", "X").lines().last(),
            "it tells what is there: {denied}\n{absent}"
        );
        expect_denied(&docker.failure(["pull", &port.name("bob/secret:v1")])?)?;
        docker.run(["logout", host])?;
    }

    // From one repository to another, with the identity token: the engine asks for both scopes and mounts.
    docker.run(["login", "--username=ann", "--password", PASSWORD, host])?;
    let said = docker.run(["push", &name_it("ann/copy:v1")?])?;
    ensure!(said.contains("Mounted from"), "docker push said: {said}");
    port.registry.expect_complete("ann/copy", "v1")?;

    // The identity token ends with the password.
    port.people.set_password("ann", "another password of ann")?;
    within_a_second(|| Ok(docker.run(["pull", "--quiet", &port.name("ann/copy:v1")]).is_err()))?;
    expect_denied(&docker.failure(["pull", &port.name("ann/copy:v1")])?)?;
    docker.run(["login", "--username=ann", "--password=another password of ann", host])?;
    docker.run(["pull", "--quiet", &port.name("ann/copy:v1")])?;

    // Revoked and stopped.
    docker.run(["login", "--username=ann", "--password", &port.personal.secret, host])?;
    port.people.revoke("ann", &port.personal.id)?;
    within_a_second(|| Ok(docker.run(["pull", "--quiet", &port.name("ann/copy:v1")]).is_err()))?;
    docker.run(["login", "--username", ROBOT, "--password", &port.robot.secret, host])?;
    port.people.disable_robot("acme", "deploy")?;
    within_a_second(|| Ok(docker.run(["pull", "--quiet", &port.name("acme/app:v1")]).is_err()))?;
    expect_denied(&docker.failure(["login", "--username", ROBOT, "--password", &port.robot.secret, host])?)
}

//! helm: charts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::tool::Tool;

use crate::{Port, expect_denied, within_a_second};

#[test]
fn logs_in_pushes_pulls_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(helm) = Tool::find("helm", home) else { return Ok(()) };
    let secured = format!("--ca-file={}", port.registry.authority.as_ref().context("no authority")?.display());
    let host = port.registry.host.as_str();
    // A chart's name is the last part of its repository's name.
    fs::create_dir_all(home.join("app"))?;
    fs::write(home.join("app/Chart.yaml"), "apiVersion: v2\nname: app\nversion: 0.1.0\n")?;
    fs::write(home.join("app/values.yaml"), "replicas: 2\n")?;
    helm.run(["package", "app"])?;
    let place = |repository: &str| format!("oci://{}", port.name(repository));
    let push = |repository: &str| {
        let parent = repository.rsplit_once('/').map_or(repository, |(parent, _)| parent);
        ["push".to_owned(), secured.clone(), "app-0.1.0.tgz".to_owned(), place(parent)]
    };
    let values = |repository: &str| {
        ["show".to_owned(), "values".to_owned(), secured.clone(), place(repository), "--version=0.1.0".to_owned()]
    };

    expect_denied(&helm.failure(push("ann/app"))?)?;
    expect_denied(&helm.failure(["registry", "login", host, &secured, "--username=ann", "--password=wrong"])?)?;
    for (username, secret, repository) in port.credentials() {
        helm.run(["registry", "login", host, &secured, "--username", username, "--password", secret])?;
        helm.run(push(repository))?;
        port.registry.expect_complete(repository, "0.1.0")?;
        ensure!(helm.run(values(repository))?.trim() == "replicas: 2");
        expect_denied(&helm.failure(push("bob/app"))?)?;
        expect_denied(&helm.failure(values("bob/secret"))?)?;
        helm.run(["registry", "logout", host])?;
    }
    helm.run(["registry", "login", host, &secured, "--username=ann", "--password", &port.personal.secret])?;
    helm.run(values("ann/app"))?;
    port.people.revoke("ann", &port.personal.id)?;
    within_a_second(|| Ok(helm.run(values("ann/app")).is_err()))
}

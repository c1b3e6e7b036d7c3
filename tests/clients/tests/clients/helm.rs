//! helm: charts as artifacts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(helm) = Tool::find("helm", registry.directory()) else { return Ok(()) };
    let secured = match &registry.authority {
        Some(authority) => format!("--ca-file={}", authority.display()),
        None => "--plain-http".to_owned(),
    };
    let chart = registry.directory().join("harbor-master");
    fs::create_dir_all(chart.join("templates"))?;
    // A tag may not have a plus: helm writes an underscore in its place.
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: harbor-master\nversion: 0.1.0+build.5\n")?;
    fs::write(chart.join("values.yaml"), "replicas: 2\n")?;
    fs::write(chart.join("templates/note.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note}\n")?;
    helm.run(["package", "harbor-master"])?;
    let archive = fs::read(registry.directory().join("harbor-master-0.1.0+build.5.tgz"))?;

    let charts = registry.repository("charts");
    let (repository, tag) = (format!("{charts}/harbor-master"), "0.1.0_build.5");
    let name = format!("oci://{}/{repository}", registry.host);
    helm.run(["push", &secured, "harbor-master-0.1.0+build.5.tgz", &format!("oci://{}/{charts}", registry.host)])?;
    let (digest, manifest) = registry.expect_complete(&repository, tag)?;
    ensure!(manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json", "{manifest}");
    ensure!(manifest["layers"][0]["digest"] == sha256(&archive), "{manifest}");
    ensure!(registry.tags(&repository)? == [tag]);

    let pull = |place: &str, arguments: &[&str]| -> Result<Vec<u8>> {
        let directory = registry.directory().join(place);
        fs::create_dir(&directory)?;
        helm.run([&["pull", &secured, "--destination", place], arguments].concat())?;
        let file = fs::read_dir(directory)?.next().context("helm pulled nothing")??;
        Ok(fs::read(file.path())?)
    };
    ensure!(pull("by-tag", &[&name, "--version", "0.1.0+build.5"])? == archive);
    ensure!(pull("by-digest", &[&format!("{name}@{digest}")])? == archive);
    let values = helm.run(["show", "values", &secured, &name, "--version", "0.1.0+build.5"])?;
    ensure!(values.trim() == "replicas: 2", "{values}");

    // Helm has no command that deletes: any client does it by digest.
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{digest}"))?.status == 202);
    helm.refused(["pull", &secured, &name, "--version", "0.1.0+build.5"])?;
    registry.expect_gone(&repository, tag)
}

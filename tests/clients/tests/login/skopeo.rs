//! skopeo.

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::image::{MultiPlatform, check_layout};
use entrepot_client_tests::tool::Tool;
use entrepot_test_people::PASSWORD;

use crate::{Port, expect_denied, stored, within_a_second};

#[test]
fn logs_in_copies_lists_deletes_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(skopeo) = Tool::find("skopeo", home) else { return Ok(()) };
    let kept = home.join("auth.json");
    let skopeo = skopeo
        .with_arguments(["--insecure-policy"])
        .with_arguments(["--tmpdir".as_ref(), home.as_os_str()])
        .with_variable("REGISTRY_AUTH_FILE", &kept);
    let authority = port.registry.authority_directory().context("no authority")?;
    let secured = |prefix: &str| format!("--{prefix}cert-dir={}", authority.display());
    let host = port.registry.host.as_str();
    let image = MultiPlatform::new("skopeo")?;
    image.write_layout(&home.join("pushed"), "v1")?;
    let place = |repository: &str| format!("docker://{}:v1", port.name(repository));
    let push = |repository: &str| {
        ["copy".to_owned(), "--all".to_owned(), secured("dest-"), "oci:pushed:v1".to_owned(), place(repository)]
    };

    expect_denied(&skopeo.failure(push("ann/app"))?)?;
    expect_denied(&skopeo.failure(["login", &secured(""), "--username=ann", "--password=wrong", host])?)?;
    for (number, (username, secret, repository)) in port.credentials().into_iter().enumerate() {
        skopeo.run(["login", &secured(""), "--username", username, "--password", secret, host])?;
        ensure!(stored(&kept, host)?["auth"].is_string());
        skopeo.run(push(repository))?;
        port.registry.expect_manifest(repository, "v1", &image.index)?;
        let pulled = format!("pulled{number}");
        skopeo.run(["copy", "--all", &secured("src-"), &place(repository), &format!("oci:{pulled}:v1")])?;
        check_layout(&home.join(pulled), image.blobs())?;
        let tags = skopeo.run(["list-tags", &secured(""), &format!("docker://{}", port.name(repository))])?;
        ensure!(tags.contains("v1"), "{tags}");
        expect_denied(&skopeo.failure(push("bob/secret"))?)?;
        expect_denied(&skopeo.failure(["inspect", &secured(""), &place("bob/secret")])?)?;
        skopeo.run(["logout", host])?;
    }
    skopeo.run(["login", &secured(""), "--username=ann", "--password", PASSWORD, host])?;
    skopeo.run(["copy", "--all", &secured("src-"), &secured("dest-"), &place("ann/app"), &place("ann/copy")])?;
    port.registry.expect_manifest("ann/copy", "v1", &image.index)?;
    skopeo.run(["delete", &secured(""), &place("ann/copy")])?;
    port.registry.expect_gone("ann/copy", "v1")?;
    skopeo.run(["logout", host])?;

    // Without a store: a name and a token, and a token alone.
    let token = &port.personal.secret;
    skopeo.run(["inspect", "--raw", &secured(""), &format!("--creds=ann:{token}"), &place("ann/app")])?;
    let bearer =
        ["inspect", "--raw", &secured(""), &format!("--registry-token={token}"), &place("ann/app")].map(str::to_owned);
    skopeo.run(&bearer)?;
    port.people.revoke("ann", &port.personal.id)?;
    within_a_second(|| Ok(skopeo.run(&bearer).is_err()))?;
    expect_denied(&skopeo.failure(["inspect", &secured(""), &format!("--creds=ann:{token}"), &place("ann/app")])?)
}

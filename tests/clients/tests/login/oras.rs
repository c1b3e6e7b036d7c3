//! oras.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::tool::Tool;
use entrepot_test_people::PASSWORD;

use crate::{Port, expect_denied, within_a_second};

#[test]
fn logs_in_pushes_copies_lists_and_is_refused() -> Result<()> {
    let Some(port) = Port::open()? else { return Ok(()) };
    let home = port.registry.directory();
    let Some(oras) = Tool::find("oras", home) else { return Ok(()) };
    let authority = port.registry.authority.as_ref().context("no authority")?;
    let secured = |prefix: &str| format!("--{prefix}ca-file={}", authority.display());
    let host = port.registry.host.as_str();
    fs::write(home.join("note.txt"), b"a note, to push\n")?;
    let push = |repository: &str| {
        let name = port.name(&format!("{repository}:note"));
        ["push".to_owned(), secured(""), name, "note.txt:text/plain".to_owned()]
    };

    expect_denied(&oras.failure(push("ann/app"))?)?;
    expect_denied(&oras.failure(["login", &secured(""), "--username=ann", "--password=wrong", host])?)?;
    for (username, secret, repository) in port.credentials() {
        oras.run(["login", &secured(""), "--username", username, "--password", secret, host])?;
        oras.run(push(repository))?;
        port.registry.expect_complete(repository, "note")?;
        let pulled =
            ["pull", &secured(""), "--output=pulled", &port.name(&format!("{repository}:note"))].map(str::to_owned);
        oras.run(&pulled)?;
        ensure!(fs::read(home.join("pulled/note.txt"))? == b"a note, to push\n");
        expect_denied(&oras.failure(push("bob/secret"))?)?;
        expect_denied(&oras.failure(["pull", &secured(""), &port.name("bob/secret:note")])?)?;
        oras.run(["logout", host])?;
    }
    oras.run(["login", &secured(""), "--username=ann", "--password", PASSWORD, host])?;
    let (from, to) = (port.name("ann/app:note"), port.name("ann/copy:note"));
    oras.run(["cp", &secured("from-"), &secured("to-"), &from, &to])?;
    port.registry.expect_complete("ann/copy", "note")?;
    let repositories = oras.run(["repo", "ls", &secured(""), host])?;
    ensure!(repositories.lines().any(|line| line == "ann/copy") && !repositories.contains("bob"), "{repositories}");
    oras.run(["logout", host])?;

    // What docker stores in place of a password.
    oras.run(["login", &secured(""), "--identity-token", &port.identity_token()?, host])?;
    oras.run(push("ann/again"))?;
    port.registry.expect_complete("ann/again", "note")?;
    port.people.set_password("ann", "another password of ann")?;
    let fetch = ["manifest", "fetch", &secured(""), &port.name("ann/again:note")].map(str::to_owned);
    within_a_second(|| Ok(oras.run(&fetch).is_err()))
}

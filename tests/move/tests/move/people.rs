//! People and rules in every table that has them, made by the commands.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::entrepot_binary;

/// Adds `name`, their organization and all that can belong to both, over SQLite in `data` or over PostgreSQL at `url`. New rows need
/// ids that are free, also after a move.
pub(crate) fn settle(data: &Path, url: Option<&str>, name: &str) -> Result<()> {
    let organization = format!("{name}s");
    for command in [
        format!("user create {name} --admin --email {name}@acme.example --password-stdin"),
        format!("org create {organization} --owner {name}"),
        format!("team create {organization} crew"),
        format!("team add {organization} crew {name}"),
        format!("team grant {organization} crew {organization}/* write"),
        format!("team map-group {organization} crew ldap cn=crew"),
        format!("robot create {organization} deploy"),
        format!("robot token {organization} deploy --repository {organization}/app --expires 30d"),
        format!("repo create {organization}/app --visibility public"),
        format!("repo immutable add {organization}/* v*"),
        "keys rotate".to_owned(),
    ] {
        run(data, url, &command)?;
    }
    Ok(())
}

fn run(data: &Path, url: Option<&str>, line: &str) -> Result<()> {
    let mut command = Command::new(entrepot_binary()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
        command.env_remove(name);
    }
    command.args(line.split(' ')).arg("--data-dir").arg(data);
    command.envs(url.map(|url| ("ENTREPOT_DATABASE_URL", url)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // Most of them take nothing, and may have ended.
    let _not_taken = child.stdin.take().context("no standard input")?.write_all(b"landed-and-stored");
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

//! Letters, as the real binary sends them to a real SMTP server.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::servers::{Smtp, SmtpSecurity};
use tempfile::TempDir;

fn run(directory: &TempDir, port: u16, line: &str, input: &str) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.env_clear().args(line.split(' ')).arg("--data-dir").arg(directory.path().join("data"));
    command.env("ENTREPOT_MAIL_HOST", "127.0.0.1").env("ENTREPOT_MAIL_PORT", port.to_string());
    command.env("ENTREPOT_MAIL_SECURITY", "none").env("ENTREPOT_MAIL_FROM", "registry@acme.example");
    command.env("ENTREPOT_HTTP_PUBLIC_URL", "https://registry.acme.example");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

#[test]
fn whose_password_was_changed_is_told() -> Result<()> {
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let directory = TempDir::new()?;
    let takes = |line: &str, input: &str| {
        let output = run(&directory, server.address().port(), line, input)?;
        ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        anyhow::Ok(())
    };
    takes("mail check", "")?;
    takes("user create ann --email ann@acme.example --password-stdin", "landed-and-stored")?;
    takes("user password ann --password-stdin", "stored-and-landed")?;
    let letter = server.wait_for_letter("ann@acme.example")?;
    ensure!(letter.text.contains("ann") && letter.text.contains("password"), "{}", letter.text);
    ensure!(!letter.text.contains("stored-and-landed"), "a letter has no password in it");
    Ok(())
}

#[test]
fn a_mail_server_that_is_away_undoes_nothing() -> Result<()> {
    let directory = TempDir::new()?;
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let check = run(&directory, port, "mail check", "")?;
    ensure!(!check.status.success() && !check.stderr.is_empty());
    ensure!(
        run(&directory, port, "user create ann --email ann@acme.example --password-stdin", "landed-and-stored")?
            .status
            .success()
    );
    ensure!(run(&directory, port, "user password ann --password-stdin", "stored-and-landed")?.status.success());
    Ok(())
}

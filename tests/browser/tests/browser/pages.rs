//! What people do with the pages, each test in a registry of its own.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Registry, get};
use entrepot_test_support::Port;
use entrepot_test_support::servers::{Smtp, SmtpSecurity};
use serde_json::json;

use crate::browser::Browser;

const PASSWORD: &str = "correct horse battery staple";

fn facts(registry: &Registry) -> Result<serde_json::Value> {
    Ok(json!({ "base": format!("http://{}", registry.address()?), "password": PASSWORD }))
}

/// An account, made on the registry's own data.
fn account(registry: &Registry, name: &str, options: &str) -> Result<()> {
    let mut create =
        registry.command(&format!("user create {name} --email {name}@acme.example --password-stdin{options}"));
    let mut child = create.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn the_first_administrator_comes_in_by_the_link_of_the_log() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let mut registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    let line = registry.wait_for_log(|line| line.contains("/link/set-up/"))?;
    let from = line.find("/link/set-up/").context("no link")?;
    let link: String = line[from..].chars().take_while(|letter| letter.is_ascii_graphic() && *letter != '"').collect();
    let mut facts = facts(&registry)?;
    facts["setUp"] = json!(link);
    browser.run("visitors", &facts)?;
    let secret = link.rsplit('/').next().context("no secret")?;
    let later = registry.log();
    ensure!(later.matches(secret).count() <= 1, "the access log has the secret of a link");
    Ok(())
}

#[test]
fn people_change_their_own_accounts() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    account(&registry, "root", " --admin")?;
    account(&registry, "ann", "")?;
    let found = browser.run("people", &facts(&registry)?)?;
    let token = found["token"].as_str().context("no token")?;
    let me =
        registry.ask(&get("/api/v1/me").header("Authorization", format!("Bearer {token}")))?.expect(200)?.json()?;
    ensure!(me.to_string().contains("ann"), "{me}");
    Ok(())
}

#[test]
fn passkeys_let_people_in() -> Result<()> {
    with_passkeys("passkeys")
}

#[test]
fn passkeys_are_added_and_taken_away() -> Result<()> {
    with_passkeys("keys")
}

/// Runs a script in a registry whose name browsers have passkeys for.
fn with_passkeys(script: &str) -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let port = Port::claim()?;
    let base = format!("http://localhost:{}", port.number());
    let registry =
        Registry::at(&port, &[("ENTREPOT_ACCESS_ANONYMOUS", "pull"), ("ENTREPOT_HTTP_PUBLIC_URL", &base)])?;
    account(&registry, "ann", " --admin")?;
    let mut facts = facts(&registry)?;
    facts["elsewhere"] = facts["base"].take();
    facts["base"] = json!(base);
    browser.run(script, &facts)?;
    Ok(())
}

#[test]
fn letters_lead_to_pages() -> Result<()> {
    let (Some(browser), Some(server)) = (Browser::require()?, Smtp::start(SmtpSecurity::Open)?) else {
        return Ok(());
    };
    // The address is only known when it listens, but links have it: they are followed on whatever host.
    let port = server.address().port().to_string();
    let registry = Registry::with(&[
        ("ENTREPOT_ACCESS_ANONYMOUS", "pull"),
        ("ENTREPOT_ACCESS_SIGN_UP", "on"),
        ("ENTREPOT_MAIL_HOST", "127.0.0.1"),
        ("ENTREPOT_MAIL_PORT", &port),
        ("ENTREPOT_MAIL_SECURITY", "none"),
        ("ENTREPOT_MAIL_FROM", "registry@acme.example"),
        ("ENTREPOT_HTTP_PUBLIC_URL", "https://registry.acme.example"),
    ])?;
    account(&registry, "root", " --admin")?;
    let mut facts = facts(&registry)?;
    let link = |to: &str, count: usize| -> Result<String> {
        let letter = server.wait_for_letters(to, count)?.pop().context("no letter")?;
        let link = letter.link().context("no link")?;
        Ok(link.strip_prefix("https://registry.acme.example").context("another host")?.to_owned())
    };
    facts["step"] = json!("ask");
    browser.run("letters", &facts)?;
    facts["signUp"] = json!(link("ben@acme.example", 1)?);
    facts["invitation"] = json!(link("eve@acme.example", 1)?);
    facts["step"] = json!("follow");
    browser.run("letters", &facts)?;
    facts["reset"] = json!(link("ben@acme.example", 2)?);
    facts["step"] = json!("reset");
    browser.run("letters", &facts)?;
    Ok(())
}

#[test]
fn other_sites_can_do_nothing_with_them() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    account(&registry, "ann", " --admin")?;
    browser.run("attacks", &facts(&registry)?)?;
    Ok(())
}

#[test]
fn they_need_no_script() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    account(&registry, "ann", " --admin")?;
    browser.run("plain", &facts(&registry)?)?;
    Ok(())
}

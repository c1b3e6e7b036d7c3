//! What people do with the pages, each test in a registry of its own.

use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use entrepot_test_harness::{Registry, get, post};
use entrepot_test_support::Port;
use entrepot_test_support::servers::{OidcProvider, OidcSettings, Smtp, SmtpSecurity};
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
fn programs_are_let_in_and_turned_away() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let mut registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    account(&registry, "ann", " --admin")?;
    let form = |path: &str, fields: String| {
        let asked = post(path).header("Content-Type", "application/x-www-form-urlencoded").body(fields);
        registry.ask(&asked)?.expect(200)?.json()
    };
    let begin = || form("/device/code", "client_id=acme-tool&label=laptop".to_owned());
    let text = |codes: &serde_json::Value, key: &str| codes[key].as_str().map(str::to_owned).context("no code");
    let (approved, denied) = (begin()?, begin()?);
    let mut facts = facts(&registry)?;
    (facts["approved"], facts["denied"]) = (json!(text(&approved, "user_code")?), json!(text(&denied, "user_code")?));
    // It gets its token while the browser is still there, which looks for it and revokes it.
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let poll = format!("grant_type={grant}&client_id=acme-tool&device_code={}", text(&approved, "device_code")?);
    std::thread::scope(|scope| {
        let polling = scope.spawn(|| -> Result<serde_json::Value> {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(100) {
                let asked =
                    post("/token").header("Content-Type", "application/x-www-form-urlencoded").body(poll.clone());
                let answer = registry.ask(&asked)?;
                if answer.status == 200 {
                    return answer.json();
                }
                sleep(Duration::from_secs(5));
            }
            bail!("nobody lets it in")
        });
        browser.run("devices", &facts)?;
        let given = polling.join().map_err(|_| anyhow!("the program failed"))??;
        ensure!(given["username"] == "ann", "{given}");
        Ok(())
    })?;
    let log = registry.log();
    ensure!(log.contains("/device/approve") && !log.contains(&text(&approved, "user_code")?), "the log has a code");
    Ok(())
}

#[test]
fn owners_look_after_an_organization() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "none")])?;
    account(&registry, "root", " --admin")?;
    account(&registry, "ann", "")?;
    let mut facts = facts(&registry)?;
    facts["step"] = json!("people");
    browser.run("organization", &facts)?;
    facts["step"] = json!("machines");
    let made = browser.run("organization", &facts)?;
    let push = |which: &str| {
        let secret = made[which].as_str().with_context(|| format!("no {which} in {made}"))?;
        registry.ask(&post("/v2/acme/web/blobs/uploads/").header("Authorization", format!("Bearer {secret}")))
    };
    push("robot")?.expect(202)?;
    push("organization")?.expect(202)?;
    push("rotated")?.expect(401)?;
    facts["step"] = json!("end");
    browser.run("organization", &facts)?;
    std::thread::sleep(Duration::from_secs(1));
    push("robot")?.expect(401)?;
    push("organization")?.expect(401)?;
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
        Registry::at(port.address(), &[("ENTREPOT_ACCESS_ANONYMOUS", "pull"), ("ENTREPOT_HTTP_PUBLIC_URL", &base)])?;
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
fn people_come_in_by_the_button_of_their_company() -> Result<()> {
    let Some(browser) = Browser::require()? else { return Ok(()) };
    let port = Port::claim()?;
    // To browsers this is another site than the provider's, which is at 127.0.0.1.
    let base = format!("http://localhost:{}", port.number());
    let settings = OidcSettings {
        algorithm: "ES256",
        in_token: false,
        accounts: r#"{"4711": {"preferred_username": "bea", "name": "Bea Bell", "groups": ["staff"]},
                      "4712": {"preferred_username": "mal", "groups": ["visitors"]}}"#,
    };
    let Some(provider) = OidcProvider::start_for(&settings, &format!("{base}/login/oidc/acme/callback"))? else {
        return Ok(());
    };
    let registry = Registry::at(
        port.address(),
        &[
            ("ENTREPOT_ACCESS_ANONYMOUS", "pull"),
            ("ENTREPOT_HTTP_PUBLIC_URL", &base),
            ("ENTREPOT_OIDC_ACME_LABEL", "Acme"),
            ("ENTREPOT_OIDC_ACME_ISSUER", &provider.issuer()),
            ("ENTREPOT_OIDC_ACME_CLIENT_ID", "post"),
            ("ENTREPOT_OIDC_ACME_CLIENT_SECRET", OidcProvider::SECRET),
            ("ENTREPOT_OIDC_ACME_CLIENT_AUTH", "post"),
            ("ENTREPOT_OIDC_ACME_SCOPES", "profile email groups"),
            ("ENTREPOT_OIDC_ACME_ALLOWED_GROUPS", "staff"),
        ],
    )?;
    account(&registry, "ann", " --admin")?;
    let facts = json!({ "base": base, "issuer": provider.issuer(), "in": "4711", "out": "4712" });
    let found = browser.run("provider", &facts)?;
    let token = found["token"].as_str().context("no token")?;
    let me =
        registry.ask(&get("/api/v1/me").header("Authorization", format!("Bearer {token}")))?.expect(200)?.json()?;
    ensure!(me.to_string().contains("bea"), "{me}");
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

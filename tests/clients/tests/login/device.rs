//! `entrepot login`: docker, podman and skopeo are logged in by somebody with a browser, and never see a password.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::{FILE, Image, tar};
use entrepot_client_tests::tool::Tool;
use entrepot_test_people::PASSWORD;
use entrepot_test_support::Process;
use serde_json::Value;

use crate::browser::Browser;
use crate::{Port, expect_denied, stored, within_a_second};

/// As long as a program waits that asks every five seconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps logins in files, by the protocol of docker's helpers.
const HELPER: &str = r#"#!/bin/sh
set -eu
kept="$HOME/kept"
mkdir -p "$kept"
echo "$1" >> "$HOME/helper.log"
place() { printf %s "$1" | tr -c 'A-Za-z0-9' _; }
case "$1" in
store)
    login=$(cat)
    printf %s "$login" > "$kept/$(place "$(printf %s "$login" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')")" ;;
get)
    file="$kept/$(place "$(cat)")"
    if [ ! -f "$file" ]; then echo "credentials not found in native keychain"; exit 1; fi
    cat "$file" ;;
erase) rm -f "$kept/$(place "$(cat)")" ;;
list) echo '{}' ;;
*) echo "unknown action $1"; exit 1 ;;
esac
"#;

/// The registry's address, and what `entrepot login` and `logout` are given of it.
struct Desk {
    port: Port,
    entrepot: Tool,
    url: String,
    ca_file: String,
}

impl Desk {
    fn open() -> Result<Option<Self>> {
        let Some(port) = Port::open()? else { return Ok(None) };
        let entrepot = Tool::entrepot(port.registry.directory())?;
        let url = format!("https://{}", port.registry.host);
        let ca_file = port.registry.authority.as_ref().context("no authority")?.display().to_string();
        Ok(Some(Self { port, entrepot, url, ca_file }))
    }

    fn home(&self) -> &Path {
        self.port.registry.directory()
    }

    fn config(&self) -> PathBuf {
        self.home().join(".docker/config.json")
    }

    fn arguments<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [rest, &["--ca-file", &self.ca_file, &self.url]].concat()
    }

    /// Begins to log in, and returns where a browser has to go.
    fn begin(&self) -> Result<(Process, String)> {
        let mut command = self.entrepot.command();
        command.args(self.arguments(&["login"]));
        let mut process = Process::start(&mut command, &self.home().join("login.log"))?;
        process.wait_until(PATIENCE, |said| link(said).is_some())?;
        let link = link(&process.output()).context("no link")?;
        Ok((process, link))
    }

    /// Lets in what waits at `link`.
    fn decide(&self, browser: &Browser, link: &str, decision: &str) -> Result<String> {
        let (_, code) = link.split_once("?code=").context("a link without a code")?;
        let page = browser.look(link)?;
        ensure!(page.contains(code) && page.contains("entrepot") && page.contains("127.0.0.1"), "{page}");
        browser.send(link, &format!("/device/{decision}"), &[("code", code)])
    }

    /// Logs in, with a browser.
    fn log_in(&self, browser: &Browser) -> Result<()> {
        let (mut process, link) = self.begin()?;
        self.decide(browser, &link, "approve")?;
        let said = ended(&mut process, true)?;
        ensure!(said.contains(&format!("logged in to {} as ann", self.port.registry.host)), "{said}");
        Ok(())
    }
}

fn link(said: &str) -> Option<String> {
    let line = said.lines().map(str::trim).find(|line| line.starts_with("https://") && line.contains("?code="));
    line.map(str::to_owned)
}

/// What a program has said that ends now, well or not.
fn ended(process: &mut Process, well: bool) -> Result<String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = process.ended()? {
            ensure!(status.success() == well, "{status}: {}", process.output());
            return Ok(process.output());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("it has not ended: {}", process.output())
}

#[test]
fn docker_podman_and_skopeo_are_logged_in_by_a_browser() -> Result<()> {
    let Some(desk) = Desk::open()? else { return Ok(()) };
    let (port, home) = (&desk.port, desk.home());
    let Some(browser) = Browser::logged_in(port, "ann")? else { return Ok(()) };
    let Some(engine) = Engine::docker(home)? else { return Ok(()) };
    let (Some(podman), Some(skopeo)) = (Tool::podman(home)?, Tool::find("skopeo", home)) else { return Ok(()) };
    let docker = &engine.client;
    fs::write(home.join("root.tar"), tar(&[(FILE, b"pushed by who was let in\n".to_vec())]))?;
    docker.run(["import", "root.tar", &port.name("ann/docker:v1")])?;
    expect_denied(&docker.failure(["push", &port.name("ann/docker:v1")])?)?;

    let before =
        "{\n\t\"psFormat\": \"{{.ID}}\",\n\t\"auths\": {\n\t\t\"z.acme.example\": {}\n\t},\n\t\"HttpHeaders\": {}\n}";
    fs::create_dir_all(home.join(".docker"))?;
    fs::write(desk.config(), before)?;
    desk.log_in(&browser)?;
    let after = fs::read_to_string(desk.config())?;
    ensure!(
        after.starts_with("{\n\t\"psFormat\": \"{{.ID}}\",\n\t\"auths\": {\n\t\t\"z.acme.example\": {},"),
        "{after}"
    );
    ensure!(after.ends_with("\n\t},\n\t\"HttpHeaders\": {}\n}"), "{after}");
    ensure!(fs::metadata(desk.config())?.permissions().mode() & 0o777 == 0o600);
    let auth = stored(&desk.config(), &port.registry.host)?["auth"].clone();
    let auth = String::from_utf8(STANDARD.decode(auth.as_str().context("no auth")?)?)?;
    ensure!(auth.starts_with("ann:ept_") && !auth.contains(PASSWORD));

    docker.run(["push", &port.name("ann/docker:v1")])?;
    let (digest, _) = port.registry.expect_complete("ann/docker", "v1")?;
    docker.run(["pull", "--quiet", &format!("{}@{digest}", port.name("ann/docker"))])?;

    let certificates = port.registry.authority_directory().context("no authority")?.display().to_string();
    let secured = format!("--cert-dir={certificates}");
    Image::new("amd64", "podman")?.write_layout(&home.join("layout"), "v1")?;
    let id = podman.run(["pull", "--quiet", "oci:layout:v1"])?.trim().to_owned();
    podman.run(["push", &secured, &id, &port.name("ann/podman:v1")])?;
    podman.run(["pull", "--quiet", &secured, &port.name("ann/podman:v1")])?;

    let skopeo = skopeo.with_arguments(["--insecure-policy"]).with_arguments(["--tmpdir".as_ref(), home.as_os_str()]);
    let (from, to) = (format!("--src-cert-dir={certificates}"), format!("--dest-cert-dir={certificates}"));
    let image = |name: &str| format!("docker://{}", port.name(name));
    skopeo.run(["copy", &from, &to, &image("ann/podman:v1"), &image("ann/skopeo:v1")])?;
    expect_denied(&skopeo.failure(["inspect", &secured, &image("bob/secret:v1")])?)?;

    let said = desk.entrepot.run(desk.arguments(&["logout"]))?;
    ensure!(said.contains("counts no more"), "{said}");
    ensure!(fs::read_to_string(desk.config())? == before, "nothing else has changed");
    // The token itself has ended, too.
    let token = auth.trim_start_matches("ann:");
    let creds = format!("--creds=ann:{token}");
    within_a_second(|| Ok(skopeo.run(["inspect", &secured, &creds, &image("ann/skopeo:v1")]).is_err()))?;
    expect_denied(&docker.failure(["push", &port.name("ann/docker:v1")])?)?;
    expect_denied(&skopeo.failure(["inspect", &secured, &image("ann/skopeo:v1")])?)?;
    let again = desk.entrepot.failure(desk.arguments(&["logout"]))?;
    ensure!(again.contains("nobody is logged in to"), "{again}");
    Ok(())
}

#[test]
fn a_helper_of_docker_keeps_the_login() -> Result<()> {
    let Some(mut desk) = Desk::open()? else { return Ok(()) };
    let home = desk.home().to_owned();
    let Some(browser) = Browser::logged_in(&desk.port, "ann")? else { return Ok(()) };
    let (Some(engine), Some(skopeo)) = (Engine::docker(&home)?, Tool::find("skopeo", &home)) else { return Ok(()) };
    let programs = home.join("programs");
    fs::create_dir(&programs)?;
    let helper = programs.join("docker-credential-acme");
    fs::write(&helper, HELPER)?;
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755))?;
    let mut path = OsString::from(&programs);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    desk.entrepot = desk.entrepot.with_variable("PATH", &path);
    let docker = engine.client.clone().with_variable("PATH", &path);
    let (port, host) = (&desk.port, desk.port.registry.host.clone());
    fs::create_dir_all(home.join(".docker"))?;
    fs::write(home.join("root.tar"), tar(&[(FILE, b"pushed through a helper\n".to_vec())]))?;
    docker.run(["import", "root.tar", &port.name("ann/app:v1")])?;

    // For all registries, as docker alone has it; and for one, as podman and skopeo read it too.
    for config in [r#"{"credsStore":"acme"}"#.to_owned(), format!(r#"{{"credHelpers":{{"{host}":"acme"}}}}"#)] {
        fs::write(desk.config(), &config)?;
        desk.log_in(&browser)?;
        ensure!(stored(&desk.config(), &host)? == Value::Object(serde_json::Map::new()), "no secret is in the file");
        docker.run(["push", &port.name("ann/app:v1")])?;
        if config.contains("credHelpers") {
            let secured =
                format!("--cert-dir={}", port.registry.authority_directory().context("no authority")?.display());
            let skopeo = skopeo.clone().with_variable("PATH", &path);
            skopeo.run([
                "--tmpdir",
                &home.display().to_string(),
                "inspect",
                &secured,
                &format!("docker://{}", port.name("ann/app:v1")),
            ])?;
        }
        desk.entrepot.run(desk.arguments(&["logout"]))?;
        expect_denied(&docker.failure(["push", &port.name("ann/app:v1")])?)?;
        ensure!(fs::read_dir(home.join("kept"))?.next().is_none(), "the helper keeps it");
        let again = desk.entrepot.failure(desk.arguments(&["logout"]))?;
        ensure!(again.contains("nobody is logged in to"), "{again}");
    }
    let log = fs::read_to_string(home.join("helper.log"))?;
    for action in ["store", "get", "erase"] {
        ensure!(log.lines().any(|line| line == action), "{log}");
    }

    // One that does not work is told, and the login ends.
    fs::write(&helper, "#!/bin/sh\necho 'the store is locked'\nexit 1\n")?;
    let (mut process, link) = desk.begin()?;
    desk.decide(&browser, &link, "approve")?;
    let said = ended(&mut process, false)?;
    ensure!(said.contains("docker-credential-acme: the store is locked"), "{said}");
    ensure!(browser.look("/settings/tokens")?.matches("logged in from a browser").count() == 0);
    Ok(())
}

#[test]
fn who_is_turned_away_is_not_logged_in() -> Result<()> {
    let Some(desk) = Desk::open()? else { return Ok(()) };
    let Some(browser) = Browser::logged_in(&desk.port, "ann")? else { return Ok(()) };
    let (mut process, link) = desk.begin()?;
    desk.decide(&browser, &link, "deny")?;
    let said = ended(&mut process, false)?;
    ensure!(said.contains("it was denied in the browser"), "{said}");
    ensure!(!desk.config().exists(), "something is kept");
    Ok(())
}

#[test]
fn a_password_or_token_is_tried_before_it_is_kept() -> Result<()> {
    let Some(desk) = Desk::open()? else { return Ok(()) };
    let (port, authfile) = (&desk.port, desk.home().join("auth.json"));
    let file = authfile.display().to_string();
    let log_in = |secret: &str, rest: &[&str]| -> Result<std::process::Output> {
        let secret_file = desk.home().join("secret");
        fs::write(&secret_file, secret)?;
        let mut command = desk.entrepot.command();
        command.args(desk.arguments(&["login", "--username=ann", "--password-stdin"])).args(rest);
        Ok(command.stdin(fs::File::open(&secret_file)?).output()?)
    };
    let login = |secret: &str| log_in(secret, &["--authfile", &file]);
    let refused = login("wrong\n")?;
    ensure!(!refused.status.success() && !authfile.exists());
    expect_denied(&String::from_utf8_lossy(&refused.stderr).replace("is wrong, or no longer valid", "denied"))?;

    // A password is thrown away for what the registry gives in its place; a token is kept as it is.
    ensure!(login(&format!("{PASSWORD}\n"))?.status.success());
    let kept = stored(&authfile, &port.registry.host)?;
    ensure!(kept["identitytoken"].as_str().is_some_and(|token| token.starts_with("ept_")), "{kept}");
    ensure!(STANDARD.decode(kept["auth"].as_str().unwrap_or_default())? == b"ann:", "{kept}");
    let skopeo = Tool::find("skopeo", desk.home());
    let secured = format!("--cert-dir={}", port.registry.authority_directory().context("no authority")?.display());
    if let Some(skopeo) = &skopeo {
        let list = ["list-tags", "--authfile", &file, &secured];
        let said = skopeo.failure(list.into_iter().chain([format!("docker://{}", port.name("ann/none")).as_str()]))?;
        ensure!(said.contains("name unknown") || said.contains("not found") || said.contains("404"), "{said}");
    }
    let out = ["logout", "--authfile", &file];
    ensure!(desk.entrepot.run(desk.arguments(&out))?.contains("counts no more"));
    ensure!(login(&port.personal.secret)?.status.success());
    let kept = stored(&authfile, &port.registry.host)?;
    ensure!(
        STANDARD.decode(kept["auth"].as_str().unwrap_or_default())?
            == format!("ann:{}", port.personal.secret).as_bytes()
    );
    ensure!(desk.entrepot.run(desk.arguments(&out))?.contains("what was kept is still good"));
    ensure!(login(&port.personal.secret)?.status.success(), "it is");

    // A password that docker has kept is nothing that could be ended.
    let password = desk.home().join("password.json");
    let auth = STANDARD.encode(format!("ann:{PASSWORD}"));
    fs::write(&password, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, port.registry.host))?;
    let said = desk.entrepot.run(desk.arguments(&["logout", "--authfile", &password.display().to_string()]))?;
    ensure!(said.contains("what was kept is still good") && !said.contains("counts no more"), "{said}");
    ensure!(stored(&password, &port.registry.host)?.is_null());

    // podman would not look into docker's file, if there is something in one of its own.
    let others = desk.home().join(".config/containers");
    fs::create_dir_all(&others)?;
    fs::copy(&authfile, others.join("auth.json"))?;
    let warned = log_in(&port.personal.secret, &[])?;
    let said = String::from_utf8_lossy(&warned.stderr);
    ensure!(warned.status.success() && said.contains(&format!("podman logout {}", port.registry.host)), "{said}");
    ensure!(stored(&desk.config(), &port.registry.host)?["auth"].is_string());
    Ok(())
}

#[test]
fn what_cannot_be_logged_in_to_is_said() -> Result<()> {
    let Some(desk) = Desk::open()? else { return Ok(()) };
    let host = desk.port.registry.host.as_str();
    for (arguments, said) in [
        (&["login", "http://registry.acme.example"][..], "is no registry: it has to be https"),
        (&["login", "registry.acme.example/acme"], "is no registry"),
        (&["login", "127.0.0.1:1"], "cannot be reached"),
        // Its certificate is not the system's; and it speaks no plain HTTP.
        (&["login", &desk.url], "cannot be reached"),
        (&["login", host], "write https:// before its name"),
        (&["login", "--password-stdin", host], "--username"),
        (&["login", "--username=ann", "--ca-file", &desk.ca_file, host], "--password-stdin"),
    ] {
        let failure = desk.entrepot.failure(arguments)?;
        ensure!(failure.contains(said), "{arguments:?}: {failure}");
    }
    ensure!(!desk.config().exists());
    Ok(())
}

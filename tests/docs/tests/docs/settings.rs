//! What the pages and the files of `deploy` set is what the program takes.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use entrepot_docs_tests::{Page, pages, root};
use entrepot_test_support::entrepot_binary;
use tempfile::TempDir;

/// Where certificates and secrets are on the pages.
const PLACES: [&str; 2] = ["/etc/entrepot/secrets/", "/etc/entrepot/"];
/// A container's secrets.
const MOUNTED: &str = "/run/secrets/";

/// A directory that stands for those places.
struct Place(TempDir);

impl Place {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let openssl = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"])
            .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(directory.path())
            .output()
            .context("cannot run openssl")?;
        ensure!(openssl.status.success(), "openssl: {}", String::from_utf8_lossy(&openssl.stderr));
        Ok(Self(directory))
    }

    /// `text` with this directory in place of the pages', where every file that it names then is.
    fn here(&self, text: &str) -> Result<String> {
        let here = format!("{}/", self.0.path().display());
        let mut moved = text.replace(MOUNTED, &here);
        for place in PLACES {
            moved = moved.replace(place, &here);
        }
        for (at, _) in moved.match_indices(&here) {
            let name =
                moved[at + here.len()..].split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next();
            let path = self.0.path().join(name.unwrap_or_default());
            if !path.exists() {
                fs::write(path, "secret\n")?;
            }
        }
        Ok(moved)
    }

    /// Whether the program takes it as its configuration.
    fn check(&self, what: &str, toml: &str, environment: &[(String, String)]) -> Result<()> {
        let file = self.0.path().join("registry.toml");
        fs::write(&file, self.here(toml)?)?;
        let mut command = Command::new(entrepot_binary()?);
        command.args(["config", "check", "--config"]).arg(&file).current_dir(self.0.path()).env_clear();
        for (name, value) in environment {
            command.env(name, self.here(value)?);
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{what}:\n{}\n{toml}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

#[test]
fn the_program_takes_what_the_pages_configure() -> Result<()> {
    let place = Place::new()?;
    let mut checked = 0;
    for path in pages()? {
        let page = Page::read(&root(), path)?;
        for fence in page.fences("toml") {
            place.check(&page.path.display().to_string(), &fence, &[])?;
            checked += 1;
        }
    }
    ensure!(checked > 10, "only {checked} pieces of configuration were found");
    Ok(())
}

#[test]
fn the_program_takes_what_deploy_configures() -> Result<()> {
    let place = Place::new()?;
    let read = |path: &str| fs::read_to_string(root().join("deploy").join(path)).with_context(|| path.to_owned());
    place.check("systemd", &read("systemd/registry.toml")?, &[])?;
    let map = read("kubernetes/configmap.yaml")?;
    let (_, inner) = map.split_once("registry.toml: |\n").context("no registry.toml in configmap.yaml")?;
    place.check("kubernetes", inner, &[])?;

    let compose = read("compose/compose.yaml")?;
    let mut environment: Vec<_> = compose.lines().filter_map(variable).collect();
    ensure!(environment.len() > 5, "compose.yaml has only {environment:?}");
    // What the container image and make-secrets set.
    environment.push(("ENTREPOT_LISTEN".to_owned(), "0.0.0.0:5000".to_owned()));
    environment.push(("ENTREPOT_S3_ACCESS_KEY_ID".to_owned(), "id".to_owned()));
    place.check("compose", "", &environment)
}

/// A line of `environment:`.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once(": ")?;
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches('"');
    // ${NAME:-what holds without it}
    let value = value.split_once(":-").map_or(value, |(_, default)| default.trim_end_matches('}'));
    name.starts_with("ENTREPOT_").then(|| (name.to_owned(), value.to_owned()))
}

//! Real clients log in over TLS to a registry where nobody may do anything who has not: with a password, a personal token, a
//! robot's token and an identity token. They push, pull and mount where they may, and are refused where they may not.
//!
//! Each has a home of its own; what it stores there is looked at too.

mod browser;
mod crane;
mod device;
mod docker;
mod helm;
mod oras;
mod podman;
mod skopeo;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_access::{Subject, Visibility};
use entrepot_client_tests::registry::Registry;
use entrepot_test_people::{PASSWORD, People, Token};
use serde_json::Value;

/// Ann has her own namespace and may push to acme/app; acme has a robot that may push to acme/app alone. bob/secret is there and
/// is nobody's business.
struct Port {
    registry: Registry,
    people: People,
    personal: Token,
    robot: Token,
}

/// The robot's name.
const ROBOT: &str = "acme+deploy";

impl Port {
    fn open() -> Result<Option<Self>> {
        let Some(registry) = Registry::guarded()? else { return Ok(None) };
        let people = People::of(&registry.data())?;
        people.administrator("root")?;
        people.person("ann")?;
        people.person("bob")?;
        people.organization("acme", "root", &["ann"])?;
        people.give(Subject::Account("ann".parse()?), "acme/app", "write")?;
        let robot = people.robot("acme", "deploy", "acme/app", "write")?;
        let personal = people.token("ann", "pull push delete", &[])?;
        people.repository("bob/secret", Visibility::Private)?;
        let registry = registry.asking_as("root", PASSWORD);
        Ok(Some(Self { registry, people, personal, robot }))
    }

    /// A name of a repository as clients take it.
    fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.registry.host)
    }

    /// What a client may show, and a repository to which that may push.
    fn credentials(&self) -> [(&'static str, &str, &'static str); 3] {
        [
            ("ann", PASSWORD, "ann/app"),
            ("ann", &self.personal.secret, "acme/app"),
            (ROBOT, &self.robot.secret, "acme/app"),
        ]
    }

    /// What may be shown in place of ann's password, as docker asks for it.
    fn identity_token(&self) -> Result<String> {
        let form = [
            ("grant_type", "password"),
            ("service", "entrepot"),
            ("client_id", "docker"),
            ("access_type", "offline"),
            ("username", "ann"),
            ("password", PASSWORD),
        ];
        let granted = self.registry.token(&form)?;
        Ok(granted["refresh_token"].as_str().context("no refresh token")?.to_owned())
    }
}

/// What a client has stored under `file` for `host`.
fn stored(file: &Path, host: &str) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let all: Value = serde_json::from_str(&text)?;
    Ok(all["auths"][host].clone())
}

/// Checks that a client was told, in the registry's own words, that it may not.
fn expect_denied(said: &str) -> Result<()> {
    let words = [
        "denied",
        "unauthorized",
        "forbidden",
        "403",
        "401",
        "may not",
        "authentication required",
        "invalid username/password",
    ];
    ensure!(words.iter().any(|word| said.to_lowercase().contains(word)), "it fails for another reason: {said}");
    Ok(())
}

/// Waits a second at most until `done`: what was taken away is gone by then.
fn within_a_second(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    loop {
        let asked = start.elapsed();
        if done()? {
            return Ok(());
        }
        ensure!(asked < Duration::from_secs(1), "it still works after {asked:?}");
        sleep(Duration::from_millis(100));
    }
}

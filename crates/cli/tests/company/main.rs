//! People of a company's directory and jobs of a CI service, as they log in to the real binary.

mod browser;
mod providers;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Registry, get, push};
use entrepot_test_support::TlsFiles;
use entrepot_test_support::servers::{OidcProvider, OidcSettings, Slapd};
use serde_json::{Value, json};
use tempfile::TempDir;

const AUDIENCE: &str = "registry.acme.example";
/// How long a change may take to be noticed; the directory is looked at every second here.
const SOON: Duration = Duration::from_secs(20);
const CONTENTS: &str = "
dn: dc=acme,dc=example
objectClass: organization
objectClass: dcObject
o: acme

dn: cn=entrepot,dc=acme,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: reads-all-of-it

dn: ou=people,dc=acme,dc=example
objectClass: organizationalUnit

dn: ou=groups,dc=acme,dc=example
objectClass: organizationalUnit

dn: uid=alice,ou=people,dc=acme,dc=example
objectClass: inetOrgPerson
cn: Alice Ames
sn: Ames
mail: alice@acme.example
userPassword: wonder-land

dn: cn=engineers,ou=groups,dc=acme,dc=example
objectClass: groupOfNames
member: uid=alice,ou=people,dc=acme,dc=example

dn: cn=developers,ou=groups,dc=acme,dc=example
objectClass: groupOfNames
member: cn=engineers,ou=groups,dc=acme,dc=example
";

/// The output of a command on the data of `directory`, and whether it succeeded.
fn run(directory: &TempDir, settings: &[(&str, &str)], line: &[&str]) -> Result<(bool, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.env_clear().envs(settings.iter().copied()).args(line);
    let output = command.arg("--data-dir").arg(directory.path().join("data")).output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

fn takes(directory: &TempDir, settings: &[(&str, &str)], line: &str) -> Result<String> {
    let (succeeded, text) = run(directory, settings, &line.split(' ').collect::<Vec<_>>())?;
    ensure!(succeeded, "{line}: {text}");
    Ok(text)
}

fn certificate(directory: &TempDir) -> Result<TlsFiles> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let files = TlsFiles { cert: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
    fs::write(&files.cert, made.cert.pem())?;
    fs::write(&files.key, made.signing_key.serialize_pem())?;
    Ok(files)
}

#[test]
fn people_of_a_directory_log_in_and_their_teams_follow_its_groups() -> Result<()> {
    let files = TempDir::new()?;
    let Some(mut slapd) = Slapd::start(&certificate(&files)?, CONTENTS)? else { return Ok(()) };
    let url = format!("ldap://{}", slapd.address());
    let password = files.path().join("password");
    fs::write(&password, "reads-all-of-it\n")?;
    let password = password.to_string_lossy().into_owned();
    let settings = [
        ("ENTREPOT_ACCESS_ANONYMOUS", "none"),
        ("ENTREPOT_LDAP_URLS", url.as_str()),
        ("ENTREPOT_LDAP_BIND_DN", Slapd::SERVICE_DN),
        ("ENTREPOT_LDAP_BIND_PASSWORD_FILE", password.as_str()),
        ("ENTREPOT_LDAP_USER_BASE", "ou=people,dc=acme,dc=example"),
        ("ENTREPOT_LDAP_GROUP_BASE", "ou=groups,dc=acme,dc=example"),
        ("ENTREPOT_LDAP_SYNC_INTERVAL", "1s"),
        // No more does this server give.
        ("ENTREPOT_LDAP_PAGE_SIZE", "10"),
    ];
    let data = TempDir::new()?;
    takes(&data, &settings, "ldap check")?;
    let password = files.path().join("ann");
    fs::write(&password, "landed-and-stored")?;
    takes(&data, &settings, &format!("user create ann --admin --password-file {}", password.display()))?;
    takes(&data, &settings, "org create acme --owner ann")?;
    takes(&data, &settings, "team create acme developers")?;
    takes(&data, &settings, "team grant acme developers acme/app write")?;
    takes(&data, &settings, "team map-group acme developers ldap developers")?;
    let registry = Registry::of(env!("CARGO_BIN_EXE_entrepot").as_ref(), &settings, data)?;

    // In developers through engineers.
    registry.ask(&push("acme/app", "alice", "wonder-land"))?.expect(202)?;
    registry.ask(&push("acme/other", "alice", "wonder-land"))?.expect(403)?;
    for (name, secret) in [("alice", "wonder-lanc"), ("alice", ""), ("nobody", "wonder-land"), ("*", "wonder-land")] {
        registry.ask(&push("acme/app", name, secret))?.expect(401)?;
    }

    // Out of the group, out of the team, with nobody logging in.
    slapd.change(
        "dn: cn=developers,ou=groups,dc=acme,dc=example\nchangetype: modify\nreplace: member\nmember: cn=nobody\n",
    )?;
    registry.becomes(&push("acme/app", "alice", "wonder-land"), 403, SOON)?;

    // Without the directory those who are known here go on, and nobody else gets in.
    slapd.stop();
    registry.ask(&push("acme/app", "ann", "landed-and-stored"))?.expect(202)?;
    let away = registry.ask(&push("acme/app", "bob", "whatever-it-is"))?.expect(503)?;
    ensure!(away.text().contains("directory"), "{}", away.text());
    slapd.start_again()?;

    // Gone there, disabled here.
    slapd.change("dn: uid=alice,ou=people,dc=acme,dc=example\nchangetype: delete\n")?;
    registry.becomes(&get("/v2/").basic("alice", "wonder-land"), 401, SOON)
}

fn job(issuer: &str, changes: &Value) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut claims = json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "repo:acme/app:ref:refs/heads/main", "iat": now, "exp": now + 300,
        "repository": "acme/app", "ref": "refs/heads/main",
    });
    let all = claims.as_object_mut().context("an object")?;
    all.extend(changes.as_object().context("an object")?.clone());
    Ok(claims.to_string())
}

#[test]
fn jobs_come_in_with_the_token_of_their_service() -> Result<()> {
    let accounts = OidcSettings { algorithm: "ES256", in_token: false, accounts: "{}" };
    let Some(provider) = OidcProvider::start(&accounts)? else { return Ok(()) };
    let issuer = provider.issuer();
    let settings = [("ENTREPOT_ACCESS_ANONYMOUS", "none")];
    let data = TempDir::new()?;
    let files = TempDir::new()?;
    let password = files.path().join("ann");
    fs::write(&password, "landed-and-stored")?;
    takes(&data, &settings, &format!("user create ann --admin --password-file {}", password.display()))?;
    takes(&data, &settings, "org create acme --owner ann")?;
    let place = data.path().join("data");
    let add = format!(
        "ci add acme --issuer {issuer} --audience {AUDIENCE} --claim repository=acme/app --claim ref=refs/heads/main \
         --scope pull,push --repository acme/app"
    );
    takes(&data, &settings, &add)?;
    let mut registry = Registry::of(env!("CARGO_BIN_EXE_entrepot").as_ref(), &settings, data)?;
    let operator = |line: &[&str]| -> Result<(bool, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        let output = command.env_clear().envs(settings).args(line).arg("--data-dir").arg(&place).output()?;
        Ok((output.status.success(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };

    let token = provider.sign(&job(&issuer, &json!({}))?)?;
    registry.ask(&push("acme/app", "acme", &token))?.expect(202)?;
    registry.ask(&push("acme/other", "acme", &token))?.expect(403)?;
    registry.ask(&push("acme/app", "ann", &token))?.expect(401)?;

    // What nearly matches is refused, and explained.
    let nearly = provider.sign(&job(&issuer, &json!({ "ref": "refs/heads/main-2" }))?)?;
    registry.ask(&push("acme/app", "acme", &nearly))?.expect(401)?;
    let file = files.path().join("token");
    fs::write(&file, &nearly)?;
    let (let_in, text) = operator(&["ci", "test", "acme", "--job-token-file", &file.to_string_lossy()])?;
    ensure!(!let_in && text.contains("ref is refs/heads/main-2, the rule wants refs/heads/main"), "{text}");
    // Its owner hears the same over the network, and the token is written down nowhere.
    let (_, made) = operator(&["token", "create", "--user", "ann", "--scope", "admin"])?;
    let owner = made.lines().find(|line| line.starts_with("ept_")).context("no token")?;
    let elsewhere = |namespace: &str, shown: &Path| -> Result<(Option<i32>, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.env_clear().env("ENTREPOT_TOKEN", owner).args(["ci", "test", namespace, "--job-token-file"]).arg(shown);
        let output = command.args(["--server", &format!("http://{}", registry.address()?)]).output()?;
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    ensure!(elsewhere("acme", &file)? == (Some(1), text));
    let good = files.path().join("good");
    fs::write(&good, &token)?;
    let (code, text) = elsewhere("acme", &good)?;
    ensure!(code == Some(0) && text.ends_with(" lets it in\n"), "{text}");
    let (code, text) = elsewhere("ann", &good)?;
    ensure!(code == Some(1) && text.contains("no rule is about that issuer"), "{text}");
    for changes in [json!({ "aud": "somebody-else" }), json!({ "exp": 1 }), json!({ "repository": ["acme/app"] })] {
        let refused = provider.sign(&job(&issuer, &changes)?)?;
        registry.ask(&push("acme/app", "acme", &refused))?.expect(401)?;
    }

    // Keys that change in the middle: the new one is fetched.
    provider.rotate()?;
    let after = provider.sign(&job(&issuer, &json!({}))?)?;
    registry.becomes(&push("acme/app", "acme", &after), 202, SOON)?;

    // Without the rule nobody comes in, whatever is remembered.
    let (_, rules) = operator(&["ci", "list", "acme", "--json"])?;
    let rule: Value = serde_json::from_str(rules.trim())?;
    let id = rule["id"].as_str().context("a rule has an id")?;
    ensure!(operator(&["ci", "remove", "acme", id])?.0);
    registry.becomes(&push("acme/app", "acme", &after), 401, SOON)?;
    let log = registry.log();
    ensure!(!log.contains(&nearly) && !log.contains(&token), "a job's token is in the log");
    Ok(())
}

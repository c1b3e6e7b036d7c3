//! The commands on accounts, as the real binary runs them beside a real registry.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Registry, get, post, push};
use entrepot_test_support::{Postgres, skip};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a running registry may go without taking notice.
const A_SECOND: Duration = Duration::from_secs(1);
const PASSWORD: &str = "landed-and-stored";

/// Somebody at the registry's machine.
struct Operator {
    data: PathBuf,
    settings: Vec<(String, String)>,
}

impl Operator {
    fn at(directory: &Path, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { data: directory.join("data"), settings }
    }

    /// Runs `line`, a command without quotes in it, with `input` as its standard input.
    fn run(&self, line: &str, input: &str) -> Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.env_clear().args(line.split(' ')).arg("--data-dir").arg(&self.data);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // A command that takes nothing may have ended.
        let _refused = child.stdin.take().context("no standard input")?.write_all(input.as_bytes());
        Ok(child.wait_with_output()?)
    }

    /// The standard output of a command that must succeed.
    fn prints(&self, line: &str) -> Result<String> {
        self.takes(line, "")
    }

    fn takes(&self, line: &str, input: &str) -> Result<String> {
        let output = self.run(line, input)?;
        ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The standard error of a command that must fail with this exit code, with nothing on its standard output.
    fn fails(&self, line: &str, code: i32) -> Result<String> {
        let output = self.run(line, "")?;
        ensure!(output.status.code() == Some(code), "{line}: {:?}", output.status);
        ensure!(output.stdout.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
        Ok(String::from_utf8(output.stderr)?)
    }

    /// The objects that a list prints.
    fn objects(&self, line: &str) -> Result<Vec<Value>> {
        self.prints(&format!("{line} --json"))?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    fn create(&self, name: &str, flags: &str) -> Result<()> {
        self.takes(&format!("user create {name} --password-stdin{flags}"), &format!("{PASSWORD}\n")).map(drop)
    }
}

fn serve(directory: TempDir, settings: &[(&str, &str)]) -> Result<Registry> {
    Registry::of(Path::new(env!("CARGO_BIN_EXE_entrepot")), settings, directory)
}

/// From the first administrator to a robot whose token is revoked, beside a registry with these settings.
fn a_team_lives_in_it(settings: &[(&str, &str)]) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let operator = Operator::at(directory.path(), settings);
    // Before there is a registry at all.
    operator.create("ann", " --admin")?;
    let registry = serve(directory, settings)?;
    registry.ask(&get("/v2/").basic("ann", PASSWORD))?.expect(200)?;
    registry.ask(&get("/v2/").basic("ann", "landed-and-storee"))?.expect(401)?;
    registry.ask(&get("/v2/"))?.expect(401)?;

    // All else while it runs.
    operator.create("ben", "")?;
    registry.becomes(&get("/v2/").basic("ben", PASSWORD), 200, A_SECOND)?;
    registry.ask(&push("acme/web-shop", "ben", PASSWORD))?.expect(403)?;
    operator.prints("org create acme --owner ann")?;
    operator.prints("team create acme web --description pages")?;
    operator.prints("team add acme web ben")?;
    operator.prints("team grant acme web acme/web-* write")?;
    registry.becomes(&push("acme/web-shop", "ben", PASSWORD), 202, A_SECOND)?;
    registry.ask(&push("acme/payroll", "ben", PASSWORD))?.expect(403)?;
    operator.prints("team revoke acme web acme/web-*")?;
    registry.becomes(&push("acme/web-shop", "ben", PASSWORD), 403, A_SECOND)?;
    operator.prints("repo grant acme/web-shop ben read")?;
    let tags = get("/v2/acme/web-shop/manifests/v1").basic("ben", PASSWORD);
    registry.becomes(&tags, 404, A_SECOND)?;

    operator.prints("robot create acme deploy")?;
    operator.prints("robot grant acme deploy acme/web-shop write")?;
    let secret = operator.prints("robot token acme deploy --scope pull,push --expires 30d")?;
    let robot = push("acme/web-shop", "acme+deploy", secret.trim());
    registry.becomes(&robot, 202, A_SECOND)?;
    let tokens = operator.objects("token list --robot acme+deploy")?;
    let id = tokens.first().and_then(|token| token["id"].as_str()).context("no token")?;
    let renewed = operator.prints(&format!("token rotate --robot acme+deploy {id}"))?;
    registry.becomes(&robot, 401, A_SECOND)?;
    let robot = push("acme/web-shop", "acme+deploy", renewed.trim());
    registry.becomes(&robot, 202, A_SECOND)?;
    operator.prints(&format!("token revoke --robot acme+deploy {id}"))?;
    registry.becomes(&robot, 401, A_SECOND)?;

    operator.prints("user disable ben")?;
    registry.becomes(&get("/v2/").basic("ben", PASSWORD), 401, A_SECOND)?;
    operator.prints("user enable ben")?;
    operator.takes("user password ben --password-stdin", "stored-and-sent-on")?;
    registry.becomes(&get("/v2/").basic("ben", "stored-and-sent-on"), 200, A_SECOND)?;
    registry.ask(&get("/v2/").basic("ben", PASSWORD))?.expect(401)?;
    let link = operator.prints("user reset-link ben")?;
    let secret = link.strip_prefix("/link/reset/").context("a link of no address")?.trim();
    let reset = json!({ "secret": secret, "password": "landed-once-more" }).to_string();
    let reset = post("/api/v1/links/reset").header("Content-Type", "application/json").body(reset);
    registry.ask(&reset)?.expect(200)?;
    registry.becomes(&get("/v2/").basic("ben", "landed-once-more"), 200, A_SECOND)?;
    operator.prints("keys rotate --at-once").map(drop)
}

#[test]
fn a_team_lives_in_it_over_sqlite() -> Result<()> {
    a_team_lives_in_it(&[("ENTREPOT_ACCESS_ANONYMOUS", "none")])
}

#[test]
fn a_team_lives_in_it_over_postgresql() -> Result<()> {
    let Some(postgres) = Postgres::shared()? else {
        skip("PostgreSQL is not here");
        return Ok(());
    };
    let url = postgres.database()?;
    a_team_lives_in_it(&[("ENTREPOT_ACCESS_ANONYMOUS", "none"), ("ENTREPOT_DATABASE_URL", &url)])
}

#[test]
fn a_start_says_how_to_make_the_first_account() -> Result<()> {
    for (anonymous, said) in [("none", true), ("pull", true), ("push", false)] {
        let mut registry = serve(tempfile::tempdir()?, &[("ENTREPOT_ACCESS_ANONYMOUS", anonymous)])?;
        registry.wait_for_log(|line| line.contains("entrepot listens on"))?;
        registry.ask(&get("/readyz"))?.expect(200)?;
        if said {
            registry.wait_for_log(|line| line.contains("entrepot user create NAME --admin"))?;
        } else {
            ensure!(!registry.log().contains("user create"), "{anonymous}: {}", registry.log());
        }
    }
    Ok(())
}

#[test]
fn a_password_is_never_an_argument() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let operator = Operator::at(directory.path(), &[]);
    let says = operator.fails("user create ann", 1)?;
    ensure!(says.contains("--password-stdin") && says.contains("--password-file"), "{says}");
    operator.fails("user create ann --password landed-and-stored", 2)?;
    let short = operator.run("user create ann --password-stdin", "short")?;
    ensure!(short.status.code() == Some(1));
    ensure!(String::from_utf8(short.stderr)?.contains("it has to have 8 characters"));
    let missing = operator.fails("user create ann --password-file nowhere", 1)?;
    ensure!(missing.starts_with("entrepot: cannot take the password from nowhere: No such file"), "{missing}");
    ensure!(operator.objects("user list")?.is_empty());
    operator.create("ann", "")?;
    let again = operator.run("user create ann --password-stdin", PASSWORD)?;
    ensure!(String::from_utf8(again.stderr)? == "entrepot: there is already a person or organization ann\n");
    Ok(())
}

#[test]
fn an_htpasswd_file_is_taken_over_as_often_as_one_likes() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let operator = Operator::at(directory.path(), &[("ENTREPOT_ACCESS_ANONYMOUS", "none")]);
    operator.create("ann", " --admin")?;
    operator.prints("org create acme --owner ann")?;
    let hash = bcrypt::hash("correct-horse", 5)?.replacen("$2b$", "$2y$", 1);
    let file = directory.path().join("htpasswd");
    let lines = format!("# people\n\nben:{hash}\nAnn:{hash}\neva:$apr1$x$y\nno colon\nacme:{hash}\nann:{hash}\r\n");
    std::fs::write(&file, lines)?;
    let import = format!("user import-htpasswd {}", file.display());
    for summary in
        ["1 accounts made, 1 were there, 4 lines not taken\n", "0 accounts made, 2 were there, 4 lines not taken\n"]
    {
        let output = operator.run(&import, "")?;
        ensure!(output.status.code() == Some(1));
        ensure!(String::from_utf8(output.stdout)? == summary);
        let refused = String::from_utf8(output.stderr)?;
        for reason in [
            "htpasswd:4: not taken: \"Ann\" cannot be the name of an account",
            "htpasswd:5: not taken: the password of eva: it has to be a bcrypt hash",
            "htpasswd:6: not taken: it is not of the form name:hash",
            "htpasswd:7: not taken: acme is an organization",
        ] {
            ensure!(refused.contains(reason), "{refused}");
        }
    }
    std::fs::write(&file, format!("ben:{hash}\n"))?;
    ensure!(operator.prints(&import)? == "0 accounts made, 1 were there, 0 lines not taken\n");
    let registry = serve(directory, &[("ENTREPOT_ACCESS_ANONYMOUS", "none")])?;
    registry.ask(&get("/v2/").basic("ben", "correct-horse"))?.expect(200)?;
    registry.ask(&get("/v2/").basic("ann", PASSWORD))?.expect(200)?;
    Ok(())
}

#[test]
fn an_explanation_names_the_rule_and_what_would_grant_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let operator = Operator::at(directory.path(), &[("ENTREPOT_ACCESS_ANONYMOUS", "pull")]);
    operator.create("ann", "")?;
    operator.create("ben", "")?;
    operator.prints("org create acme --owner ann")?;
    operator.prints("repo create acme/app --visibility public")?;
    let owner = operator.prints("access explain --as ann delete acme/app")?;
    let expected = "ann may delete from acme/app, which takes the role write\n  \
                    admin: owners of acme may do everything in it\n  read: the repository is public\n";
    ensure!(owner == expected, "{owner}");
    ensure!(operator.prints("access explain pull acme/app")?.contains("read: the repository is public"));

    let denied = operator.run("access explain --as ben push acme/app", "")?;
    ensure!(denied.status.code() == Some(1) && denied.stderr.is_empty());
    let denied = String::from_utf8(denied.stdout)?;
    let remedy = "repo grant acme/app ben write";
    ensure!(denied.starts_with("ben may not push to acme/app") && denied.contains(remedy), "{denied}");
    // What would grant it does.
    operator.prints(remedy)?;
    let json = operator.objects("access explain --as ben push acme/app")?;
    ensure!(json[0]["allowed"] == true && json[0]["reasons"][0]["role"] == "write", "{json:?}");

    // The registry's own namespace is governed likewise.
    let library = String::from_utf8(operator.run("access explain --as ben push hello-world", "")?.stdout)?;
    let remedy = "repo grant hello-world ben write";
    ensure!(library.contains(remedy) && !library.contains("team"), "{library}");
    operator.prints(remedy)?;
    operator.prints("access explain --as ben push hello-world")?;

    ensure!(operator.fails("access explain --as eva push acme/app", 2)?.contains("there is no account eva"));
    operator.fails("access explain --as ben fly acme/app", 2).map(drop)
}

#[test]
fn lists_have_everything_for_people_and_for_programs() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let operator = Operator::at(directory.path(), &[]);
    operator.create("ann", " --admin --email ann@acme.example")?;
    operator.create("ben", "")?;
    operator.prints("org create acme --owner ann")?;
    operator.prints("org member add acme ben")?;
    operator.prints("org visibility acme public")?;
    operator.prints("repo create acme/app")?;
    operator.prints("repo immutable add acme/* v*")?;
    operator.prints("team create acme web")?;
    operator.prints("team map-group acme web ldap cn=web,dc=acme")?;
    operator.prints("robot create ben backup")?;

    let table = operator.prints("user list")?;
    let mut lines = table.lines();
    ensure!(lines.next().is_some_and(|line| line.starts_with("NAME  ADMINISTRATOR  DISABLED  EMAIL")), "{table}");
    ensure!(
        lines.next().is_some_and(|line| line.starts_with("ann   yes            -         ann@acme.example")),
        "{table}"
    );
    for (list, expected) in [
        ("user list", r#"[{"name":"ann","administrator":true},{"name":"ben","administrator":false,"email":null}]"#),
        ("user show ben", r#"[{"name":"ben","disabled":false,"source":"local"}]"#),
        ("org list", r#"[{"name":"acme","default_visibility":"public"}]"#),
        ("org show acme", r#"[{"name":"acme"}]"#),
        ("org member list acme", r#"[{"account":"ann","role":"owner"},{"account":"ben","role":"member"}]"#),
        ("team list acme", r#"[{"name":"web"}]"#),
        ("team members acme web", "[]"),
        ("team groups acme web", r#"[{"source":"ldap","group":"cn=web,dc=acme"}]"#),
        ("robot list ben", r#"[{"name":"ben+backup","disabled_at":null}]"#),
        ("repo list acme", r#"[{"name":"acme/app","visibility":"public"}]"#),
        ("repo immutable list acme", r#"[{"repositories":"acme/*","tags":"v*"}]"#),
        ("audit --target ben+backup", r#"[{"actor":"(operator)","action":"robot.create","allowed":true}]"#),
        ("audit --since 1h --limit 1", r#"[{"action":"robot.create"}]"#),
    ] {
        let expected: Vec<Value> = serde_json::from_str(expected)?;
        let found = operator.objects(list)?;
        ensure!(found.len() == expected.len(), "{list}: {found:?}");
        for (found, expected) in found.iter().zip(&expected) {
            for (name, value) in expected.as_object().context("no object")? {
                ensure!(&found[name] == value, "{list}: {found}");
            }
        }
    }
    let last = operator.fails("user demote ann", 1)?;
    ensure!(last.contains("the only administrator"), "{last}");
    operator.prints("user promote ben")?;
    operator.prints("user demote ann")?;
    operator.prints("user to-organization ann --owner ben").map(drop)
}

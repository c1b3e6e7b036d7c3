//! Each family of commands, once beside the data of one registry and once with the token of another's administrator. Both print the
//! same, but for what cannot be the same.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::place::{Place, Printed, ROOT};

/// A command, and its exit code. `{id}` is the last id that was printed.
type Line = (&'static str, i32);

const USER: &[Line] = &[
    ("user create ann --password-file {files}/password --email ann@acme.example", 0),
    ("user create ann --password-file {files}/password", 1),
    ("user create eva --admin --password-file {files}/password", 0),
    ("user create ben --password-file {files}/job-token-that-is-not-there", 1),
    ("user create dan --password-file {files}/password --email nowhere", 1),
    ("user list --json", 0),
    ("user show ann --json", 0),
    ("user show nobody", 1),
    ("user password ann --password-file {files}/other-password", 0),
    ("user password nobody --password-file {files}/password", 1),
    ("user reset-link ann", 0),
    ("user reset-link nobody", 1),
    ("user reset-second-factor ann", 1),
    ("user reset-second-factor nobody", 1),
    ("user disable ann", 0),
    ("user reset-link ann", 1),
    ("user show ann --json", 0),
    ("user enable ann", 0),
    ("user promote ann", 0),
    ("user demote ann", 0),
    ("user demote nobody", 1),
];

const ORG: &[Line] = &[
    ("org create acme --owner ann", 0),
    ("org create acme --owner ann", 1),
    ("org create other --owner nobody", 1),
    ("org list", 0),
    ("org show acme --json", 0),
    ("org show nobody", 1),
    ("org member add acme eva", 0),
    ("org member add acme nobody", 1),
    ("org member list acme", 0),
    ("org member list acme --json", 0),
    ("org member add acme eva --role owner", 0),
    ("org member remove acme eva", 0),
    ("org member remove acme eva", 1),
    ("org invite acme eva --role owner", 0),
    ("org invitations acme --json", 0),
    ("org uninvite acme {id}", 0),
    ("org uninvite acme {id}", 1),
    ("org invitations acme", 0),
    ("org invite acme ann", 1),
    ("org invite acme nobody", 1),
    ("org invite acme eva --team nobody", 1),
    ("org invite acme eva@acme.example", 1),
    ("org invite acme Eva", 2),
    ("org visibility acme public", 0),
    ("org show acme --json", 0),
];

const TEAM: &[Line] = &[
    ("team create acme web --description pages", 0),
    ("team create acme web", 1),
    ("team create nobody web", 1),
    ("team list acme", 0),
    ("team add acme web eva", 0),
    ("team members acme web", 0),
    ("team members acme nobody", 1),
    ("team map-group acme web ldap cn=web,ou=groups&x,dc=acme", 0),
    ("team groups acme web", 0),
    ("team groups acme web --json", 0),
    ("team unmap-group acme web ldap cn=web,ou=groups&x,dc=acme", 0),
    ("team unmap-group acme web ldap cn=web,ou=groups&x,dc=acme", 1),
    ("team groups acme web", 0),
    ("team grant acme web acme/web-* write", 0),
    ("team grant acme web other/* write", 1),
    ("team grants acme web", 0),
    ("team revoke acme web acme/web-*", 0),
    ("team revoke acme web acme/web-*", 1),
    ("team grants acme web --json", 0),
    ("team remove-member acme web eva", 0),
    ("team remove-member acme web eva", 1),
    ("team remove acme web", 0),
    ("team remove acme web", 1),
];

const ROBOT: &[Line] = &[
    ("robot create acme deploy --description cluster", 0),
    ("robot create acme deploy", 1),
    ("robot list acme", 0),
    ("robot grant acme deploy acme/app write", 0),
    ("robot grants acme deploy", 0),
    ("robot revoke acme deploy acme/app", 0),
    ("robot disable acme deploy", 0),
    ("robot list acme --json", 0),
    ("robot enable acme deploy", 0),
    ("robot token acme deploy --scope pull,push --expires 30d", 0),
    ("token list --robot acme+deploy --json", 0),
    ("token rotate --robot acme+deploy {id}", 0),
    ("token revoke --robot acme+deploy {id}", 0),
    ("robot remove acme deploy", 0),
    ("robot remove acme deploy", 1),
    ("robot token acme deploy", 1),
];

const TOKEN: &[Line] = &[
    ("token create --user ann --scope pull,push --expires 30d --label laptop", 0),
    ("token list --user ann --json", 0),
    ("token rotate --user ann {id}", 0),
    ("token revoke --user ann {id}", 0),
    ("token revoke --user ann {id}", 1),
    ("token revoke --user ann no-id", 2),
    ("token create --org acme --repository acme/web-*", 0),
    ("token create --org acme --expires 60000d", 1),
    ("token list --org acme --json", 0),
    ("token revoke --org acme {id}", 0),
    ("token create --user nobody", 1),
];

const REPO: &[Line] = &[
    ("repo create acme/app", 0),
    ("repo create acme/app", 1),
    ("repo create acme/deep/down --visibility private", 0),
    ("repo create hello-world --visibility public", 0),
    ("repo visibility acme/deep/down public", 0),
    ("repo visibility acme/nowhere public", 1),
    ("repo list acme --json", 0),
    ("repo list --json", 0),
    ("repo grant acme/app eva write", 0),
    ("repo grant acme/app nobody write", 1),
    ("repo grants acme eva", 0),
    ("repo revoke acme/app eva", 0),
    ("repo revoke acme/app eva", 1),
    ("repo grant hello-world eva write", 0),
    ("repo grants library eva --json", 0),
    ("repo immutable add acme/* v*", 0),
    ("repo immutable list acme", 0),
    ("repo immutable remove acme/* v*", 0),
    ("repo immutable remove acme/* v*", 1),
    ("repo immutable list acme --json", 0),
    ("retention add acme/* pr-* --keep-last 3 --pulled-within-days 14", 0),
    ("retention list acme", 0),
    ("retention remove acme/* pr-*", 0),
    ("retention remove acme/* pr-*", 1),
];

const ACCESS: &[Line] = &[
    ("access explain --as ann push acme/app", 0),
    ("access explain --as ann push acme/app --json", 0),
    ("access explain pull acme/app", 0),
    ("access explain push acme/app", 1),
    ("access explain push acme/app --json", 1),
    ("access explain --as nobody push acme/app", 2),
];

const KEYS: &[Line] = &[("keys rotate", 0), ("keys rotate --at-once", 0)];

const CI: &[Line] = &[
    (
        "ci add acme --issuer https://token.actions.githubusercontent.com --audience registry.acme.example --claim \
         repository=acme/app --claim ref=refs/heads/main --scope pull,push --repository acme/app --label main",
        0,
    ),
    ("ci list acme", 0),
    ("ci list acme --json", 0),
    ("ci add acme --issuer https://token.actions.githubusercontent.com --audience x --claim ref=*", 1),
    ("ci add acme --issuer http://id.acme.example --audience x --claim ref=main", 1),
    ("ci add acme --issuer https://id.acme.example --audience x --claim ref=main --repository other/*", 1),
    ("ci add acme --issuer https://id.acme.example --audience x --claim ref=main --scope admin", 1),
    ("ci add acme --issuer https://id.acme.example --audience x --claim ref", 1),
    ("ci test acme --job-token-file {files}/job-token", 1),
    ("ci test acme --job-token-file {files}/nowhere", 1),
    ("ci remove acme {id}", 0),
    ("ci remove acme {id}", 1),
    ("ci list acme --json", 0),
];

const QUOTA: &[Line] = &[
    ("quota set acme --max-bytes 10GiB", 0),
    ("quota set acme --max-repositories 5", 0),
    ("quota show acme --json", 0),
    ("quota set nobody --max-bytes 1GiB", 1),
    ("quota set acme --max-bytes off --max-repositories off", 0),
];

const AUDIT: &[Line] = &[
    ("audit --target acme/app --json", 0),
    ("audit --since 1h --limit 3 --json", 0),
    ("audit --since 2000-01-01T00:00:00Z --target acme+deploy --json", 0),
    ("audit --actor nobody", 0),
    ("audit --limit 0", 0),
    ("user to-organization ann --owner eva", 0),
];

const MAINTENANCE: &[Line] = &[
    ("maintenance status", 0),
    ("maintenance on --message Back-up", 0),
    ("maintenance status --json", 0),
    ("org create third --owner eva", 1),
    ("org list --json", 0),
    ("maintenance off", 0),
    ("org create third --owner eva", 0),
];

const FAMILIES: [&[Line]; 12] = [USER, ORG, TEAM, ROBOT, TOKEN, REPO, ACCESS, KEYS, CI, QUOTA, AUDIT, MAINTENANCE];

#[test]
fn every_command_prints_the_same_here_and_elsewhere() -> Result<()> {
    let (here, there) = (Place::start()?, Place::start()?);
    let token = there.token(ROOT)?;
    let (mut id_here, mut id_there) = (String::new(), String::new());
    let mut wrong = Vec::new();
    for (line, code) in FAMILIES.into_iter().flatten() {
        let beside = here.beside(&line.replace("{id}", &id_here))?;
        let elsewhere = there.elsewhere(&token, &line.replace("{id}", &id_there))?;
        ensure!(!elsewhere.output.contains(&token) && !elsewhere.errors.contains(&token), "{line} shows the token");
        remember(&mut id_here, &beside);
        remember(&mut id_there, &elsewhere);
        let (beside, elsewhere) = (comparable(&beside, &here), comparable(&elsewhere, &there));
        if beside.code != Some(*code) || beside != elsewhere {
            wrong.push(format!("{line}: {code} is expected\n  beside: {beside:?}\n  elsewhere: {elsewhere:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} commands differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// The last id that a command printed by itself: of a list the first word of a line is none of a sentence.
fn remember(id: &mut String, printed: &Printed) {
    let found = printed
        .errors
        .split_whitespace()
        .chain(printed.output.split_whitespace())
        .map(trimmed)
        .find(|word| is_id(word));
    if let Some(found) = found.filter(|_| printed.code == Some(0)) {
        found.clone_into(id);
    }
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|character: char| !character.is_ascii_alphanumeric())
}

fn is_id(word: &str) -> bool {
    word.len() == 36 && word.chars().filter(|character| *character == '-').count() == 4
}

/// What was printed, without what differs between two registries and two people: ids, secrets, times, and who asked from where.
fn comparable(printed: &Printed, place: &Place) -> Printed {
    let files = place.files.path().to_string_lossy().into_owned();
    let text =
        |text: &str| text.lines().map(|line| masked(line).replace(&files, "FILES")).collect::<Vec<_>>().join("\n");
    Printed { code: printed.code, output: text(&printed.output), errors: text(&printed.errors) }
}

fn masked(line: &str) -> String {
    if let Ok(Value::Object(mut object)) = serde_json::from_str(line) {
        let of_who_asks = ["actor", "address", "credential", "created_by", "inviter"];
        for (name, value) in &mut object {
            let text = value.as_str().unwrap_or_default();
            if of_who_asks.contains(&name.as_str()) || is_masked(text) || name == "detail" && is_id(text) {
                *value = "MASKED".into();
            }
        }
        return Value::Object(object).to_string();
    }
    // Tables are as wide as what is in them.
    line.split_whitespace()
        .map(|word| if is_masked(trimmed(word)) { "MASKED" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_masked(word: &str) -> bool {
    let is_time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
    is_id(word) || is_time || word.starts_with("ept_") || word.contains("/link/")
}

//! `entrepot ci`: which jobs may come in with a token that their own service signed for them, and no secret of ours.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Subcommand;
use entrepot_access::{Name, Pattern, Scope};
use entrepot_client::{Client, Page, Route, route};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::listing::Listing;
use super::{Form, done};
use crate::commands;

pub(crate) const EXAMPLES: &str = "\
Examples:
  Jobs of GitHub Actions on the branch main of acme/app may push to acme/app:
    entrepot ci add acme --issuer https://token.actions.githubusercontent.com --audience registry.acme.example \\
      --claim repository=acme/app --claim ref=refs/heads/main --scope pull,push --repository acme/app

  In the job, with the token that it got for that audience:
    docker login --username acme --password-stdin registry.acme.example < token

  What each rule says to a token, and why:
    entrepot ci test acme --job-token-file token";

/// Longest token that is read, in bytes; a longer one nobody takes.
const MAX_TOKEN: u64 = 32 * 1024;

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum CiCommand {
    /// Let jobs in
    Add {
        /// Whose repositories: a person's or an organization's
        namespace: Name,
        /// Who signs the jobs' tokens: the URL of an OpenID provider
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// For whom the tokens have to be, as the jobs ask for them
        #[arg(long)]
        audience: String,
        /// What a token has to claim, such as repository=acme/app; in the value, * stands for anything but a slash, and ** for
        /// anything; may be given several times, and all have to hold
        #[arg(long = "claim", value_name = "NAME=VALUE", required = true)]
        claims: Vec<String>,
        /// What the jobs may do, with commas between: pull, push, delete
        #[arg(long = "scope", value_name = "SCOPES", value_delimiter = ',', default_value = "pull")]
        scopes: Vec<Scope>,
        /// With which repositories of the namespace; may be given several times [default: all]
        #[arg(long = "repository", value_name = "PATTERN")]
        repositories: Vec<Pattern>,
        /// What it is for, for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// List the rules
    List {
        /// Whose
        namespace: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Remove a rule; jobs that came in by it are out within a second
    Remove {
        /// Whose
        namespace: Name,
        /// Its id, from the list
        id: Uuid,
    },
    /// Say what each rule thinks of a token; exit status 0 if one lets it in
    Test {
        /// Whose rules
        namespace: Name,
        /// File with the token that the job got [default: standard input]
        #[arg(long, value_name = "FILE")]
        job_token_file: Option<PathBuf>,
    },
}

/// A rule, as the API shows it.
#[derive(Deserialize)]
struct Rule {
    id: String,
    label: String,
    issuer: String,
    audience: String,
    claims: BTreeMap<String, String>,
    scopes: Vec<String>,
    repositories: Vec<String>,
    created_at: String,
}

/// A rule that was made.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// What a rule says to a token.
#[derive(Deserialize)]
struct Verdict {
    id: String,
    label: String,
    lets_in: bool,
    failures: Vec<String>,
}

/// Runs one of the commands.
pub(crate) async fn run(command: CiCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        CiCommand::Add { namespace, issuer, audience, claims, scopes, repositories, label } => {
            let body = json!({
                "label": label,
                "issuer": issuer,
                "audience": audience,
                "claims": pairs(&claims)?,
                "scopes": scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>(),
                "repositories": repositories.iter().map(Pattern::as_str).collect::<Vec<_>>(),
            });
            let Made { id } = client.make(rules(&namespace), Some(body)).await?;
            done(&format!("jobs come in to {namespace} by the rule {id}"))
        }
        CiCommand::List { namespace, form } => {
            let rules: Vec<Rule> = client.list(rules(&namespace)).await?;
            let columns = &["id", "label", "issuer", "audience", "claims", "scopes", "repositories", "created_at"];
            Listing::new(columns, rules.into_iter().map(row)).print(&form)
        }
        CiCommand::Remove { namespace, id } => {
            client.delete(route(["namespaces", namespace.as_str(), "job-rules", &id.to_string()])).await?;
            done(&format!("the rule {id} is removed"))
        }
        CiCommand::Test { namespace, job_token_file } => {
            let body = json!({ "token": read(job_token_file.as_deref())?.trim() });
            let test = route(["namespaces", namespace.as_str(), "job-rules", "test"]);
            let verdicts: Page<Verdict> = client.make(test, Some(body)).await?;
            Ok(report(&verdicts.items))
        }
    }
}

fn rules(namespace: &Name) -> Route {
    route(["namespaces", namespace.as_str(), "job-rules"])
}

fn pairs(claims: &[String]) -> anyhow::Result<BTreeMap<&str, &str>> {
    let mut pairs = BTreeMap::new();
    for text in claims {
        let no_claim = || format!("--claim {text:?} has to be NAME=VALUE, such as repository=acme/app");
        let (claim, pattern) = text.split_once('=').with_context(no_claim)?;
        let earlier = pairs.insert(claim, pattern);
        ensure!(earlier.is_none(), "--claim {claim} is given twice, and one value cannot match two patterns here");
    }
    Ok(pairs)
}

fn read(path: Option<&Path>) -> anyhow::Result<String> {
    let mut token = String::new();
    let read = match path {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut token))
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => std::io::stdin().take(MAX_TOKEN).read_to_string(&mut token).context("cannot read standard input")?,
    };
    ensure!(read > 0, "there is no token: give it on standard input, or with --job-token-file");
    Ok(token)
}

fn report(verdicts: &[Verdict]) -> ExitCode {
    let mut text = String::new();
    for Verdict { id, label, lets_in, failures } in verdicts {
        let label = if label.is_empty() { String::new() } else { format!(" ({label})") };
        let answer = if *lets_in { "lets it in" } else { "does not let it in:" };
        text.push_str(&format!("{id}{label} {answer}\n"));
        text.extend(failures.iter().map(|failure| format!("  {failure}\n")));
    }
    let printed = commands::print(&text);
    if verdicts.iter().any(|verdict| verdict.lets_in) { printed } else { ExitCode::FAILURE }
}

fn row(rule: Rule) -> Vec<Value> {
    vec![
        rule.id.into(),
        rule.label.into(),
        rule.issuer.into(),
        rule.audience.into(),
        rule.claims.iter().map(|(claim, pattern)| format!("{claim}={pattern}")).collect(),
        rule.scopes.into(),
        rule.repositories.into(),
        rule.created_at.into(),
    ]
}

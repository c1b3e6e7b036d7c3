//! `entrepot ci`: which jobs may come in with a token that their own service signed for them, and no secret of ours.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Subcommand;
use entrepot_access::{Access, JobRule, Name, NewJobRule, Pattern, RuleVerdict, Scope, Scopes};
use entrepot_identity::provider::rules::Rule;
use serde_json::Value;

use super::grant::permit;
use super::listing::{Listing, time};
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
    entrepot ci test acme --token-file token";

/// Longest token that is read.
const MAX_TOKEN: u64 = 64 * 1024;

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
        id: String,
    },
    /// Say what each rule thinks of a token; exit status 0 if one lets it in
    Test {
        /// Whose rules
        namespace: Name,
        /// File with the token [default: standard input]
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(command: CiCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        CiCommand::Add { namespace, issuer, audience, claims, scopes, repositories, label } => {
            let pairs = claims.iter().map(|claim| claim.split_once('=').with_context(|| no_claim(claim)));
            let rule = Rule::new(&issuer, &audience, pairs.collect::<Result<Vec<_>, _>>()?)?;
            let scopes = Scopes::from_words(scopes.into_iter().map(Scope::as_str))?;
            let new = NewJobRule { label, rule, scopes, repositories };
            let id = access.add_job_rule(&permit(access, namespace.as_str()).await?, new).await?;
            done(&format!("jobs come in to {namespace} by the rule {id}"))
        }
        CiCommand::List { namespace, form } => {
            let rules = access.job_rules(&permit(access, namespace.as_str()).await?).await?;
            let columns = &["id", "label", "issuer", "audience", "claims", "scopes", "repositories", "created_at"];
            Listing::new(columns, rules.iter().map(row)).print(&form)
        }
        CiCommand::Remove { namespace, id } => {
            access.remove_job_rule(&permit(access, namespace.as_str()).await?, &id).await?;
            done(&format!("the rule {id} is removed"))
        }
        CiCommand::Test { namespace, token_file } => {
            let token = read(token_file.as_deref())?;
            let verdicts = access.test_job_rules(&permit(access, namespace.as_str()).await?, token.trim()).await?;
            Ok(report(&verdicts))
        }
    }
}

fn no_claim(text: &str) -> String {
    format!("--claim {text:?} has to be NAME=VALUE, such as repository=acme/app")
}

fn read(path: Option<&Path>) -> anyhow::Result<String> {
    let mut token = String::new();
    let read = match path {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut token))
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => std::io::stdin().take(MAX_TOKEN).read_to_string(&mut token).context("cannot read standard input")?,
    };
    ensure!(read > 0, "there is no token: give it on standard input, or with --token-file");
    Ok(token)
}

fn report(verdicts: &[RuleVerdict]) -> ExitCode {
    let mut text = String::new();
    for verdict in verdicts {
        let label = if verdict.label.is_empty() { String::new() } else { format!(" ({})", verdict.label) };
        let answer = if verdict.failures.is_empty() { "lets it in" } else { "does not let it in:" };
        text.push_str(&format!("{}{label} {answer}\n", verdict.id));
        text.extend(verdict.failures.iter().map(|failure| format!("  {failure}\n")));
    }
    let printed = commands::print(&text);
    let any = verdicts.iter().any(|verdict| verdict.failures.is_empty());
    if any { printed } else { ExitCode::FAILURE }
}

fn row(rule: &JobRule) -> Vec<Value> {
    let claims = rule.rule.conditions().iter().map(|(claim, pattern)| format!("{claim}={pattern}"));
    vec![
        rule.id.as_str().into(),
        rule.label.as_str().into(),
        rule.rule.issuer().as_str().into(),
        rule.rule.audience().into(),
        claims.collect(),
        Scope::ALL.iter().filter(|scope| rule.scopes.has(**scope)).map(|scope| scope.as_str()).collect(),
        rule.repositories.iter().map(Pattern::as_str).collect(),
        time(rule.created_at),
    ]
}

//! `entrepot retention`: which tags are kept, and what would go.

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::Pattern;
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::grant;
use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Of what pull requests pushed, keep what was pulled in the last two weeks, and look what goes:
    entrepot retention add 'acme/*' 'pr-*' --pulled-within-days 14
    entrepot retention preview acme

  Of all tags of one repository, keep the last 20 and those of the last 90 days:
    entrepot retention add acme/app --keep-last 20 --younger-than-days 90";

/// What can be done with rules of retention.
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Set a rule, or replace that of the same patterns: of the tags that it is about, those go that no rule keeps
    Add {
        /// Of which repositories: acme/app, acme/*
        repositories: Pattern,
        /// About which tags: pr-*, v*, *
        #[arg(default_value = "*")]
        tags: Pattern,
        /// What it keeps
        #[command(flatten)]
        keeps: Keeps,
    },
    /// Take a rule away
    Remove {
        /// Of which repositories, as it was set
        repositories: Pattern,
        /// About which tags, as it was set
        #[arg(default_value = "*")]
        tags: Pattern,
    },
    /// List the rules of a namespace
    List {
        /// Of which namespace
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Say which tags would go now, which would stay, and why
    Preview {
        /// Of which namespace, or of which one repository
        of: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// What a rule keeps: a tag of which one of these holds.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Keeps {
    /// Keep so many that were set last
    #[arg(long, value_name = "COUNT")]
    keep_last: Option<NonZeroU32>,
    /// Keep those that were set in so many days
    #[arg(long, value_name = "DAYS")]
    younger_than_days: Option<NonZeroU32>,
    /// Keep those that were pulled, or set, in so many days
    #[arg(long, value_name = "DAYS")]
    pulled_within_days: Option<NonZeroU32>,
}

/// A rule, as the API shows it.
#[derive(Deserialize)]
struct Rule {
    repositories: String,
    tags: String,
    keep_last: Option<u64>,
    younger_than_days: Option<u64>,
    pulled_within_days: Option<u64>,
}

/// What would be done, as the API shows it.
#[derive(Deserialize)]
struct Preview {
    tags: Vec<Fortune>,
    more: bool,
}

/// What becomes of a tag, as the API shows it.
#[derive(Deserialize)]
struct Fortune {
    repository: String,
    tag: String,
    kept: bool,
    pushed_at: String,
    pulled_at: Option<String>,
    reason: String,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RetentionCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        RetentionCommand::Add { repositories, tags, keeps } => {
            let Keeps { keep_last, younger_than_days, pulled_within_days } = keeps;
            let body = json!({
                "repositories": repositories.as_str(),
                "tags": tags.as_str(),
                "keep_last": keep_last,
                "younger_than_days": younger_than_days,
                "pulled_within_days": pulled_within_days,
            });
            client.put(rules(grant::namespace(&repositories)), Some(body)).await?;
            done(&format!("tags {tags} of {repositories} go that no rule keeps; entrepot retention preview says which"))
        }
        RetentionCommand::Remove { repositories, tags } => {
            let rules = rules(grant::namespace(&repositories));
            client.delete(rules.query("repositories", &repositories).query("tags", &tags)).await?;
            done(&format!("the rule for tags {tags} of {repositories} is gone"))
        }
        RetentionCommand::List { namespace, form } => {
            let found: Vec<Rule> = client.list(rules(&namespace)).await?;
            let row = |rule: Rule| {
                let Rule { repositories, tags, keep_last, younger_than_days, pulled_within_days } = rule;
                let numbers = [keep_last, younger_than_days, pulled_within_days].map(Into::into);
                [vec![repositories.into(), tags.into()], numbers.to_vec()].concat()
            };
            let columns = &["repositories", "tags", "keep_last", "younger_than_days", "pulled_within_days"];
            Listing::new(columns, found.into_iter().map(row)).print(&form)
        }
        RetentionCommand::Preview { of, form } => preview(client, &of, &form).await,
    }
}

async fn preview(client: &Client, of: &str, form: &Form) -> anyhow::Result<ExitCode> {
    let asked = match of.split_once('/') {
        Some((namespace, _)) => route(["namespaces", namespace, "retention", "preview"]).query("repository", of),
        None => route(["namespaces", of, "retention", "preview"]),
    };
    let found: Preview = client.get(asked).await?;
    let row = |one: Fortune| {
        let Fortune { repository, tag, kept, pushed_at, pulled_at, reason } = one;
        let what = if kept { "stays" } else { "goes" }.to_owned();
        vec![what.into(), repository.into(), tag.into(), pushed_at.into(), pulled_at.into(), reason.into()]
    };
    let columns = &["what", "repository", "tag", "pushed_at", "pulled_at", "reason"];
    let printed = Listing::new(columns, found.tags.into_iter().map(row)).print(form)?;
    if found.more {
        eprintln!("there are more; ask for one repository");
    }
    Ok(printed)
}

fn rules(namespace: &str) -> Route {
    route(["namespaces", namespace, "retention"])
}

//! `entrepot audit`: who did what.

use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use entrepot_access::{Access, AuditEntry, AuditFilter};
use entrepot_database::Timestamp;
use serde_json::Value;

use super::listing::{Listing, time};
use super::{Form, PAGE, run};
use crate::config::{self, DataFlags};

pub(crate) const EXAMPLES: &str = "\
Examples:
  What did ann do today?
    entrepot audit --actor ann --since 24h

  Everything about one repository, for another program:
    entrepot audit --target acme/app --json";

/// Which entries.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArguments {
    /// Of this person or robot; (operator) did what commands on this machine do
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// About this: a repository, a person, a team such as acme/web
    #[arg(long, value_name = "NAME", conflicts_with = "actor")]
    target: Option<String>,
    /// Since then: a time such as 2026-01-31T12:00:00Z, or how long ago, such as 24h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Most entries to print, youngest first
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    limit: usize,
    /// Form
    #[command(flatten)]
    form: Form,
    /// Settings
    #[command(flatten)]
    place: DataFlags,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = config::duration(text) {
        return Ok(Timestamp::now().minus(ago));
    }
    let at = humantime::parse_rfc3339(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let micros = at.and_then(|since| i64::try_from(since.as_micros()).ok());
    let allowed = "it has to be a time in UTC such as 2026-01-31T12:00:00Z, or how long ago, such as 24h or 7d";
    micros.map(Timestamp::from_micros).ok_or_else(|| allowed.to_owned())
}

/// Prints the entries.
pub(crate) fn print(arguments: AuditArguments) -> ExitCode {
    run(&arguments.place, async |access| {
        let entries = entries(access, &arguments).await?;
        let columns = &["at", "actor", "action", "target", "allowed", "detail", "address", "credential", "id"];
        Listing::new(columns, entries.into_iter().map(row)).print(&arguments.form)
    })
}

async fn entries(access: &Access, arguments: &AuditArguments) -> anyhow::Result<Vec<AuditEntry>> {
    let system = access.permit_system(&Access::operator())?;
    let mut entries: Vec<AuditEntry> = Vec::new();
    while entries.len() < arguments.limit {
        let wanted = PAGE.min(arguments.limit - entries.len());
        let filter = AuditFilter {
            actor: arguments.actor.clone(),
            target: arguments.target.clone(),
            since: arguments.since,
            before: entries.last().map(|entry| entry.id.clone()),
            limit: Some(wanted),
        };
        let page = access.audit_log(&system, filter).await?;
        let end = page.len() < wanted;
        entries.extend(page);
        if end {
            break;
        }
    }
    Ok(entries)
}

fn row(entry: AuditEntry) -> Vec<Value> {
    vec![
        time(entry.at),
        entry.actor.into(),
        entry.action.into(),
        entry.target.into(),
        entry.allowed.into(),
        entry.detail.into(),
        entry.address.into(),
        entry.credential.into(),
        entry.id.into(),
    ]
}

//! `entrepot audit`: who did what.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use entrepot_client::{Route, route};
use serde::Deserialize;
use serde_json::Value;

use super::listing::Listing;
use super::{Form, Place, run};
use crate::config;

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
    since: Option<SystemTime>,
    /// Most entries to print, youngest first
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    limit: usize,
    /// Form
    #[command(flatten)]
    form: Form,
    /// Which registry
    #[command(flatten)]
    place: Place,
}

fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = config::duration(text) {
        return Ok(SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH).max(UNIX_EPOCH));
    }
    let at = humantime::parse_rfc3339(text).ok().filter(|at| *at >= UNIX_EPOCH);
    let allowed = "it has to be a time in UTC such as 2026-01-31T12:00:00Z, or how long ago, such as 24h or 7d";
    at.ok_or_else(|| allowed.to_owned())
}

/// An entry, as the API shows it.
#[derive(Deserialize)]
struct Entry {
    id: String,
    at: String,
    actor: String,
    credential: String,
    address: String,
    action: String,
    target: String,
    allowed: bool,
    detail: String,
}

/// Prints the entries.
pub(crate) fn print(arguments: AuditArguments) -> ExitCode {
    run(&arguments.place, async |client| {
        let entries: Vec<Entry> = client.first(log(&arguments), arguments.limit).await?;
        let columns = &["at", "actor", "action", "target", "allowed", "detail", "address", "credential", "id"];
        Listing::new(columns, entries.into_iter().map(row)).print(&arguments.form)
    })
}

fn log(arguments: &AuditArguments) -> Route {
    let since = arguments.since.map(|since| humantime::format_rfc3339_micros(since).to_string());
    let filters = [("actor", &arguments.actor), ("target", &arguments.target), ("since", &since)];
    let given = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    given.fold(route(["audit"]), |route, (name, value)| route.query(name, value))
}

fn row(entry: Entry) -> Vec<Value> {
    vec![
        entry.at.into(),
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

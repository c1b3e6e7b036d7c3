//! Roles on repositories, as teams, robots and people are given them.

use std::process::ExitCode;

use entrepot_access::{LIBRARY, Name, Pattern, Role};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::listing::Listing;
use super::{Form, done};

/// A role on some repositories.
#[derive(Debug, clap::Args)]
pub(crate) struct Given {
    /// Which repositories: acme/app, acme/web-*, acme/*
    pattern: Pattern,
    /// Which role: read, write (push and delete) or admin
    role: Role,
}

/// Somebody to whom roles in a namespace are given.
pub(super) enum Subject {
    Team(Name),
    Account(Name),
    Robot(Name),
}

/// A role, as the API shows it.
#[derive(Deserialize)]
struct Grant {
    pattern: String,
    role: String,
}

impl Subject {
    /// Where their roles in `namespace` are.
    fn route(&self, namespace: &str) -> Route {
        match self {
            Self::Team(name) => route(["organizations", namespace, "teams", name.as_str(), "grants"]),
            Self::Account(name) => route(["namespaces", namespace, "people", name.as_str(), "grants"]),
            Self::Robot(name) => route(["namespaces", namespace, "robots", name.as_str(), "grants"]),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Team(name) => format!("the team {name}"),
            Self::Account(name) => name.to_string(),
            Self::Robot(name) => format!("the robot {name}"),
        }
    }
}

impl Given {
    /// `role` on what `pattern` matches.
    pub(super) fn new(pattern: Pattern, role: Role) -> Self {
        Self { pattern, role }
    }

    /// Gives it.
    pub(super) async fn give(self, client: &Client, namespace: &str, subject: Subject) -> anyhow::Result<ExitCode> {
        let Self { pattern, role } = self;
        let body = json!({ "pattern": pattern.as_str(), "role": role.as_str() });
        client.put(subject.route(namespace), Some(body)).await?;
        done(&format!("{} has the role {role} on {pattern}", subject.name()))
    }
}

/// Takes a role back.
pub(super) async fn take(
    client: &Client,
    namespace: &str,
    subject: Subject,
    pattern: Pattern,
) -> anyhow::Result<ExitCode> {
    client.delete(subject.route(namespace).query("pattern", &pattern)).await?;
    done(&format!("{} has no role on {pattern} any more", subject.name()))
}

/// Lists the roles of somebody in a namespace.
pub(super) async fn list(client: &Client, namespace: &str, subject: Subject, form: &Form) -> anyhow::Result<ExitCode> {
    let grants: Vec<Grant> = client.list(subject.route(namespace)).await?;
    let rows = grants.into_iter().map(|grant| vec![grant.pattern.into(), grant.role.into()]);
    Listing::new(&["repositories", "role"], rows).print(form)
}

/// The namespace in which a pattern matches.
pub(super) fn namespace(pattern: &Pattern) -> &str {
    pattern.as_str().split_once('/').map_or(LIBRARY, |(namespace, _)| namespace)
}

//! Roles on repositories, as teams, robots and people are given them.

use std::process::ExitCode;

use entrepot_access::{Access, LIBRARY, NamespaceOwner, Pattern, Permit, Role, Subject};

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

impl Given {
    /// `role` on what `pattern` matches.
    pub(super) fn new(pattern: Pattern, role: Role) -> Self {
        Self { pattern, role }
    }

    /// Gives it.
    pub(super) async fn give(
        self,
        access: &Access,
        permit: &Permit<NamespaceOwner>,
        subject: Subject,
    ) -> anyhow::Result<ExitCode> {
        let (to, Self { pattern, role }) = (name(&subject), self);
        access.set_grant(permit, subject, pattern.clone(), role).await?;
        done(&format!("{to} has the role {role} on {pattern}"))
    }
}

/// Takes a role back.
pub(super) async fn take(
    access: &Access,
    permit: &Permit<NamespaceOwner>,
    subject: Subject,
    pattern: Pattern,
) -> anyhow::Result<ExitCode> {
    let from = name(&subject);
    access.remove_grant(permit, subject, pattern.clone()).await?;
    done(&format!("{from} has no role on {pattern} any more"))
}

/// Lists the roles of somebody in a namespace.
pub(super) async fn list(
    access: &Access,
    permit: &Permit<NamespaceOwner>,
    subject: Subject,
    form: &Form,
) -> anyhow::Result<ExitCode> {
    let grants = access.grants(permit, subject).await?;
    let rows = grants.into_iter().map(|grant| vec![grant.pattern.as_str().into(), grant.role.as_str().into()]);
    Listing::new(&["repositories", "role"], rows).print(form)
}

/// Leave to change what belongs to a namespace.
pub(super) async fn permit(access: &Access, namespace: &str) -> anyhow::Result<Permit<NamespaceOwner>> {
    Ok(access.permit_namespace(&Access::operator(), namespace).await?)
}

/// The namespace in which a pattern matches.
pub(super) fn namespace(pattern: &Pattern) -> &str {
    pattern.as_str().split_once('/').map_or(LIBRARY, |(namespace, _)| namespace)
}

fn name(subject: &Subject) -> String {
    match subject {
        Subject::Team(name) => format!("the team {name}"),
        Subject::Account(name) => name.to_string(),
        Subject::Robot(name) => format!("the robot {name}"),
    }
}

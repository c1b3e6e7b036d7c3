//! Roles on repositories, of a team or a robot.

use entrepot_access::{Error, GrantEntry, Name, NamespaceOwner, Permit, Subject};

use crate::web::Web;
use crate::web::fields::Fields;
use crate::web::form::{Field, Form};
use crate::web::section::{Item, Section};
use crate::web::visitor::Visitor;

const ROLES: &[(&str, &str)] = &[
    ("read", "read: pull"),
    ("write", "write: also push, and delete tags and manifests"),
    ("admin", "admin: also change settings, and who may do what"),
];

/// Gives the role that a form says.
pub(super) async fn set(
    web: &Web,
    permit: &Permit<NamespaceOwner>,
    subject: Subject,
    fields: &Fields,
) -> Result<(), Error> {
    web.access.set_grant(permit, subject, fields.parsed("pattern")?, fields.parsed("role")?).await
}

/// The roles of a team or a robot whose page is at `at`, and a form for another.
pub(super) async fn section(
    web: &Web,
    visitor: &Visitor,
    organization: &Name,
    permit: &Permit<NamespaceOwner>,
    subject: Subject,
    at: &str,
) -> Result<Section, Error> {
    let mut grants = web.access.grants(permit, subject).await?;
    grants.sort_by(|a, b| a.pattern.cmp(&b.pattern));
    let item = |GrantEntry { pattern, role }: GrantEntry| {
        let remove = Form::button(visitor, format!("{at}/roles/remove"), "Take back", format!("{role} on {pattern}"));
        let remove = remove.field(Field::hidden("pattern", pattern.as_str())).harms();
        Item::new(pattern.to_string()).tag(role.as_str(), "").form(remove)
    };
    let pattern = Field::text("pattern", "Repositories").hint(format!(
        "A name, or a pattern: * stands for anything, as in {organization}/web-*. Another role on the same gives way to it."
    ));
    let form = Form::new(visitor, format!("{at}/roles"), "Give the role")
        .field(pattern)
        .field(Field::choice("role", "Role", ROLES));
    Ok(Section::new("Roles")
        .items(grants.into_iter().map(item).collect(), "There are none: it may do nothing.")
        .form(form))
}

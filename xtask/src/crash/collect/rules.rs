//! An organization whose rules of retention let some of the tags go that clients push, while they push.

use anyhow::Result;

use super::super::server::Program;

/// How many of the tags that a client pushed into a repository for a while are kept: those that were set last.
pub(super) const KEPT: usize = 2;
const ORGANIZATION: &str = "acme";
const OWNER: &str = "keeper";
/// Nobody logs in with it.
const PASSWORD: &str = "known-to-nobody-else";

/// A tag of a client that no rule keeps for long, or one that no rule is about.
pub(super) fn tag(client: usize, for_a_while: bool, number: usize) -> String {
    if for_a_while { format!("{}{number}", ruled(client)) } else { format!("client-{client}-{number}") }
}

/// What those tags of a client begin with that a rule is about.
fn ruled(client: usize) -> String {
    format!("while-{client}-")
}

/// Makes the organization, with rules for so many clients. Returns the token that all of them show.
pub(super) fn establish(program: &Program, clients: usize) -> Result<String> {
    program.operate(&["user", "create", OWNER, "--password-stdin"], PASSWORD)?;
    program.operate(&["org", "create", ORGANIZATION, "--owner", OWNER], "")?;
    let (repositories, kept) = (format!("{ORGANIZATION}/*"), KEPT.to_string());
    for client in 0..clients {
        let tags = format!("{}*", ruled(client));
        program.operate(&["retention", "add", &repositories, &tags, "--keep-last", &kept], "")?;
    }
    let scopes = "pull,push,delete";
    let token = program.operate(&["token", "create", "--org", ORGANIZATION, "--scope", scopes], "")?;
    Ok(token.trim().to_owned())
}

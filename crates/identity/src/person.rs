//! Who somebody is, as a company's directory or provider says it.

/// Somebody who has proven who they are, or whom a directory knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What stays the same when the name changes: an `entryUUID`, an `objectGUID`, a `sub`. Unique at its source alone.
    pub subject: String,
    /// The name that they log in with, as the source writes it.
    pub username: String,
    /// The source's address for them. It may not have been confirmed.
    pub email: Option<String>,
    /// How they are called.
    pub display_name: Option<String>,
    /// The names of all groups that they are in, also through other groups: sorted, each once.
    pub groups: Vec<String>,
}

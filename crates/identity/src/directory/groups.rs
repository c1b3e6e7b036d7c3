//! The groups that somebody is in, also through other groups.

use std::collections::{BTreeSet, HashSet};

use super::failure::Failure;
use super::filter::{Template, any_of};
use super::session::Session;

/// Nobody is in more; who seems to be is asked for with a wrong filter.
const MAX_GROUPS: usize = 10_000;

/// For so many members at once it is asked in which groups they are.
const MEMBERS_AT_ONCE: usize = 50;

/// How groups are found.
#[derive(Debug)]
pub(super) struct GroupSearch {
    pub(super) base: String,
    pub(super) filter: Template,
    pub(super) name: String,
    pub(super) levels_above: u32,
}

impl GroupSearch {
    /// The names of the groups of the person with this distinguished name, sorted.
    ///
    /// # Errors
    /// A search fails, or there are too many.
    pub(super) async fn of(&self, session: &mut Session<'_>, username: &str, dn: &str) -> Result<Vec<String>, Failure> {
        let mut names = BTreeSet::new();
        // Groups may contain each other in a circle: each is gone into once.
        let mut seen = HashSet::from([dn.to_owned()]);
        let mut members = vec![dn.to_owned()];
        for _level in 0..=self.levels_above {
            let mut next = Vec::new();
            for some in members.chunks(MEMBERS_AT_ONCE) {
                let filter = any_of(some.iter().map(|member| self.filter.fill(username, member)));
                for group in session.find_all(&self.base, &filter, &[&self.name], MAX_GROUPS).await? {
                    if seen.insert(group.dn().to_owned()) {
                        names.extend(group.text(&self.name));
                        next.push(group.dn().to_owned());
                    }
                }
            }
            members = next;
            if members.is_empty() {
                break;
            }
        }
        if let Some(group) = members.first().filter(|_| self.levels_above > 0) {
            tracing::warn!(
                group,
                levels = self.levels_above,
                "groups above this one are too many levels up to be looked at"
            );
        }
        Ok(names.into_iter().collect())
    }
}

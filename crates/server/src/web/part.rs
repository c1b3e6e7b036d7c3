//! The part of a list that a page shows, and the way to the next one.

use std::str::FromStr;

use super::next::parameter;
use super::visitor::Visitor;

/// The part of a list that begins after `after` and has so many entries at most.
pub(super) struct Part {
    after: Option<String>,
    shown: usize,
}

impl Part {
    /// The part for which the visitor asks, whose entries are known by a `K`.
    pub(super) fn of<K: FromStr>(visitor: &Visitor, shown: usize) -> Self {
        let after = parameter(&visitor.uri, "after").filter(|text| text.parse::<K>().is_ok());
        Self { after, shown }
    }

    /// After which entry it begins.
    pub(super) fn after(&self) -> Option<String> {
        self.after.clone()
    }

    /// How many entries are looked for, to know whether there are more than are shown.
    pub(super) fn probed(&self) -> usize {
        self.shown + 1
    }

    /// Leaves what is shown, and says where the rest of the list at `at` is, if there is any.
    pub(super) fn cut<T>(&self, found: &mut Vec<T>, at: &str, key: impl Fn(&T) -> String) -> Option<String> {
        let more = found.len() > self.shown;
        found.truncate(self.shown);
        found.last().filter(|_| more).map(|last| format!("{at}?after={}", key(last)))
    }
}

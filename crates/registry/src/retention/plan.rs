//! What becomes of the tags of a repository: the run and its preview ask here.

use entrepot_database::Timestamp;
use entrepot_oci::{Digest, RepositoryName, Tag};

use super::{Fortune, Keeping, RetentionRule, TagFortune, days};
use crate::gate::Terms;

/// A tag, as it was seen.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) tag: Tag,
    pub(super) manifest: i64,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) pushed_at: Timestamp,
    pub(super) pulled_at: Option<Timestamp>,
}

/// What one rule keeps of the tags that it is about.
struct Applied<'a> {
    rule: &'a RetentionRule,
    /// The tag set first of those that are the last; `None`: all are, or it does not keep the last.
    last: Option<(Timestamp, &'a Tag)>,
}

impl<'a> Applied<'a> {
    fn new(rule: &'a RetentionRule, seen: &'a [Seen]) -> Self {
        let Some(most) = rule.keeps.keep_last() else { return Self { rule, last: None } };
        let about = seen.iter().filter(|seen| rule.tags.matches(seen.tag.as_str()));
        let mut order: Vec<_> = about.map(|seen| (seen.pushed_at, &seen.tag)).collect();
        // Of several that were set at one moment, the order is that of their names.
        order.sort_unstable_by(|(at, tag), (other_at, other)| (other_at, other.as_str()).cmp(&(at, tag.as_str())));
        Self { rule, last: order.get(most as usize - 1).copied() }
    }

    fn keeps(&self, seen: &Seen, now: Timestamp) -> Option<Keeping> {
        let keeps = &self.rule.keeps;
        let is_last = self.last.is_none_or(|(at, tag)| (seen.pushed_at, seen.tag.as_str()) >= (at, tag.as_str()));
        if keeps.keep_last().is_some() && is_last {
            return Some(Keeping::Last(self.rule.clone()));
        }
        if keeps.younger_than().is_some_and(|within| seen.pushed_at.plus(days(within)) > now) {
            return Some(Keeping::Young(self.rule.clone()));
        }
        let used = seen.pulled_at.map_or(seen.pushed_at, |pulled| pulled.max(seen.pushed_at));
        let pulled = keeps.pulled_within().is_some_and(|within| used.plus(days(within)) > now);
        pulled.then(|| Keeping::Pulled(self.rule.clone()))
    }
}

/// What becomes of the tags that a rule is about, in the order in which they were seen. `rules` are those about the repository.
pub(super) fn decide(
    name: &RepositoryName,
    rules: &[RetentionRule],
    frozen: &Terms,
    seen: &[Seen],
    now: Timestamp,
) -> Vec<(TagFortune, Seen)> {
    let applied: Vec<_> = rules.iter().map(|rule| Applied::new(rule, seen)).collect();
    let mut decided = Vec::new();
    for seen in seen {
        let about: Vec<_> = applied.iter().filter(|applied| applied.rule.tags.matches(seen.tag.as_str())).collect();
        if about.is_empty() {
            continue;
        }
        let kept = match frozen.freezes(&seen.tag) {
            true => Some(Keeping::Immutable),
            false => about.iter().find_map(|applied| applied.keeps(seen, now)),
        };
        let goes = || Fortune::Goes(about.iter().map(|applied| applied.rule.clone()).collect());
        let told = TagFortune {
            repository: name.clone(),
            tag: seen.tag.as_str().to_owned(),
            digest: seen.digest,
            pushed_at: seen.pushed_at,
            pulled_at: seen.pulled_at,
            fortune: kept.map_or_else(goes, Fortune::Kept),
        };
        decided.push((told, seen.clone()));
    }
    decided
}

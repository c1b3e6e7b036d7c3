//! Retention: which tags are kept, by rules of the namespace, and that the others go.
//!
//! A rule says which repositories and which tags it is about, and what is kept of these: so many that were set last, those that
//! were set lately, those that were pulled lately. A tag goes that a rule is about and that no rule keeps. Tags that no rule is about
//! stay, and so do tags that are immutable, and those that only say to what a signature or an SBOM belongs.
//!
//! What goes is deleted as a client deletes it, so it can be restored from the trash: the tag, and its manifest too if nothing
//! else needs that. What an index has stays with the index, and what refers to a manifest goes when that is gone.

mod plan;
mod run;

use std::num::NonZeroU32;
use std::time::Duration;

use entrepot_database::{Connection, Row, Timestamp};
use entrepot_oci::{Digest, RepositoryName};

use crate::gate::Terms;
use crate::{Error, Pattern, tables};

/// Who did it, in the history of tags and in the trash.
const BY: &str = "retention policy";
/// Rules of one namespace.
const MOST_RULES: usize = 100;

/// Says, in a transaction, which tags of a repository do not go.
pub(crate) type FrozenTags = dyn Fn(&Connection<'_>, &RepositoryName) -> Result<Terms, Error> + Send + Sync;

/// What a rule keeps: a tag of which one of these holds. There is one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    keep_last: Option<NonZeroU32>,
    younger_than: Option<NonZeroU32>,
    pulled_within: Option<NonZeroU32>,
}

/// Why something is no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It would keep nothing.
    #[error("a rule says at least one of what it keeps: keep_last, younger_than or pulled_within, each of 1 or more")]
    KeepsNothing,
    /// There are enough.
    #[error("a namespace has {MOST_RULES} rules of retention at most")]
    TooMany,
}

/// Which tags of which repositories are kept, of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// Of which repositories.
    pub repositories: Pattern,
    /// Which tags it is about.
    pub tags: Pattern,
    /// What it keeps of them.
    pub keeps: Conditions,
}

/// Why a tag is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It does not move and does not go.
    Immutable,
    /// It is among so many that were set last.
    Last(RetentionRule),
    /// It was set lately.
    Young(RetentionRule),
    /// Its manifest was pulled lately, or it was set lately and not pulled since.
    Pulled(RetentionRule),
}

/// What becomes of a tag that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fortune {
    /// It stays.
    Kept(Keeping),
    /// It goes; none of these keeps it.
    Goes(Vec<RetentionRule>),
}

/// A tag that a rule is about, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFortune {
    /// Its repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: String,
    /// What it shows.
    pub digest: Digest,
    /// When it was set.
    pub pushed_at: Timestamp,
    /// When that was last pulled, to the minute, if it ever was.
    pub pulled_at: Option<Timestamp>,
    /// What becomes of it.
    pub fortune: Fortune,
}

impl Conditions {
    /// The last so many, those of the last days, those pulled in the last days.
    ///
    /// # Errors
    /// [`InvalidRule::KeepsNothing`] if nothing is said.
    pub fn new(
        keep_last: Option<NonZeroU32>,
        younger_than: Option<NonZeroU32>,
        pulled_within: Option<NonZeroU32>,
    ) -> Result<Self, InvalidRule> {
        let says = keep_last.or(younger_than).or(pulled_within);
        says.map(|_| Self { keep_last, younger_than, pulled_within }).ok_or(InvalidRule::KeepsNothing)
    }

    /// So many that were set last.
    pub fn keep_last(&self) -> Option<u32> {
        self.keep_last.map(NonZeroU32::get)
    }

    /// Those that were set in so many days.
    pub fn younger_than(&self) -> Option<u32> {
        self.younger_than.map(NonZeroU32::get)
    }

    /// Those that were pulled in so many days.
    pub fn pulled_within(&self) -> Option<u32> {
        self.pulled_within.map(NonZeroU32::get)
    }
}

impl std::fmt::Display for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.keep_last.map(|last| format!("the last {last}"));
        let young = self.younger_than.map(|days| format!("set within {days} days"));
        let pulled = self.pulled_within.map(|days| format!("pulled within {days} days"));
        f.write_str(&[last, young, pulled].into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl std::fmt::Display for RetentionRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} ({})", self.repositories, self.tags, self.keeps)
    }
}

impl std::fmt::Display for Fortune {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept(Keeping::Immutable) => f.write_str("it is immutable"),
            Self::Kept(Keeping::Last(rule)) => write!(f, "it is among the last, by {rule}"),
            Self::Kept(Keeping::Young(rule)) => write!(f, "it was set lately, by {rule}"),
            Self::Kept(Keeping::Pulled(rule)) => write!(f, "it was pulled or set lately, by {rule}"),
            Self::Goes(rules) => {
                let rules: Vec<_> = rules.iter().map(RetentionRule::to_string).collect();
                write!(f, "not kept by {}", rules.join(", nor by "))
            }
        }
    }
}

impl RetentionRule {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let pattern = |column: usize| -> Result<Pattern, Error> {
            let text = row.text(column)?;
            text.parse().map_err(|_| Error::Damaged(format!("{text:?} stands where a pattern should")))
        };
        let number = |column: usize| -> Result<Option<NonZeroU32>, Error> {
            let stored = row.optional_integer(column)?;
            Ok(stored.and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new))
        };
        let keeps = Conditions::new(number(2)?, number(3)?, number(4)?);
        let keeps = keeps.map_err(|_| Error::Damaged("a rule of retention keeps nothing".to_owned()))?;
        Ok(Self { repositories: pattern(0)?, tags: pattern(1)?, keeps })
    }

    /// Sets a rule of a namespace; one of the same patterns is replaced. Whether somebody may is the caller's to ask, and whether
    /// the pattern stays within the namespace.
    ///
    /// # Errors
    /// What the database said; within, [`InvalidRule::TooMany`].
    pub fn set(&self, connection: &Connection<'_>, namespace: &str) -> Result<Result<(), InvalidRule>, Error> {
        let others = Self::of(connection, namespace)?.into_iter().filter(|rule| !rule.is_for_the_same(self));
        if others.count() >= MOST_RULES {
            return Ok(Err(InvalidRule::TooMany));
        }
        let number = |number: Option<u32>| number.map(i64::from).into();
        let parameters = [
            namespace.into(),
            self.repositories.as_str().into(),
            self.tags.as_str().into(),
            number(self.keeps.keep_last()),
            number(self.keeps.younger_than()),
            number(self.keeps.pulled_within()),
        ];
        connection.execute(&tables::SET_RETENTION_RULE, &parameters)?;
        Ok(Ok(()))
    }

    /// Takes the rule of these patterns away; says whether there was one.
    ///
    /// # Errors
    /// What the database said.
    pub fn remove(
        connection: &Connection<'_>,
        namespace: &str,
        repositories: &Pattern,
        tags: &Pattern,
    ) -> Result<bool, Error> {
        let parameters = [namespace.into(), repositories.as_str().into(), tags.as_str().into()];
        Ok(connection.execute(&tables::REMOVE_RETENTION_RULE, &parameters)? > 0)
    }

    /// The rules of a namespace.
    ///
    /// # Errors
    /// What the database said.
    pub fn of(connection: &Connection<'_>, namespace: &str) -> Result<Vec<Self>, Error> {
        connection.all(&tables::RETENTION_RULES, &[namespace.into()], Self::read)
    }

    fn is_for_the_same(&self, other: &Self) -> bool {
        self.repositories == other.repositories && self.tags == other.tags
    }
}

/// So many days.
const fn days(days: u32) -> Duration {
    Duration::from_hours(24 * days as u64)
}

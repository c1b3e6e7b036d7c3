//! Which rules a token matches, and why the others do not: for the gate, and for a page and a command that explain it.

use std::fmt;

use serde_json::Value;

use super::Pattern;
use crate::provider::shown::Shown;

/// What came of comparing a token with rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One for each rule, in their order.
    pub verdicts: Vec<Verdict>,
}

/// What came of comparing a token with one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The conditions that do not hold; none, if the rule matches.
    pub failures: Vec<Failure>,
}

/// A condition that does not hold. Printed, it is one sentence: "ref is refs/heads/dev, the rule wants refs/heads/main".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The claim; `iss` and `aud` for the rule's issuer and audience.
    pub claim: String,
    /// What the rule wants: a text or pattern.
    pub wanted: String,
    /// What the token has.
    pub actual: Actual,
    /// How near it comes.
    pub hint: Option<Hint>,
}

/// What a token has in the place of the text that a rule wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actual {
    /// Nothing.
    Absent,
    /// Another text.
    Text(String),
    /// A list; its texts.
    List(Vec<String>),
    /// A number.
    Number(String),
    /// `true` or `false`.
    Truth(bool),
    /// Claims in a claim.
    Object,
    /// `null`.
    Null,
}

/// How near a text comes to what a rule wants: a slip in the rule, or somebody who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// It differs in upper and lower case alone.
    Case,
    /// It differs in spaces at its ends alone.
    Spaces,
    /// It would match if `*` crossed `/`.
    Slash,
    /// It is longer, and begins with what is wanted.
    BeginsAlike,
    /// It is longer, and ends with what is wanted.
    EndsAlike,
}

impl Outcome {
    /// Whether any rule matches.
    pub fn is_match(&self) -> bool {
        self.matching().next().is_some()
    }

    /// The indexes of the rules that match.
    pub fn matching(&self) -> impl Iterator<Item = usize> {
        self.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_match()).map(|(index, _)| index)
    }
}

impl Verdict {
    /// Whether every condition holds.
    pub fn is_match(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Failure {
    pub(super) fn new(claim: &str, pattern: &Pattern, actual: Actual) -> Self {
        let hint = if let Actual::Text(text) = &actual { Hint::of(pattern, text) } else { None };
        Self { claim: claim.to_owned(), wanted: pattern.to_string(), actual, hint }
    }

    /// Of what is compared without wildcards.
    pub(super) fn exact(claim: &str, wanted: &str, actual: Actual) -> Self {
        Self { claim: claim.to_owned(), wanted: wanted.to_owned(), actual, hint: None }
    }
}

impl Actual {
    pub(super) fn of(value: Option<&Value>) -> Self {
        match value {
            None => Self::Absent,
            Some(Value::Null) => Self::Null,
            Some(Value::Bool(truth)) => Self::Truth(*truth),
            Some(Value::Number(number)) => Self::Number(number.to_string()),
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Array(values)) => {
                Self::List(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            Some(Value::Object(_)) => Self::Object,
        }
    }
}

impl Hint {
    fn of(pattern: &Pattern, text: &str) -> Option<Self> {
        if pattern.lower().matches(&text.to_lowercase()) {
            return Some(Self::Case);
        }
        if pattern.matches(text.trim()) {
            return Some(Self::Spaces);
        }
        if pattern.widened().matches(text) {
            return Some(Self::Slash);
        }
        let wanted = pattern.exact()?;
        if text.starts_with(wanted) {
            return Some(Self::BeginsAlike);
        }
        text.ends_with(wanted).then_some(Self::EndsAlike)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = Shown(&self.claim);
        match &self.actual {
            Actual::Absent => write!(f, "the token has no claim {claim}"),
            Actual::Text(text) if text.is_empty() => write!(f, "{claim} is empty"),
            Actual::Text(text) => write!(f, "{claim} is {}", Shown(text)),
            Actual::List(texts) => {
                write!(f, "{claim} is a list ({}), and only a text matches", Shown(&texts.join(", ")))
            }
            Actual::Number(number) => write!(f, "{claim} is a number ({}), and only a text matches", Shown(number)),
            Actual::Truth(truth) => write!(f, "{claim} is a truth value ({truth}), and only a text matches"),
            Actual::Object => write!(f, "{claim} is an object, and only a text matches"),
            Actual::Null => write!(f, "{claim} is null, and only a text matches"),
        }?;
        write!(f, ", the rule wants {}", Shown(&self.wanted))?;
        match &self.hint {
            None => Ok(()),
            Some(hint) => write!(f, " ({hint})"),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "they differ in upper and lower case",
            Self::Spaces => "they differ in spaces",
            Self::Slash => "* does not cross a /, ** does",
            Self::BeginsAlike => "it only begins alike",
            Self::EndsAlike => "it only ends alike",
        })
    }
}

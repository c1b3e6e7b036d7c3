//! Names of people, organizations, teams and robots.

use std::fmt;
use std::str::FromStr;

pub use entrepot_oci::LIBRARY;
use entrepot_oci::RepositoryName;

/// Longest name in bytes.
pub const MAX_NAME: usize = 64;
/// The name of a person, an organization or a team: one component of a repository's name, 64 bytes at most. People and
/// organizations share one space of names, as each is the first component of its repositories' names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name is up to 64 characters of a-z and 0-9, with single '.', one or two '_' or any number of '-' between them; \
     library is taken"
)]
pub struct InvalidName;

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        // A component is a repository's name without a slash.
        let component = !text.contains('/') && text.parse::<RepositoryName>().is_ok();
        if component && text.len() <= MAX_NAME && text != LIBRARY { Ok(Self(text.into())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a robot, `acme+deploy`: whose it is, and which. A `+` is in no other name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RobotName {
    owner: Name,
    robot: Name,
}

/// A text that is no robot's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a robot's name is that of its owner, a '+' and a name of its own, such as acme+deploy")]
pub struct InvalidRobotName;

impl RobotName {
    /// The robot `robot` of `owner`.
    pub fn new(owner: Name, robot: Name) -> Self {
        Self { owner, robot }
    }

    /// The person or organization whose robot it is.
    pub fn owner(&self) -> &Name {
        &self.owner
    }

    /// Its own part of the name.
    pub fn robot(&self) -> &Name {
        &self.robot
    }
}

impl FromStr for RobotName {
    type Err = InvalidRobotName;

    fn from_str(text: &str) -> Result<Self, InvalidRobotName> {
        let (owner, robot) = text.split_once('+').ok_or(InvalidRobotName)?;
        let part = |text: &str| text.parse().map_err(|_| InvalidRobotName);
        Ok(Self { owner: part(owner)?, robot: part(robot)? })
    }
}

impl fmt::Display for RobotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.owner, self.robot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, valid) in [
            ("acme", true),
            ("a", true),
            ("a--b_c__d.e", true),
            ("", false),
            ("library", false),
            ("Acme", false),
            ("acme/app", false),
            ("acme+bot", false),
            ("a..b", false),
            ("-a", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(text.parse::<Name>().is_ok(), valid, "{text}");
        }
        for (text, valid) in [("acme+deploy", true), ("acme", false), ("acme+", false), ("+x", false), ("a+b+c", false)]
        {
            assert_eq!(text.parse::<RobotName>().is_ok(), valid, "{text}");
        }
    }
}

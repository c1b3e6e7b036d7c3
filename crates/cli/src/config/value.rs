//! What a setting can hold: the trait that reads and writes one value, and the plain kinds.

use std::path::PathBuf;

/// A type that a setting can have.
///
/// A value has one spelling in every source: `parse(x.to_toml() without quotes)` gives `x` back. Of lists that holds for each item, but that
/// one with a comma can stand in the file only. Comparison is what a setting's bounds use.
pub(super) trait Value: Sized + PartialOrd {
    /// What the type is called and what it allows.
    const KIND: Kind;

    /// Reads the text of a flag or environment variable, or of a TOML value without its quotes.
    ///
    /// # Errors
    /// If the text does not fit [`Self::KIND`].
    fn parse(text: &str) -> Result<Self, Unfit>;

    /// Reads the items of a list in the file, each of which is whole: one may have commas.
    ///
    /// # Errors
    /// As [`Value::parse`]; the type is no list.
    fn of_items<'a>(_: impl Iterator<Item = &'a str>) -> Result<Self, Unfit> {
        Err(Unfit::because("it is no list"))
    }

    /// The value as TOML, in its shortest exact spelling.
    fn to_toml(&self) -> String;
}

/// How values of one type are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Completes "must be …": `a duration such as 30s`.
    pub(super) allowed: &'static str,
    /// What it is in TOML.
    pub(super) form: Form,
}

/// What a value is in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A number, `true` or `false`.
    Bare,
    /// A string.
    Quoted,
    /// A list of strings. In a source that knows text only they stand with commas between them.
    List,
}

/// A text that does not fit its setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    /// What to know beyond the kind's own description.
    pub(super) because: Option<String>,
}

impl Unfit {
    /// Nothing to say beyond what is allowed.
    pub(super) const PLAIN: Self = Self { because: None };

    /// With what else there is to know.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { because: Some(reason.into()) }
    }
}

impl Value for bool {
    const KIND: Kind = Kind { allowed: "true or false", form: Form::Bare };

    fn parse(text: &str) -> Result<Self, Unfit> {
        text.parse().map_err(|_| Unfit::PLAIN)
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    const KIND: Kind = Kind { allowed: "a whole number", form: Form::Bare };

    fn parse(text: &str) -> Result<Self, Unfit> {
        text.parse().map_err(|_| Unfit::PLAIN)
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind { allowed: "a path", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text.is_empty() || text.contains('\0') { Err(Unfit::PLAIN) } else { Ok(Self::from(text)) }
    }

    fn to_toml(&self) -> String {
        // Lossless: every source of a path is UTF-8 text.
        toml_string(&self.to_string_lossy())
    }
}

/// `text` as a TOML basic string (TOML 1.0, "String").
pub(super) fn toml_string(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            control if control.is_control() => written.push_str(&format!("\\u{:04X}", u32::from(control))),
            plain => written.push(plain),
        }
    }
    written.push('"');
    written
}

/// Finds the choice called `text`.
///
/// # Errors
/// If none is.
pub(super) fn choose<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Unfit> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or(Unfit::PLAIN)
}

//! What the row of a setting holds: a value, or one that may be left out.

use super::reader::{Reader, Reported};
use super::setting::Setting;
use super::value::{Kind, Value};

/// A type that a row of a section can have.
pub(super) trait Field: Sized {
    /// How it is written.
    const KIND: Kind;
    /// Whether it always has a value. Then the row says its default; otherwise, in words, what holds without it.
    const ALWAYS: bool;

    /// Reads it.
    ///
    /// # Errors
    /// If what is given does not fit.
    fn read(reader: &mut Reader, setting: &Setting) -> Result<Self, Reported>;

    /// Its value as TOML, if it has one.
    fn to_toml(&self) -> Option<String>;
}

impl<T: Value> Field for T {
    const KIND: Kind = T::KIND;
    const ALWAYS: bool = true;

    fn read(reader: &mut Reader, setting: &Setting) -> Result<Self, Reported> {
        reader.value(setting)
    }

    fn to_toml(&self) -> Option<String> {
        Some(Value::to_toml(self))
    }
}

impl<T: Value> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const ALWAYS: bool = false;

    fn read(reader: &mut Reader, setting: &Setting) -> Result<Self, Reported> {
        reader.given(setting)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(Value::to_toml)
    }
}

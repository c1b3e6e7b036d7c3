//! One row of the table of settings, and the names made from its key.

use super::field::Field;
use super::named;
use super::value::Kind;

/// What every environment variable of ours begins with.
pub(super) const ENVIRONMENT_PREFIX: &str = "ENTREPOT_";

/// One setting: everything that parsing, help, reference and hints need to know of it.
#[derive(Debug)]
pub(super) struct Setting {
    /// As in the file: `limits.idle_timeout`, or a bare name outside of every section.
    pub(super) key: &'static str,
    /// How its values are written.
    pub(super) kind: Kind,
    /// What holds without it.
    pub(super) default: Fallback,
    /// Sentences, with stops.
    pub(super) description: &'static str,
    /// Least and greatest value, in the setting's own spelling.
    pub(super) bounds: Option<(&'static str, &'static str)>,
    /// Its flag, if it has one.
    pub(super) flag: Option<SettingFlag>,
    /// Whether a running registry takes a new value; otherwise it takes a restart.
    pub(super) reloadable: bool,
    /// Whether its value may have a password in it: then no mistake repeats what is written.
    pub(super) secret: bool,
}

/// The flag of a setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct SettingFlag {
    /// Without the dashes.
    pub(super) name: &'static str,
    /// What its value is called in help.
    pub(super) value: &'static str,
}

/// What holds for a setting that is nowhere set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// A value, as the file would write it but for the quotes.
    Value(&'static str),
    /// Something that depends; in words.
    Words(&'static str),
}

/// The settings that share the first part of their key.
#[derive(Debug)]
pub(super) struct Section {
    /// First part of the key; empty for settings outside of every section.
    pub(super) name: &'static str,
    /// A sentence.
    pub(super) about: &'static str,
    /// In the order of reference and `config show`.
    pub(super) settings: &'static [Setting],
}

impl Section {
    /// Whether there is one of it, and not any number with names of their own.
    pub(super) fn is_one(&self) -> bool {
        !named::has_name(self.name)
    }
}

impl Setting {
    /// A setting of type `T` with no bounds and no flag, that takes a restart to change.
    pub(super) const fn new<T: Field>(key: &'static str, default: Fallback, description: &'static str) -> Self {
        Self { key, kind: T::KIND, default, description, bounds: None, flag: None, reloadable: false, secret: false }
    }

    /// Allows only values from `least` to `greatest`.
    pub(super) const fn within(mut self, least: &'static str, greatest: &'static str) -> Self {
        self.bounds = Some((least, greatest));
        self
    }

    /// Gives it the flag `--name VALUE`.
    pub(super) const fn flag(mut self, name: &'static str, value: &'static str) -> Self {
        self.flag = Some(SettingFlag { name, value });
        self
    }

    /// Lets a running registry take a new value.
    pub(super) const fn reloadable(mut self) -> Self {
        self.reloadable = true;
        self
    }

    /// Lets no mistake repeat its value.
    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The key without its section.
    pub(super) fn name(&self) -> &'static str {
        self.key.rsplit_once('.').map_or(self.key, |(_, name)| name)
    }

    /// `limits.idle_timeout` is `ENTREPOT_LIMITS_IDLE_TIMEOUT`.
    pub(super) fn environment_name(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Completes "must be …".
    pub(super) fn allowed(&self) -> String {
        match self.bounds {
            Some((least, greatest)) => format!("{}, from {least} to {greatest}", self.kind.allowed),
            None => self.kind.allowed.to_owned(),
        }
    }
}

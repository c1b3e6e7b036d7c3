//! Settings from the TOML file, with the line of each.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::reader::{Content, Given, Sources};
use super::sections;
use super::setting::Setting;
use super::value::{Form, toml_string};
use super::{named, nearest};

/// A mistake repeats no more of a value than this many characters.
const LONGEST_REPEATED: usize = 80;

/// Takes the settings out of the file at `path`, which was named at `named`.
pub(super) fn gather(path: &Path, named: Origin, sources: &mut Sources) {
    let name = path.display().to_string();
    let unread = match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => return Walk { path: &name, text: &text, sources }.document(),
        Ok(Err(_)) => "is not UTF-8".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    sources.file_unread = true;
    sources.mistake(named, format!("the configuration file {name:?} {unread}"));
}

/// A walk through one file.
struct Walk<'a> {
    path: &'a str,
    text: &'a str,
    sources: &'a mut Sources,
}

impl Walk<'_> {
    /// Reads the file, or reports every error of syntax: what is beside one may not be what was meant.
    fn document(mut self) {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return self.table("", document.get_ref());
        }
        self.sources.file_unread = true;
        for error in &errors {
            let at = error.span().unwrap_or(0..0);
            self.mistake(&at, format!("this is no TOML: {}", error.message()));
        }
    }

    /// Reads the keys of the table at `path`, which is empty for the document.
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key_text(key.get_ref());
            let name = if path.is_empty() { name } else { format!("{path}.{name}") };
            self.entry(&name, &key.span(), value.get_ref(), &value.span());
        }
    }

    fn entry(&mut self, key: &str, at: &Range<usize>, value: &DeValue<'_>, value_at: &Range<usize>) {
        if let Some(setting) = named::by_key(key) {
            return self.setting(setting, key, at, value, value_at);
        }
        let is_named = named::is_named_section(key);
        let is_section = is_named || sections::TABLE.iter().any(|section| section.is_one() && section.name == key);
        if is_named && matches!(value, DeValue::Table(_)) {
            self.sources.named.insert(key.to_owned());
        }
        match value {
            DeValue::Table(table) if is_section => self.table(key, table),
            _ if is_section => {
                self.mistake(at, format!("{key} is a section: write [{key}], and its keys on the lines after it"));
            }
            DeValue::Table(_) if let Some(why) = named::is_misnamed(key) => self.mistake(at, why),
            // Its keys say more: with their last part alone they may be known.
            DeValue::Table(table) if !table.is_empty() && !resembles_section(key) => self.table(key, table),
            DeValue::Table(_) => {
                let names = sections::TABLE.iter().map(|section| section.name).filter(|name| !name.is_empty());
                self.mistake(at, format!("unknown section {key}; {}", nearest::hint(key, names)));
            }
            _ => {
                let keys: Vec<_> = sections::all().map(|setting| named::as_in(setting.key, key)).collect();
                let hint = nearest::hint(key, keys.iter().map(String::as_str));
                self.mistake(at, format!("unknown key {key}; {hint}"));
            }
        }
    }

    fn setting(
        &mut self,
        setting: &Setting,
        key: &str,
        at: &Range<usize>,
        value: &DeValue<'_>,
        value_at: &Range<usize>,
    ) {
        let content = match value {
            DeValue::String(text) => Content::Quoted(text.to_string()),
            DeValue::Boolean(value) => Content::Bare(value.to_string()),
            DeValue::Integer(number) => {
                let read = i128::from_str_radix(number.as_str(), number.radix());
                Content::Bare(read.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()))
            }
            DeValue::Float(number) => Content::Bare(number.as_str().to_owned()),
            DeValue::Datetime(time) => Content::Bare(time.to_string()),
            DeValue::Array(items) if setting.kind.form == Form::List && items.iter().all(is_string) => {
                let items = items.iter().filter_map(|item| item.get_ref().as_str());
                Content::List(items.map(str::to_owned).collect())
            }
            DeValue::Array(_) | DeValue::Table(_) => {
                let sentence = format!("{key} must be {}, not a list or a section", setting.allowed());
                return self.mistake(at, sentence);
            }
        };
        let origin = self.origin(at);
        let written = shortened(self.text.get(value_at.clone()).unwrap_or_default());
        self.sources.give(key, Given { origin, content, written });
    }

    fn origin(&self, at: &Range<usize>) -> Origin {
        let before = self.text.as_bytes().iter().take(at.start);
        Origin::File { path: self.path.to_owned(), line: before.filter(|byte| **byte == b'\n').count() + 1 }
    }

    fn mistake(&mut self, at: &Range<usize>, sentence: String) {
        let origin = self.origin(at);
        self.sources.mistake(origin, sentence);
    }
}

fn is_string(item: &Spanned<DeValue<'_>>) -> bool {
    item.get_ref().is_str()
}

/// A key as TOML writes it. `"limits.idle_timeout"` in quotes is one key, and not the one in the section `limits`.
fn key_text(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { key.to_owned() } else { toml_string(key) }
}

/// Whether a section was meant, so that one mistake about its name is enough.
fn resembles_section(name: &str) -> bool {
    let names = sections::TABLE.iter().map(|section| section.name);
    nearest::is_near(name, names)
}

/// One line of `text`, at most [`LONGEST_REPEATED`] characters of it.
fn shortened(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST_REPEATED).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}

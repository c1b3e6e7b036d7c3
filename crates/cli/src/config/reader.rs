//! Reads typed values out of what file, environment and flags give, and collects every mistake on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::environment;
use super::file;
use super::flags::Flags;
use super::mistake::{Mistake, Mistakes};
use super::named;
use super::origin::{Origin, Origins};
use super::setting::{Fallback, Section, Setting};
use super::value::{Form, Unfit, Value, toml_string};

/// A value that some source gives, not yet judged.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Where.
    pub(super) origin: Origin,
    /// What.
    pub(super) content: Content,
    /// How a mistake repeats it.
    pub(super) written: String,
}

/// What is given.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// By a source that knows text only.
    Text(String),
    /// In the file, as a number or a word.
    Bare(String),
    /// In the file, in quotes, which are left out here.
    Quoted(String),
    /// In the file, in square brackets: each item by itself.
    List(Vec<String>),
}

impl Given {
    /// From a source that knows text only.
    pub(super) fn text(origin: Origin, text: &str) -> Self {
        Self { origin, content: Content::Text(text.to_owned()), written: toml_string(text) }
    }
}

/// What all sources give together.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// By key.
    pub(super) given: BTreeMap<String, Vec<Given>>,
    /// The sections with a name of their own that somebody writes, also those with nothing in them.
    pub(super) named: BTreeSet<String>,
    /// What could not even be given to a setting.
    pub(super) mistakes: Vec<Mistake>,
    /// Whether the file could not be read whole, which is among the mistakes.
    pub(super) file_unread: bool,
}

impl Sources {
    /// Adds a value of the setting with this key.
    pub(super) fn give(&mut self, key: &str, given: Given) {
        self.given.entry(key.to_owned()).or_default().push(given);
    }

    /// Adds a mistake.
    pub(super) fn mistake(&mut self, origin: Origin, sentence: String) {
        self.mistakes.push(Mistake { origin: Some(origin), sentence });
    }
}

/// Says that a mistake has been recorded; only [`Reader`] makes one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// Reads settings one by one.
#[derive(Debug)]
pub(super) struct Reader {
    given: BTreeMap<String, Vec<Given>>,
    named: BTreeSet<String>,
    /// The name of the section that is read, if it has one of its own.
    name: Option<String>,
    origins: Origins,
    mistakes: Vec<Mistake>,
    file_unread: bool,
}

impl Reader {
    /// Gathers what the flags, this process's environment and the file they name say.
    pub(super) fn of(flags: &Flags) -> Self {
        let mut sources = Sources::default();
        let config = environment::gather(std::env::vars_os(), &mut sources);
        let named = flags.config().or(config);
        if let Some((origin, path)) = named {
            file::gather(&path, origin, &mut sources);
        }
        flags.gather(&mut sources);
        Self::new(sources)
    }

    /// Gathers what one file says, which the flag `name` names.
    pub(super) fn of_file(path: &Path, name: &'static str) -> Self {
        let mut sources = Sources::default();
        file::gather(path, Origin::Flag { name }, &mut sources);
        Self::new(sources)
    }

    fn new(sources: Sources) -> Self {
        let mut given = sources.given;
        for values in given.values_mut() {
            values.sort_by(|a, b| a.origin.cmp(&b.origin));
        }
        let strongest = given.iter().filter_map(|(key, values)| Some((key.clone(), values.last()?.origin.clone())));
        let origins = Origins(strongest.collect());
        let Sources { named, mistakes, file_unread, .. } = sources;
        Self { given, named, name: None, origins, mistakes, file_unread }
    }

    /// Reads a section of which there may be several, each with a name of its own, once for each name.
    ///
    /// # Errors
    /// If one of them could not be read; the others are read nevertheless.
    pub(super) fn each<T>(
        &mut self,
        section: &Section,
        read: impl Fn(&mut Self) -> Result<T, Reported>,
    ) -> Result<BTreeMap<String, T>, Reported> {
        let names = self.named.iter().filter_map(|written| named::name_in(section.name, written));
        let names: Vec<_> = names.map(str::to_owned).collect();
        let mut all = Ok(BTreeMap::new());
        for name in names {
            let one = self.within(&name, &read);
            all = all.and_then(|mut all| {
                all.insert(name, one?);
                Ok(all)
            });
        }
        all
    }

    /// Reads in the section with this name.
    pub(super) fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.name = Some(name.to_owned());
        let read = read(self);
        self.name = None;
        read
    }

    /// A key of the table as it is written in the section that is read.
    pub(super) fn key(&self, key: &str) -> String {
        self.name.as_ref().map_or_else(|| key.to_owned(), |name| named::with_name(key, name))
    }

    /// The value of `setting` from its strongest source, otherwise its default.
    ///
    /// # Errors
    /// If any source gives a wrong one: a flag hides a wrong line in the file, but does not mend it.
    pub(super) fn value<T: Value>(&mut self, setting: &Setting) -> Result<T, Reported> {
        if let Some(value) = self.given(setting)? {
            return Ok(value);
        }
        let parsed = match setting.default {
            Fallback::Value(text) => T::parse(text).and_then(|value| fit(setting, value)),
            Fallback::Words(words) => Err(Unfit::because(words)),
        };
        parsed.map_err(|unfit| self.unfit(setting, None, "left out", &unfit))
    }

    /// The value of `setting` from its strongest source, if one sets it.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub(super) fn given<T: Value>(&mut self, setting: &Setting) -> Result<Option<T>, Reported> {
        let mut strongest = Ok(None);
        for given in self.given.remove(&self.key(setting.key)).unwrap_or_default() {
            strongest = match parse(setting, &given.content).and_then(|value| fit(setting, value)) {
                Ok(value) => strongest.map(|_: Option<T>| Some(value)),
                Err(unfit) => Err(self.unfit(setting, Some(given.origin), &given.written, &unfit)),
            };
        }
        strongest
    }

    /// Records a mistake about the setting called `key`, where that was set.
    pub(super) fn mistake(&mut self, key: &str, sentence: String) -> Reported {
        let origin = self.origins.0.get(&self.key(key)).cloned();
        self.mistakes.push(Mistake { origin, sentence });
        Reported(())
    }

    /// As [`Self::mistake`], about a setting that another one lacks. If the file could not be read, that one may well
    /// stand in it: then the mistake about the file is enough.
    pub(super) fn lack(&mut self, key: &str, sentence: String) -> Reported {
        if self.file_unread { Reported(()) } else { self.mistake(key, sentence) }
    }

    fn unfit(&mut self, setting: &Setting, origin: Option<Origin>, written: &str, unfit: &Unfit) -> Reported {
        let because = unfit.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
        let written = if setting.secret { "what is written there" } else { written };
        let sentence = format!("{} must be {}, not {written}{because}", self.key(setting.key), setting.allowed());
        self.mistakes.push(Mistake { origin, sentence });
        Reported(())
    }

    /// Where each setting came from.
    pub(super) fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// `read` if nothing was wrong.
    ///
    /// # Errors
    /// Every mistake, also those that have nothing to do with what was read.
    pub(super) fn finish<T>(self, read: Result<T, Reported>) -> Result<T, Mistakes> {
        match read {
            Ok(read) if self.mistakes.is_empty() => Ok(read),
            _ => Err(Mistakes::sorted(self.mistakes)),
        }
    }
}

/// Parses a value that is written as its setting wants it in a file, as a string, bare or as a list.
fn parse<T: Value>(setting: &Setting, content: &Content) -> Result<T, Unfit> {
    match (content, setting.kind.form) {
        (Content::List(items), _) => T::of_items(items.iter().map(String::as_str)),
        (Content::Bare(_), Form::Quoted) => Err(Unfit::because("write it in quotes")),
        (Content::Quoted(_), Form::Bare) => Err(Unfit::because("write it without quotes")),
        (Content::Bare(_) | Content::Quoted(_), Form::List) => {
            Err(Unfit::because("write it as a list, in square brackets"))
        }
        (Content::Text(text) | Content::Bare(text) | Content::Quoted(text), _) => T::parse(text),
    }
}

/// Holds a value against the setting's bounds.
fn fit<T: Value>(setting: &Setting, value: T) -> Result<T, Unfit> {
    let Some((least, greatest)) = setting.bounds else { return Ok(value) };
    if value < T::parse(least)? || value > T::parse(greatest)? { Err(Unfit::PLAIN) } else { Ok(value) }
}

//! Settings from flags. Names and help come from the table of settings.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::environment::CONFIG_VARIABLE;
use super::origin::Origin;
use super::reader::{Given, Sources};
use super::sections;
use super::setting::{Fallback, Setting, SettingFlag};

const CONFIG_FLAG: &str = "config";

const AFTER_HELP: &str = "\
A flag wins over an environment variable, that over the file, and that over the default.
These are the common settings; `entrepot config reference` explains all of them.";

/// The configuration as flags give it.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    config: Option<PathBuf>,
    given: Vec<GivenFlag>,
}

/// A flag that stands on the command line.
#[derive(Clone, Debug)]
struct GivenFlag {
    setting: &'static Setting,
    flag: SettingFlag,
    text: String,
}

impl Flags {
    /// The file that `--config` names.
    pub(super) fn config(&self) -> Option<(Origin, PathBuf)> {
        let path = self.config.clone()?;
        Some((Origin::Flag { name: CONFIG_FLAG }, path))
    }

    /// Takes the settings out of the flags.
    pub(super) fn gather(&self, sources: &mut Sources) {
        for GivenFlag { setting, flag, text } in &self.given {
            sources.give(setting.key, Given::text(Origin::Flag { name: flag.name }, text));
        }
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.arg(config_argument()).args(with_flag().map(argument)).after_help(AFTER_HELP)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = with_flag().filter_map(|(setting, flag)| {
            // A command may have some of them only.
            let text = matches.try_get_one::<String>(flag.name).ok()??.clone();
            Some(GivenFlag { setting, flag, text })
        });
        Ok(Self { config: matches.get_one::<PathBuf>(CONFIG_FLAG).cloned(), given: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flags that say where the data is, for commands that work on it and nothing else. They may stand anywhere behind the
/// command's name.
#[derive(Clone, Debug)]
pub(crate) struct DataFlags(Flags);

impl DataFlags {
    /// The configuration as these flags give it.
    pub(crate) fn flags(&self) -> &Flags {
        &self.0
    }
}

impl Args for DataFlags {
    fn augment_args(command: Command) -> Command {
        let place = with_flag().filter(|(setting, _)| setting.key == sections::DATA_DIR.key);
        command.arg(config_argument().global(true)).args(place.map(argument).map(|argument| argument.global(true)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DataFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Flags::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// Every setting that has a flag.
fn with_flag() -> impl Iterator<Item = (&'static Setting, SettingFlag)> {
    sections::all().filter_map(|setting| Some((setting, setting.flag?)))
}

fn config_argument() -> Arg {
    Arg::new(CONFIG_FLAG).long(CONFIG_FLAG).value_name("FILE").value_parser(value_parser!(PathBuf)).help(format!(
        "TOML file with the configuration. Without it none is read: no file is looked for. [environment: {CONFIG_VARIABLE}]"
    ))
}

/// The value of a flag stays text: the reader judges it together with all others.
fn argument((setting, flag): (&Setting, SettingFlag)) -> Arg {
    let default = match setting.default {
        Fallback::Value(text) | Fallback::Words(text) => text,
    };
    let help = format!(
        "{} [key: {}] [environment: {}] [default: {default}]",
        setting.description,
        setting.key,
        setting.environment_name()
    );
    Arg::new(flag.name).long(flag.name).value_name(flag.value).help(help)
}

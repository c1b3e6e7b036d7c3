//! `entrepot config check | show | reference`.

use std::process::ExitCode;

use crate::arguments::ConfigCommand;
use crate::commands::print;
use crate::config::{self, Config, Mistakes};

/// Exit code for a configuration that has mistakes; the same as for a wrong argument.
const WRONG_CONFIGURATION: u8 = 2;

/// Runs one of the commands: what was asked for goes to standard output, mistakes and warnings to standard error.
pub(crate) fn run(command: &ConfigCommand) -> ExitCode {
    let printed = match command {
        ConfigCommand::Check(flags) => Config::load(flags).map(|_| "configuration is valid\n".to_owned()),
        ConfigCommand::Show(flags) => Config::load(flags).map(|config| config::show(&config)),
        ConfigCommand::Reference => Ok(config::reference()),
    };
    match printed {
        Ok(text) => print(&text),
        Err(mistakes) => refuse(&mistakes),
    }
}

/// Says what is wrong with the configuration and ends the command.
pub(crate) fn refuse(mistakes: &Mistakes) -> ExitCode {
    eprint!("{mistakes}");
    ExitCode::from(WRONG_CONFIGURATION)
}

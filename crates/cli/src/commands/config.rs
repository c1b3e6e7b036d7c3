//! `entrepot config check | show | reference`.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::arguments::ConfigCommand;
use crate::config::{self, Config, Flags, Mistakes};

/// Exit code for a configuration that has mistakes; the same as for a wrong argument.
const WRONG_CONFIGURATION: u8 = 2;

/// Runs one of the commands: what was asked for goes to standard output, mistakes and warnings to standard error.
pub(crate) fn run(command: &ConfigCommand) -> ExitCode {
    let printed = match command {
        ConfigCommand::Check(flags) => load(flags).map(|_| "configuration is valid\n".to_owned()),
        ConfigCommand::Show(flags) => load(flags).map(|config| config::show(&config)),
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

/// Loads the configuration and passes on its warnings.
pub(crate) fn load(flags: &Flags) -> Result<Config, Mistakes> {
    let config = Config::load(flags)?;
    for warning in config.warnings() {
        eprintln!("warning: {warning}");
    }
    Ok(config)
}

/// Prints `text`. A reader that closes early (`entrepot config reference | head`) has what it wanted.
fn print(text: &str) -> ExitCode {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("entrepot: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

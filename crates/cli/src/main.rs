//! The binary `entrepot`: arguments, configuration, wiring; nothing else.

mod arguments;
mod config;
mod commands {
    pub(crate) mod config;
}

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Config(command) => commands::config::run(&command),
    }
}

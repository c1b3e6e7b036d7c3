#![doc = include_str!("../README.md")]

mod arguments;
mod commands;
mod config;
mod data;
#[cfg(feature = "failpoints")]
mod fail_points;
mod logging;
mod process;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, DatabaseCommand};

fn main() -> ExitCode {
    // Until the process ends.
    #[cfg(feature = "failpoints")]
    let _armed = fail_points::arm();
    match Arguments::parse().command {
        Command::Serve(flags) => commands::serve::run(&flags),
        Command::Purge(flags) => commands::purge::run(&flags),
        Command::Database(DatabaseCommand::Move(arguments)) => commands::database::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Store(command) => commands::store::run(&command),
        Command::Config(command) => commands::config::run(&command),
    }
}

//! The project's own tasks: `cargo xtask --help`.

mod conformance;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Tools(tools::Arguments),
    Conformance(conformance::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Tools(arguments) => tools::run(&arguments),
        Task::Conformance(arguments) => conformance::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence with its causes; a backtrace would bury it.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! The project's own tasks: `cargo xtask --help`.

mod bench;
mod conformance;
mod crash;
mod fuzz;
mod random;
mod shell;
mod test;
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
    Test(test::Arguments),
    Conformance(conformance::Arguments),
    Crash(crash::Arguments),
    Fuzz(fuzz::Arguments),
    Bench(bench::Arguments),
    Tools(tools::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Conformance(arguments) => conformance::run(&arguments),
        Task::Crash(arguments) => crash::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Tools(arguments) => tools::run(&arguments),
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

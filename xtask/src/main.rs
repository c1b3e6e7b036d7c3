//! The project's own tasks: `cargo xtask --help`.

mod conformance;
mod tools;

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

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Tools(arguments) => tools::run(&arguments),
        Task::Conformance(arguments) => conformance::run(&arguments),
    }
}

//! `entrepot database move`: carries all facts to another database.

mod place;
mod progress;

use std::process::ExitCode;

use anyhow::Context;
use entrepot_database::{Cancelled, Move, Part, Summary};

pub(crate) use self::place::Place;
use self::progress::Progress;
use crate::arguments::MoveArguments;
use crate::commands;
use crate::config::Config;
use crate::data::ROOMS;

/// Moves, or gives a move up.
pub(crate) fn run(arguments: &MoveArguments) -> ExitCode {
    commands::configured(&arguments.flags, |config| {
        commands::conclude(commands::until_interrupted(
            "nothing is lost. If the move had begun, the same command goes on with it, and --cancel gives it up",
            go(arguments, &config),
        ))
    })
}

async fn go(arguments: &MoveArguments, config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.from.is_some() || arguments.to.is_some() || arguments.cancel,
        "say where to: --to sqlite:FILE or --to postgres://USER@HOST/DATABASE"
    );
    let from = Place::named(arguments.from.as_deref(), config).context("--from")?;
    if arguments.cancel {
        return cancel(&from, arguments, config).await;
    }
    let to = Place::named(arguments.to.as_deref(), config).context("--to")?;
    anyhow::ensure!(from != to, "--from and --to are the same database, {from}");
    from.exists()?;
    let (old, new) = (from.open(config).await?, to.open(config).await?);
    let mut progress = Progress::start();
    let summary = Move::new(old, new, ROOMS).run(|step| progress.show(step)).await;
    progress.end();
    print_summary(&summary?, &from, &to, config);
    Ok(())
}

fn print_summary(summary: &Summary, from: &Place, to: &Place, config: &Config) {
    println!("moved everything from {from} to {to}; every row is the same in both:");
    for (table, rows) in &summary.tables {
        println!("  {rows:>12}  {table}");
    }
    let all: u64 = summary.tables.iter().map(|(_, rows)| rows).sum();
    println!("  {all:>12}  rows in all");
    println!("{from} refuses writes from now on. Stop the registry, {}, and start it again.", to.how_to_use(config));
}

async fn cancel(from: &Place, arguments: &MoveArguments, config: &Config) -> anyhow::Result<()> {
    from.exists()?;
    let old = from.open(config).await?;
    // Where it goes is known, if it was begun.
    let begun = old.database.moved().await?.filter(|moved| moved.part == Part::From).map(|moved| moved.peer);
    let to = match arguments.to.as_deref().or(begun.as_deref()) {
        Some(to) => Place::named(Some(to), config).context("--to")?,
        None => anyhow::bail!("no move from {from} is under way"),
    };
    let cancelled = match to.open_if_there(config).await {
        Ok(new) => Move::new(old, new, ROOMS).cancel().await?,
        Err(error) => Move::cancel_without(&old, error).await?,
    };
    match cancelled {
        Cancelled::GivenUp { left: None } => println!("{from} takes writes again; what was copied to {to} is removed"),
        Cancelled::GivenUp { left: Some(error) } => println!(
            "{from} takes writes again. What was copied to {to} could not be removed ({}): remove that database, or run this \
             command again with --to",
            error.message()
        ),
        Cancelled::Emptied => println!("what was copied to {to} is removed"),
        Cancelled::Reopened { peer } => println!(
            "{from} takes writes again. The move to {peer} was done, and it takes writes too: let only one of them be used, \
             because neither learns what is pushed to the other"
        ),
    }
    Ok(())
}

//! `entrepot store check`: whether the configured store can do everything that the registry needs.

use std::process::ExitCode;

use anyhow::Context;
use entrepot_store::{Check, Outcome, Store};

use crate::arguments::StoreCommand;
use crate::commands;
use crate::config::{Config, Flags};
use crate::data;

/// Runs one of the commands.
pub(crate) fn run(command: &StoreCommand) -> ExitCode {
    match command {
        StoreCommand::Check(flags) => check(flags),
    }
}

fn check(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| commands::conclude(commands::block_on(try_all(&config))))
}

async fn try_all(config: &Config) -> anyhow::Result<()> {
    let checks = open(config).await?.check().await;
    print!("{}", table(&checks));
    let failed = checks.iter().filter(|check| !check.is_good()).count();
    anyhow::ensure!(failed == 0, "the store cannot do {failed} of the {} things that are needed", checks.len());
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    match &config.objects {
        Some(objects) => data::open_objects(objects).await,
        None => Store::open(&config.data_dir)
            .with_context(|| format!("cannot use the data directory {}", config.data_dir.display())),
    }
}

/// A line for each check, and under one that failed what is missing and what the store said.
fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.what.len()).max().unwrap_or_default();
    let lines = checks.iter().map(|Check { what, outcome }| match outcome {
        Outcome::Works => format!("ok      {what}\n"),
        Outcome::NotNeeded(why) => format!("-       {what:width$}  {why}\n"),
        Outcome::Fails { error, missing } => format!("FAILED  {what:width$}  needed: {missing}\n        {error}\n"),
    });
    lines.collect()
}

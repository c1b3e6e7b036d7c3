//! `entrepot mail check`: tries the mail server as it is configured.

use std::process::ExitCode;

use anyhow::Context;

use crate::commands;
use crate::config::{Config, Flags};

/// Connects, greets and logs in, and sends nothing.
pub(crate) fn check(flags: &Flags) -> ExitCode {
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(mistakes) => return commands::config::refuse(&mistakes),
    };
    commands::conclude(ask(&config))
}

fn ask(config: &Config) -> anyhow::Result<()> {
    let mailer = config.mailer.as_ref().context("there is no way for letters: mail.host is not set")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(mailer.check()).context("the mail server takes no letters")?;
    println!("the mail server would take letters");
    Ok(())
}

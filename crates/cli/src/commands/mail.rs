//! `entrepot mail check`: tries the mail server as it is configured.

use std::process::ExitCode;

use anyhow::Context;

use crate::commands;
use crate::config::{Config, Flags};

/// Connects, greets and logs in, and sends nothing.
pub(crate) fn check(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| commands::conclude(commands::block_on(ask(&config))))
}

async fn ask(config: &Config) -> anyhow::Result<()> {
    let mailer = config.mailer.as_ref().context("there is no way for letters: mail.host is not set")?;
    mailer.check().await.context("the mail server takes no letters")?;
    println!("the mail server would take letters");
    Ok(())
}

//! `entrepot ldap check`: tries the company's directory as it is configured.

use std::process::ExitCode;

use anyhow::Context;

use crate::commands;
use crate::config::{Config, Flags};

/// Tries every server of the directory, and says how far it got.
pub(crate) fn check(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| commands::conclude(commands::block_on(try_all(&config))))
}

async fn try_all(config: &Config) -> anyhow::Result<()> {
    let directory = config.directory.as_ref().context("there is no directory: ldap.urls is not set")?;
    let checks = directory.check().await;
    let mut failed = 0;
    for check in &checks {
        let passed: Vec<_> = check.passed.iter().map(ToString::to_string).collect();
        println!(
            "{}: {}",
            check.server,
            if passed.is_empty() { "nothing works".to_owned() } else { passed.join(", ") }
        );
        if let Some(failure) = &check.failed {
            println!("  failed: {}: {}", failure.step, failure.why);
            failed += 1;
        }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} servers do not do what the registry needs", checks.len());
    Ok(())
}

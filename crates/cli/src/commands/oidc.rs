//! `entrepot oidc check`: tries the providers at which people log in, as they are configured.

use std::process::ExitCode;

use anyhow::Context;
use entrepot_identity::provider::{Client, Issuer, Login, Pace};

use crate::commands;
use crate::config::{Config, Flags};

/// Tries every provider, and says of each what is wrong and where it has to send people back to.
pub(crate) fn check(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| commands::conclude(commands::block_on(try_all(&config))))
}

async fn try_all(config: &Config) -> anyhow::Result<()> {
    let providers = &config.login_providers;
    anyhow::ensure!(!providers.is_empty(), "there is no provider: no section [oidc.NAME] is there");
    let url = config.http.public_url.as_ref().context("http.public_url is not set")?;
    let client = Client::trusting(config.oidc.ca_file.as_deref());
    let client = client.map_err(|why| anyhow::anyhow!("cannot use oidc.ca_file: {why}"))?;
    let mut failed = 0;
    for provider in providers {
        let issuer = Issuer::new(client.clone(), provider.issuer.clone(), Pace::default());
        match Login::new(issuer, provider.registration.clone()).check().await {
            Ok(()) => println!("{}: {} answers, and takes our secret", provider.name, provider.issuer),
            Err(refused) => {
                println!("{}: failed: {refused}", provider.name);
                failed += 1;
            }
        }
        println!("  it has to send people back to {}", url.at(&provider.name.callback_path()));
    }
    anyhow::ensure!(failed == 0, "{failed} of {} providers do not do what the registry needs", providers.len());
    Ok(())
}

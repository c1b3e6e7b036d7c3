//! How commands are run: with the configuration, and in a runtime of their own.

use std::process::ExitCode;

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands;
use crate::config::{Config, Flags};

/// Runs a command with the configuration, or says what is wrong with that.
pub(super) fn configured(flags: &Flags, run: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::load(flags) {
        Ok(config) => run(config),
        Err(mistakes) => commands::config::refuse(&mistakes),
    }
}

/// Waits for `work`, on one thread.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    Builder::new_current_thread().enable_all().build().context("cannot start")?.block_on(work)
}

/// Waits for long `work`, on all processors, until the process is asked to end: then it fails with what `afterwards` says. What is just being
/// read or written is not waited for, so it has to be there as a whole or not at all.
pub(super) fn until_interrupted<T>(
    afterwards: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = work => done,
            () = interrupted() => anyhow::bail!("interrupted; {afterwards}"),
        }
    });
    runtime.shutdown_background();
    done
}

/// Ready when the process is asked to end.
async fn interrupted() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

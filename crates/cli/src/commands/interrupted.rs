//! Long work that ends early when the process is asked to.

use tokio::signal::unix::{SignalKind, signal};

/// Ready when the process is asked to end.
pub(crate) async fn interrupted() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

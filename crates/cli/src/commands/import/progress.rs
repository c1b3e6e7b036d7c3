//! How far an import is, for people: one line that changes on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use entrepot_import::Far;

use super::summary::bytes;

/// How often the line on a terminal changes.
const REDRAW: Duration = Duration::from_millis(200);
/// How often there is a line elsewhere.
const REPEAT: Duration = Duration::from_secs(10);

/// The display, on standard error.
pub(super) struct Progress {
    import: Arc<entrepot_import::Progress>,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn of(import: Arc<entrepot_import::Progress>) -> Self {
        Self { import, terminal: io::stderr().is_terminal(), shown: false }
    }

    /// Shows how far it is, for ever.
    pub(super) async fn show(&mut self) {
        loop {
            tokio::time::sleep(if self.terminal { REDRAW } else { REPEAT }).await;
            let Far { repositories, of, manifests, blobs, bytes: read } = self.import.far();
            let line = format!(
                "{repositories} of {of} repositories, {manifests} manifests, {blobs} blobs of {} read",
                bytes(read)
            );
            if self.terminal {
                // Clears what is left of a longer line. What cannot be shown is not needed.
                eprint!("\r\x1b[K{line}");
                let _unseen = io::stderr().flush();
            } else {
                eprintln!("{line}");
            }
            self.shown = true;
        }
    }

    /// Leaves the line, so that what follows has its own.
    pub(super) fn end(&self) {
        if self.terminal && self.shown {
            eprintln!();
        }
    }
}

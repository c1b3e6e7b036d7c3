//! How far long work is, for people: one line on a terminal that changes, a line now and then elsewhere. On standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line on a terminal changes.
const REDRAW: Duration = Duration::from_millis(100);
/// How often there is a line elsewhere.
const REPEAT: Duration = Duration::from_secs(10);

/// The place of the line.
pub(crate) struct Progress {
    terminal: bool,
    shown: Option<Instant>,
    /// The line on the terminal has no end yet.
    open: bool,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn start() -> Self {
        Self { terminal: io::stderr().is_terminal(), shown: None, open: false }
    }

    /// How long a line stands at least.
    pub(crate) fn pause(&self) -> Duration {
        if self.terminal { REDRAW } else { REPEAT }
    }

    /// Shows the line that `text` makes, if it is time, or if it is the `last` of its kind.
    pub(crate) fn show(&mut self, last: bool, text: impl FnOnce() -> String) {
        if !last && self.shown.is_some_and(|shown| shown.elapsed() < self.pause()) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = text();
        if !self.terminal {
            eprintln!("{line}");
            return;
        }
        // Clears what is left of a longer line.
        eprint!("\r\x1b[K{line}");
        self.open = true;
        if last {
            self.end();
        }
        // What cannot be shown is not needed.
        let _unseen = io::stderr().flush();
    }

    /// Leaves the line, so that what follows has its own.
    pub(crate) fn end(&mut self) {
        if self.open {
            eprintln!();
            self.open = false;
        }
    }
}

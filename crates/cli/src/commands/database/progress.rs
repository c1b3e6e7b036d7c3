//! How far a move is, for people: one line that changes on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use entrepot_database::{Far, Step};

/// How often the line on a terminal changes.
const REDRAW: Duration = Duration::from_millis(100);
/// How often there is a line elsewhere.
const REPEAT: Duration = Duration::from_secs(10);

/// The display, on standard error.
pub(crate) struct Progress {
    terminal: bool,
    /// What is being done to which table, since when, and how many rows there were then.
    current: Option<(&'static str, &'static str, Instant, u64)>,
    shown: Option<Instant>,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn start() -> Self {
        Self { terminal: io::stderr().is_terminal(), current: None, shown: None }
    }

    /// Shows a step, if it is time.
    pub(crate) fn show(&mut self, step: Step) {
        match step {
            Step::Begun { again: false } => eprintln!("the old database refuses writes; copying"),
            Step::Begun { again: true } => eprintln!("going on with the move that was begun"),
            Step::Copied(far) => self.far("copied", far),
            Step::Compared(far) => self.far("compared", far),
        }
    }

    fn far(&mut self, done: &'static str, far: Far) {
        let Far { table, rows, of } = far;
        let (since, before) = match self.current {
            Some((what, which, since, before)) if what == done && which == table => (since, before),
            _ => {
                // What was copied before this run does not count for the rate, and neither does the first page.
                let begun = (done, table, Instant::now(), rows);
                self.current = Some(begun);
                (begun.2, begun.3)
            }
        };
        let pause = if self.terminal { REDRAW } else { REPEAT };
        let last = rows >= of;
        if !last && self.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let seconds = since.elapsed().as_secs_f64();
        let rate = match seconds > 0.5 {
            true => format!(", {:.0} rows/s", (rows - before) as f64 / seconds),
            false => String::new(),
        };
        let line = format!("{done} {table}: {rows} of {of} rows{rate}");
        if self.terminal {
            // Clears what is left of a longer line.
            eprint!("\r\x1b[K{line}");
            if last {
                eprintln!();
            }
            // What cannot be shown is not needed.
            let _unseen = io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// Leaves the line, so that what follows has its own.
    pub(crate) fn end(&self) {
        if self.terminal && self.current.is_some() {
            eprintln!();
        }
    }
}

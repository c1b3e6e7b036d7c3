//! How far a move is, for people.

use std::time::Instant;

use entrepot_database::{Far, Step};

use crate::commands::progress;

/// The display, on standard error.
pub(crate) struct Progress {
    line: progress::Progress,
    /// What is being done to which table, since when, and how many rows there were then.
    current: Option<(&'static str, &'static str, Instant, u64)>,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn start() -> Self {
        Self { line: progress::Progress::start(), current: None }
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
        self.line.show(rows >= of, || {
            let seconds = since.elapsed().as_secs_f64();
            let rate = match seconds > 0.5 {
                true => format!(", {:.0} rows/s", (rows - before) as f64 / seconds),
                false => String::new(),
            };
            format!("{done} {table}: {rows} of {of} rows{rate}")
        });
    }

    /// Leaves the line, so that what follows has its own.
    pub(crate) fn end(&mut self) {
        self.line.end();
    }
}

//! How far an import is, for people.

use std::sync::Arc;

use entrepot_import::Far;

use super::summary::bytes;
use crate::commands::progress;

/// The display, on standard error.
pub(super) struct Progress {
    import: Arc<entrepot_import::Progress>,
    line: progress::Progress,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn of(import: Arc<entrepot_import::Progress>) -> Self {
        Self { import, line: progress::Progress::start() }
    }

    /// Shows how far it is, for ever.
    pub(super) async fn show(&mut self) {
        loop {
            tokio::time::sleep(self.line.pause()).await;
            let Far { repositories, of, manifests, blobs, bytes: read } = self.import.far();
            self.line.show(false, || {
                let read = bytes(read);
                format!("{repositories} of {of} repositories, {manifests} manifests, {blobs} blobs of {read} read")
            });
        }
    }

    /// Leaves the line, so that what follows has its own.
    pub(super) fn end(&mut self) {
        self.line.end();
    }
}

//! Where events go: standard error, as text for people or as JSON for machines, written by a thread of its own.

mod json;

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use self::json::JsonLines;
use crate::config::{Log, LogFormat};

/// Writes what is left when dropped, and changes the level while it runs.
pub(crate) struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    _flush: WorkerGuard,
}

impl Logging {
    /// Starts logging for the whole process.
    pub(crate) fn start(log: &Log) -> Self {
        let (writer, flush) = tracing_appender::non_blocking(stderr());
        let (filter, handle) = reload::Layer::new(EnvFilter::new(log.level.as_str()));
        tracing_subscriber::registry().with(filter).with(layer(&log.format, writer)).init();
        Self { filter: handle, _flush: flush }
    }

    /// Takes the level of a configuration that was read again.
    pub(crate) fn set_level(&self, log: &Log) {
        // Fails only when the subscriber is gone, and with it the need.
        let _gone = self.filter.reload(EnvFilter::new(log.level.as_str()));
    }
}

type Filtered = tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>;

fn layer(format: &LogFormat, writer: NonBlocking) -> Box<dyn Layer<Filtered> + Send + Sync> {
    let text = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if text {
        fmt::layer().with_writer(writer).with_ansi(stderr().is_terminal()).boxed()
    } else {
        fmt::layer().event_format(JsonLines).fmt_fields(JsonFields::new()).with_writer(writer).boxed()
    }
}

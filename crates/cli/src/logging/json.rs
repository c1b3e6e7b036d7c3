//! An event as a line of JSON. What `tracing-subscriber` writes itself leaves out why an error came about.

use std::error::Error;
use std::fmt::{self, Debug};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Time, level, what the event says, its target, and the innermost span, whose fields are JSON.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        // An event of the crate `log` has these in fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut object = Object(b"{".to_vec());
        object.entry("timestamp", &time);
        object.entry("level", metadata.level().as_str());
        event.record(&mut object);
        object.entry("target", metadata.target());
        if let Some(span) = event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.fields.as_str());
            let inside = fields.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')).unwrap_or_default();
            object.name("span");
            object.0.push(b'{');
            object.0.extend(inside.as_bytes());
            object.entry("name", span.name());
            object.0.push(b'}');
        }
        object.0.extend(b"}\n");
        writer.write_str(std::str::from_utf8(&object.0).map_err(|_| fmt::Error)?)
    }
}

/// A JSON object that is being written.
struct Object(Vec<u8>);

impl Object {
    fn entry(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        self.value(value);
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with(b"{") {
            self.0.push(b',');
        }
        self.value(name);
        self.0.push(b':');
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        let begin = self.0.len();
        if serde_json::to_writer(&mut self.0, value).is_err() {
            // No value of an event fails, and half of one would spoil the line.
            self.0.truncate(begin);
            self.0.extend(b"null");
        }
    }

    /// What the crate `log` has in fields is in the metadata.
    fn field(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if !field.name().starts_with("log.") {
            self.entry(field.name(), value);
        }
    }
}

impl Visit for Object {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value);
    }

    /// With its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let said: Vec<_> = anyhow::Chain::new(value).map(ToString::to_string).collect();
        self.field(field, &said.join(": "));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt::{Display, Formatter};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt;
    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt;

    use super::JsonLines;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Failed(io::Error);

    impl Display for Failed {
        fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
            f.write_str("the database failed")
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_event_with_its_span_and_the_causes_of_its_error() {
        let written = Written::default();
        let writer = written.clone();
        let layer =
            fmt::layer().event_format(JsonLines).fmt_fields(JsonFields::new()).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _span = tracing::error_span!("request", id = "7\"").entered();
            let error = Failed(io::Error::other("disk full"));
            tracing::warn!(error = &error as &dyn Error, tries = 2, again = true, who = %"a\nb", "it stays");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["error"], "the database failed: disk full");
        assert_eq!((&line["tries"], &line["again"], &line["who"]), (&2.into(), &true.into(), &"a\nb".into()));
        assert_eq!((&line["message"], &line["level"]), (&"it stays".into(), &"WARN".into()));
        assert_eq!((&line["span"]["id"], &line["span"]["name"]), (&"7\"".into(), &"request".into()));
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z') && line["target"].is_string());
    }
}

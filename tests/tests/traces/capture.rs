//! A subscriber that keeps the spans of the library and of the tests, and writes them as text.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The warnings of the library, with their sessions.
static WARNINGS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// The spans of the process, in the order of their creation.
static SPANS: Mutex<Spans> = Mutex::new(Spans { all: Vec::new(), open: None });

struct Spans {
    all: Vec<Captured>,
    /// The indices of the open spans.
    open: Option<HashMap<u64, usize>>,
}

struct Captured {
    name: &'static str,
    parent: Option<usize>,
    fields: BTreeMap<String, String>,
    events: Vec<String>,
    is_closed: bool,
}

struct Capture;

/// Installs the subscriber, once for all tests.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Capture);
        tracing::subscriber::set_global_default(subscriber).expect("it is the only subscriber");
    });
}

fn spans() -> MutexGuard<'static, Spans> {
    SPANS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spans {
    fn open(&mut self) -> &mut HashMap<u64, usize> {
        self.open.get_or_insert_default()
    }

    fn find(&mut self, id: &Id) -> Option<&mut Captured> {
        let at = *self.open().get(&id.into_u64())?;
        self.all.get_mut(at)
    }
}

/// Whether a target is that of the library's spans, or of the tests.
fn is_wanted(target: &str) -> bool {
    target == "copilot" || target.starts_with("traces")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !is_wanted(attributes.metadata().target()) {
            return;
        }
        let current = context.current_span().id().cloned().filter(|_| attributes.is_contextual());
        let mut spans = spans();
        let parent = attributes.parent().cloned().or(current);
        let parent = parent.and_then(|parent| spans.open().get(&parent.into_u64()).copied());
        let mut captured = Captured {
            name: attributes.metadata().name(),
            parent,
            fields: BTreeMap::new(),
            events: Vec::new(),
            is_closed: false,
        };
        attributes.record(&mut Fields(&mut captured.fields));
        let at = spans.all.len();
        spans.all.push(captured);
        spans.open().insert(id.into_u64(), at);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(span) = spans().find(id) {
            values.record(&mut Fields(&mut span.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() == Level::WARN && metadata.target().starts_with("copilot::") {
            let mut fields = BTreeMap::new();
            event.record(&mut Fields(&mut fields));
            let [session, message] =
                ["session", "message"].map(|name| fields.remove(name).unwrap_or_default());
            WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).push((session, message));
        }
        if !is_wanted(event.metadata().target()) {
            return;
        }
        let Some(id) = context.event_span(event).map(|span| span.id()) else { return };
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let message = fields.remove("message").unwrap_or_default();
        let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        if let Some(span) = spans().find(&id) {
            span.events.push(format!("{message}{fields}"));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut spans = spans();
        if let Some(span) = spans.find(&id) {
            span.is_closed = true;
        }
        spans.open().remove(&id.into_u64());
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Fields<'_> {
    fn set(&mut self, field: &Field, value: String) {
        let earlier = self.0.insert(field.name().to_owned(), value);
        // OpenTelemetry would export both.
        assert!(earlier.is_none(), "`{}` is recorded twice", field.name());
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}"));
    }
}

/// Returns the spans whose roots are of this conversation, or have this value in a field `test`: a line for each, with its
/// fields in alphabetical order, then its events, then its children.
pub(crate) fn tree(of: &str) -> String {
    fn write(spans: &[Captured], at: usize, depth: usize, out: &mut String) {
        let span = &spans[at];
        let indent = "  ".repeat(depth);
        let name = span.fields.get("otel.name").map_or(span.name, String::as_str);
        let open = if span.is_closed { "" } else { " OPEN" };
        writeln!(out, "{indent}{name}{open}").unwrap();
        for (name, value) in &span.fields {
            // Constants of each kind of span, which one test checks.
            let is_constant = ["otel.name", "otel.kind", "gen_ai.operation.name", "gen_ai.conversation.id"]
                .contains(&name.as_str());
            if !is_constant {
                writeln!(out, "{indent}  - {name} = {value}").unwrap();
            }
        }
        for event in &span.events {
            writeln!(out, "{indent}  * {event}").unwrap();
        }
        for child in (0..spans.len()).filter(|child| spans[*child].parent == Some(at)) {
            write(spans, child, depth + 1, out);
        }
    }
    let spans = spans();
    let is_of = |span: &Captured| {
        ["gen_ai.conversation.id", "test"]
            .iter()
            .any(|name| span.fields.get(*name).is_some_and(|id| id == of))
    };
    let mut out = String::new();
    for at in 0..spans.all.len() {
        if spans.all[at].parent.is_none() && is_of(&spans.all[at]) {
            write(&spans.all, at, 0, &mut out);
        }
    }
    out
}

/// Returns the warnings of the library about a session.
pub(crate) fn warnings(session: &str) -> Vec<String> {
    let warnings = WARNINGS.lock().unwrap_or_else(PoisonError::into_inner);
    warnings.iter().filter(|(of, _)| of == session).map(|(_, text)| text.clone()).collect()
}

/// Returns the values of all fields of all spans of a conversation.
pub(crate) fn fields(conversation: &str) -> Vec<(String, String)> {
    let spans = spans();
    let of =
        |span: &&Captured| span.fields.get("gen_ai.conversation.id").is_some_and(|id| id == conversation);
    let fields = spans.all.iter().filter(of).flat_map(|span| {
        span.fields
            .clone()
            .into_iter()
            .chain(span.events.iter().map(|event| ("event".to_owned(), event.clone())))
    });
    fields.collect()
}

/// Compares a text with a file beside the tests. `UPDATE_GOLDEN=1` writes the file.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{} has:\n{expected}\nand the spans are:\n{actual}", path.display());
}

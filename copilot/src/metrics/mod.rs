//! Measurements with OpenTelemetry.
//!
//! | Instrument | Kind | Unit | Attributes |
//! |---|---|---|---|
//! | `gen_ai.client.operation.duration` | histogram | `s` | `gen_ai.operation.name` (`invoke_agent`, `chat`, `execute_tool`), `gen_ai.provider.name`, `gen_ai.request.model`, `gen_ai.response.model`, `gen_ai.tool.name`, `error.type` |
//! | `gen_ai.client.token.usage` | histogram | `{token}` | the same, of `chat`, and `gen_ai.token.type` (`input`, `output`) |
//! | `copilot.tool.calls.in_flight` | up-down counter | `{call}` | |
//! | `copilot.tool.calls.deferred` | counter | `{call}` | |
//! | `copilot.events.queued` | gauge | `By` | |
//! | `copilot.events.lagged` | counter | `{event}` | |
//! | `copilot.requests.queued` | gauge | `By` | |
//! | `copilot.client.restarts` | counter | `{restart}` | |
//!
//! The first two have the names, units and buckets of the conventions for generative AI. `copilot.events.queued` counts
//! the bytes of events that wait for subscribers, up to 64 KiB of them for each turn that waits for its reply, and
//! `copilot.requests.queued` those of messages that wait for the CLI.
//! The guide is [observability](crate::docs::observability).

mod labels;

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use opentelemetry::{KeyValue, global};
use tokio::time::Instant;

pub(crate) use labels::Labels;

use crate::task::lock;

/// The buckets of a duration in seconds, from the conventions.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The buckets of a number of tokens, from the conventions.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The largest number of tokens of a request that is measured.
const MOST_TOKENS: u64 = 1 << 40;

/// The instruments of one or several clients. Set by [`ClientBuilder::metrics`](crate::ClientBuilder::metrics). Feature
/// `metrics`.
///
/// Clones share the instruments. Programs with several clients give all of them one value, because each value registers
/// the gauges once more.
///
/// # Examples
///
/// ```
/// use copilot::Client;
/// use copilot::metrics::Metrics;
///
/// let builder = Client::builder().metrics(Metrics::new());
/// # drop(builder);
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Instruments>);

struct Instruments {
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
    in_flight: UpDownCounter<i64>,
    deferred: Counter<u64>,
    lagged: Counter<u64>,
    restarts: Counter<u64>,
    /// The clients whose queues the gauges read.
    clients: Arc<Clients>,
}

#[derive(Default)]
struct Clients(Mutex<Vec<Weak<dyn Queues>>>);

impl Clients {
    /// Returns the sum over the clients that are left.
    fn bytes(&self) -> (u64, u64) {
        let mut clients = lock(&self.0);
        clients.retain(|client| client.strong_count() > 0);
        let left: Vec<_> = clients.iter().filter_map(Weak::upgrade).collect();
        drop(clients);
        left.iter().map(|client| client.bytes()).fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    }
}

impl Metrics {
    /// Creates the instruments on the global meter provider, which the program sets before.
    #[expect(clippy::new_without_default, reason = "the result depends on a global value")]
    pub fn new() -> Self {
        Self::with_meter(&global::meter("copilot"))
    }

    /// Creates the instruments on a meter.
    pub fn with_meter(meter: &Meter) -> Self {
        let clients = Arc::<Clients>::default();
        let gauge = |name: &'static str, description: &'static str, read: fn((u64, u64)) -> u64| {
            let clients = Arc::clone(&clients);
            meter
                .u64_observable_gauge(name)
                .with_unit("By")
                .with_description(description)
                .with_callback(move |observer| observer.observe(read(clients.bytes()), &[]))
                .build();
        };
        gauge("copilot.events.queued", "Bytes of events that wait for subscribers.", |(events, _)| events);
        gauge("copilot.requests.queued", "Bytes of messages that wait for the CLI.", |(_, requests)| {
            requests
        });
        Self(Arc::new(Instruments {
            duration: meter
                .f64_histogram("gen_ai.client.operation.duration")
                .with_unit("s")
                .with_description("GenAI operation duration.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            in_flight: meter
                .i64_up_down_counter("copilot.tool.calls.in_flight")
                .with_unit("{call}")
                .with_description("Calls of the program's tools that run or wait.")
                .build(),
            deferred: meter
                .u64_counter("copilot.tool.calls.deferred")
                .with_unit("{call}")
                .with_description("Calls of the program's tools that were deferred.")
                .build(),
            lagged: meter
                .u64_counter("copilot.events.lagged")
                .with_unit("{event}")
                .with_description("Events that were discarded because a subscriber was too slow.")
                .build(),
            restarts: meter
                .u64_counter("copilot.client.restarts")
                .with_unit("{restart}")
                .with_description("Restarts of a lost CLI.")
                .build(),
            clients,
        }))
    }

    pub(crate) fn into_recorder(self) -> Recorder {
        Recorder(Some(self.0))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The recorder of measurements; it records nothing unless the program has set [`Metrics`].
#[derive(Clone, Default)]
pub(crate) struct Recorder(Option<Arc<Instruments>>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorder").field(&self.is_on()).finish()
    }
}

/// A running operation, which is measured with its drop.
pub(crate) struct Measured {
    pub(crate) labels: Labels,
    operation: &'static str,
    since: Instant,
    recorder: Arc<Instruments>,
}

impl Measured {
    /// Counts the tokens of a request to a model.
    pub(crate) fn tokens(&self, input: Option<u64>, output: Option<u64>) {
        for (kind, count) in [("input", input), ("output", output)] {
            if let Some(count) = count {
                let mut attributes = self.attributes();
                attributes.push(KeyValue::new("gen_ai.token.type", kind));
                // The histogram adds the numbers up, and does not expect that they are too large.
                self.recorder.tokens.record(count.min(MOST_TOKENS), &attributes);
            }
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let Labels { provider, request_model, response_model, tool, error_type } = &self.labels;
        let mut attributes = vec![KeyValue::new("gen_ai.operation.name", self.operation)];
        for (name, value) in [
            ("gen_ai.provider.name", provider),
            ("gen_ai.request.model", request_model),
            ("gen_ai.response.model", response_model),
            ("gen_ai.tool.name", tool),
            ("error.type", error_type),
        ] {
            if let Some(value) = value {
                attributes.push(KeyValue::new(name, value.clone()));
            }
        }
        attributes
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measured").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.recorder.duration.record(self.since.elapsed().as_secs_f64(), &self.attributes());
    }
}

/// A running tool call, which is counted until its drop.
#[derive(Debug)]
pub(crate) struct ToolCall(Recorder);

impl Drop for ToolCall {
    fn drop(&mut self) {
        if let Some(instruments) = &self.0.0 {
            instruments.in_flight.add(-1, &[]);
        }
    }
}

/// The bytes that wait in the queues of a client.
pub(crate) trait Queues: Send + Sync {
    /// Returns the bytes of events that wait for subscribers, and of messages that wait for the CLI.
    fn bytes(&self) -> (u64, u64);
}

impl Recorder {
    /// Returns whether measurements are wanted.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins to measure an operation.
    pub(crate) fn measure(&self, operation: &'static str) -> Option<Box<Measured>> {
        let recorder = Arc::clone(self.0.as_ref()?);
        Some(Box::new(Measured { labels: Labels::default(), operation, since: Instant::now(), recorder }))
    }

    /// Counts a tool call as running until the drop of the value.
    pub(crate) fn tool_call(&self) -> ToolCall {
        if let Some(instruments) = &self.0 {
            instruments.in_flight.add(1, &[]);
        }
        ToolCall(self.clone())
    }

    pub(crate) fn lagged(&self, events: u64) {
        if let Some(instruments) = &self.0 {
            instruments.lagged.add(events, &[]);
        }
    }

    pub(crate) fn restarted(&self) {
        if let Some(instruments) = &self.0 {
            instruments.restarts.add(1, &[]);
        }
    }

    pub(crate) fn deferred(&self) {
        if let Some(instruments) = &self.0 {
            instruments.deferred.add(1, &[]);
        }
    }

    /// Adds a client to the gauges.
    pub(crate) fn watch(&self, client: Weak<dyn Queues>) {
        if let Some(instruments) = &self.0 {
            lock(&instruments.clients.0).push(client);
        }
    }
}

//! One trace of the program, the agent's CLI and a tool, exported to a collector over OTLP, with measurements.
//!
//! `cargo run --example traced`, also with `-- --live`. The collector is that of `OTEL_EXPORTER_OTLP_ENDPOINT`, by default
//! `http://127.0.0.1:4318`, as that of Jaeger: `docker run -p 16686:16686 -p 4318:4318 jaegertracing/jaeger`.

use std::error::Error;

use copilot::client::{Telemetry, TelemetryProtocol};
use copilot::metrics::Metrics;
use copilot::testing::Script;
use copilot::trace::{OpenTelemetry, Tracing};
use copilot_examples::{Agent, print_turn};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::json;
use tracing::{Instrument, Level, info, info_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Look up an order.
#[copilot::tool(read_only)]
async fn lookup_order(
    /// The number of the order.
    number: u32,
) -> String {
    // Logs and spans of a tool are inside of the span of its call.
    info!(number, "looking up an order");
    query(number).instrument(info_span!("query", db.system.name = "sqlite")).await
}

async fn query(number: u32) -> String {
    format!("order {number}: two lamps, shipped")
}

/// The exporters of the program.
struct Exporters {
    traces: SdkTracerProvider,
    measurements: SdkMeterProvider,
}

impl Exporters {
    /// Exports the spans and measurements of the program to a collector.
    fn start(collector: &str) -> Result<Self, Box<dyn Error>> {
        let resource = Resource::builder().with_service_name("shop").build();
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{collector}/v1/traces"))
            .build()?;
        let traces =
            SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build();
        let values = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{collector}/v1/metrics"))
            .build()?;
        let measurements =
            SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(values).build();
        opentelemetry::global::set_meter_provider(measurements.clone());
        // The spans of the HTTP client of the exporter are not wanted.
        let wanted = Targets::new().with_target("copilot", Level::INFO).with_target("traced", Level::INFO);
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer("shop"));
        tracing_subscriber::registry().with(layer.with_filter(wanted)).init();
        Ok(Self { traces, measurements })
    }

    /// Exports what is left.
    fn end(self) {
        for ended in [self.traces.shutdown(), self.measurements.shutdown()] {
            if let Err(error) = ended {
                eprintln!("not everything was exported: {error}");
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let collector = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT");
    let collector = collector.unwrap_or_else(|_| "http://127.0.0.1:4318".to_owned());
    let exporters = Exporters::start(&collector)?;
    let script = Script::new()
        .call("lookup_order", json!({"number": 7}))
        .call("bash", json!({"command": "echo lamp", "description": "Print a word"}))
        .say("Your two lamps are on their way.");
    let agent = Agent::new(script).await?;
    let client = agent
        .client()
        // The CLI exports its own spans to the same collector.
        .telemetry(Telemetry::otlp(&collector).protocol(TelemetryProtocol::Json))
        // The spans of the CLI are children of those of the program, and the call of a tool is a child of the CLI's.
        .tracing(Tracing::new().agent_name("shop").propagation(OpenTelemetry))
        .metrics(Metrics::new())
        .start()
        .await?;
    let session = client.session().with_tools([lookup_order::TOOL]);
    let session = session.permissions(copilot::Permissions::approve_all());
    let session = agent.with_model(session).start().await?;
    let request = info_span!("handle_request", order = 7);
    print_turn(&session, "Where is my order 7?").instrument(request).await?;
    session.close().await?;
    client.shutdown().await?;
    agent.finish();
    tokio::task::spawn_blocking(|| exporters.end()).await?;
    Ok(())
}

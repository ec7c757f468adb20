//! Measurements, as an exporter receives them.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::time::Duration;

use copilot::EventKind;
use copilot::deferred::{Deferred, Ticket};
use copilot::metrics::Metrics;
use copilot::testing::FakeCli;
use copilot_tests::events::{next_event, next_restart};
use copilot_tests::fake::{Fake, settle};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use serde_json::json;

use crate::tools;
use crate::turns::{finish, model_call};

/// A meter, and what it has measured.
struct Measured {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Measured {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader =
            PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3600)).build();
        Self { exporter, provider: SdkMeterProvider::builder().with_reader(reader).build() }
    }

    fn metrics(&self) -> Metrics {
        Metrics::with_meter(&self.provider.meter("test"))
    }

    /// The values since the start: each with the name, the unit and the attributes of its measurement. A histogram is the
    /// number of its values and their sum.
    fn values(&self) -> BTreeMap<String, String> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let metrics =
            exported.iter().flat_map(ResourceMetrics::scope_metrics).flat_map(ScopeMetrics::metrics);
        metrics.flat_map(points).collect()
    }
}

fn points(metric: &Metric) -> Vec<(String, String)> {
    let key = |attributes: &mut dyn Iterator<Item = &KeyValue>| {
        let mut attributes: Vec<String> =
            attributes.map(|pair| format!("{}={}", pair.key, pair.value.as_str())).collect();
        attributes.sort();
        format!("{} [{}] {}", metric.name(), metric.unit(), attributes.join(" "))
    };
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| {
                let buckets = point.bounds().count();
                (
                    key(&mut point.attributes()),
                    format!("{} values, {} s, {buckets} bounds", point.count(), point.sum()),
                )
            })
            .collect(),
        AggregatedMetrics::U64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| {
                let buckets = point.bounds().count();
                (
                    key(&mut point.attributes()),
                    format!("{} values, {}, {buckets} bounds", point.count(), point.sum()),
                )
            })
            .collect(),
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            sum.data_points().map(|point| (key(&mut point.attributes()), point.value().to_string())).collect()
        }
        AggregatedMetrics::I64(MetricData::Sum(sum)) => {
            sum.data_points().map(|point| (key(&mut point.attributes()), point.value().to_string())).collect()
        }
        AggregatedMetrics::U64(MetricData::Gauge(gauge)) => gauge
            .data_points()
            .map(|point| (key(&mut point.attributes()), point.value().to_string()))
            .collect(),
        other => panic!("{} is {other:?}", metric.name()),
    }
}

#[tokio::test(start_paused = true)]
async fn operations_and_tokens_are_measured_as_in_the_conventions() {
    let measured = Measured::new();
    let metrics = measured.metrics();
    let fake = Fake::on_with(FakeCli::new(), |client| client.metrics(metrics)).await;
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let session =
        fake.session().id("measured").model("gpt-5").with_tools(tools::all()).start().await.unwrap();
    let turn = session.stream("Go.").await.unwrap();
    fake.begin_turn(&session);
    model_call(&fake, &session, None, "gpt-5", 10);
    let calling = tools::call(&fake, &session, "works", "c1", json!({}));
    let (_, running) = tokio::join!(calling, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        measured.values()
    });
    assert_eq!(running["copilot.tool.calls.in_flight [{call}] "], "1");
    tools::call(&fake, &session, "fails", "c2", json!({})).await;
    finish(&fake, &session);
    turn.reply().await.unwrap();
    settle().await;
    let values = measured.values();
    let expected = |rest: &str| format!("gen_ai.client.operation.duration [s] {rest}");
    let ok = "gen_ai.operation.name=execute_tool gen_ai.tool.name=works";
    assert_eq!(values[&expected(ok)], "1 values, 2 s, 14 bounds", "{values:#?}");
    let failed = "error.type=failure gen_ai.operation.name=execute_tool gen_ai.tool.name=fails";
    assert_eq!(values[&expected(failed)], "1 values, 0 s, 14 bounds", "{values:#?}");
    let chat = "gen_ai.operation.name=chat gen_ai.provider.name=azure.ai.openai gen_ai.request.model=gpt-5 \
                gen_ai.response.model=gpt-5-2026";
    assert!(values.contains_key(&expected(chat)), "{values:#?}");
    let turns =
        "gen_ai.operation.name=invoke_agent gen_ai.provider.name=azure.ai.openai gen_ai.request.model=gpt-5";
    assert!(values[&expected(turns)].starts_with("1 values, 2"), "{values:#?}");
    for (kind, count) in [("input", 10), ("output", 2)] {
        let key = format!("gen_ai.client.token.usage [{{token}}] {chat} gen_ai.token.type={kind}");
        assert_eq!(values[&key], format!("1 values, {count}, 14 bounds"), "{values:#?}");
    }
    assert_eq!(values["copilot.tool.calls.in_flight [{call}] "], "0");
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn numbers_of_tokens_may_be_too_large_for_a_sum() {
    let measured = Measured::new();
    let metrics = measured.metrics();
    let fake = Fake::on_with(FakeCli::new(), |client| client.metrics(metrics)).await;
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let session = fake.session().model("gpt-5").start().await.unwrap();
    let turn = session.stream("Go.").await.unwrap();
    fake.begin_turn(&session);
    for _ in 0..2 {
        model_call(&fake, &session, None, "gpt-5", u64::MAX);
    }
    finish(&fake, &session);
    assert_eq!(turn.reply().await.unwrap().usage().input_tokens, u64::MAX);
    let values = measured.values();
    let input = values.iter().find(|(name, _)| name.ends_with("gen_ai.token.type=input"));
    assert_eq!(input.unwrap().1, &format!("2 values, {}, 14 bounds", 2_u64 << 40), "{values:#?}");
}

#[tokio::test(start_paused = true)]
async fn queues_lagged_events_and_restarts_are_measured() {
    let measured = Measured::new();
    let metrics = measured.metrics();
    let fake = Fake::on_with(FakeCli::new(), |client| client.metrics(metrics).auto_restart(true)).await;
    let session = fake.session().id("queues").event_budget(4_000).start().await.unwrap();
    let mut slow = session.events();
    for _ in 0..3 {
        fake.cli.event(session.id(), "session.info", json!({"message": "x".repeat(1_000)}));
    }
    settle().await;
    let queued: u64 = measured.values()["copilot.events.queued [By] "].parse().unwrap();
    assert!((3_000..=4_000).contains(&queued), "{queued}");
    for _ in 0..10 {
        fake.cli.event(session.id(), "session.info", json!({"message": "x".repeat(1_000)}));
    }
    settle().await;
    let values = measured.values();
    assert_eq!(values["copilot.events.lagged [{event}] "], "10", "{values:#?}");
    assert!(!values.contains_key("copilot.client.restarts [{restart}] "), "{values:#?}");
    assert_eq!(values["copilot.requests.queued [By] "], "0");
    fake.cli.hang_up();
    next_restart(&mut slow).await;
    assert_eq!(measured.values()["copilot.client.restarts [{restart}] "], "1");
    session.close().await.unwrap();
    assert_eq!(measured.values()["copilot.events.queued [By] "], "0");
}

/// Approve an order.
#[copilot::tool]
fn approves(ticket: Ticket<String>) -> Deferred<String> {
    ticket.defer()
}

#[tokio::test(start_paused = true)]
async fn deferred_calls_are_counted() {
    let measured = Measured::new();
    let metrics = measured.metrics();
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        turn.call_tool("approves", json!({})).await;
        turn.say("Done.");
    });
    let fake = Fake::on_with(cli, |client| client.metrics(metrics)).await;
    let session = fake.session().with_tools([approves::TOOL]).start().await.unwrap();
    let mut events = session.events();
    let name = "copilot.tool.calls.deferred [{call}] ";
    // Before the turn: the call may be deferred while its message is sent.
    assert!(!measured.values().contains_key(name));
    let turn = session.stream("Approve it.").await.unwrap();
    let deferred = next_event(&mut events, |kind| matches!(kind, EventKind::AnswerDeferred(_))).await;
    assert!(matches!(deferred.kind(), EventKind::AnswerDeferred(_)));
    settle().await;
    assert_eq!(measured.values()[name], "1");
    drop(turn);
    session.close().await.unwrap();
}

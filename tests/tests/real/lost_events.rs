//! Events of the real CLI that a proxy loses or repeats: each turn ends with its answer, and each tool runs once.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use copilot::client::TransportKind;
use copilot::events::{EventsRecovered, RecoveryCause};
use copilot::testing::{Delivery, Script, ScriptedModel, hermetic_client};
use copilot::{Client, Decision, EventKind, State};
use copilot_tests::events::within;
use copilot_tests::{proxy, tested};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// The number of turns at a time.
const CONCURRENT: usize = 8;

/// The longest silence of a turn that loses a question of which nothing was announced.
const SILENCE: Duration = Duration::from_secs(5);

/// How often the tool has run in a session.
#[derive(Clone, Debug, Default)]
struct Runs(Arc<AtomicUsize>);

/// Count a call.
#[copilot::tool(destructive)]
async fn count(runs: State<Runs>) -> usize {
    runs.0.fetch_add(1, Ordering::Relaxed) + 1
}

/// An event of a turn: its type, and how many of this type came before it.
type Place = (String, usize);

/// The delivery of one event of each session, and the events of each session so far.
#[derive(Default)]
struct Table {
    rules: HashMap<String, (Place, Delivery)>,
    seen: HashMap<String, Vec<Place>>,
}

impl Table {
    fn deliver(&mut self, session: &str, event: &Value) -> Delivery {
        let name = event["type"].as_str().unwrap_or_default().to_owned();
        let seen = self.seen.entry(session.to_owned()).or_default();
        let earlier = seen.iter().filter(|(seen, _)| *seen == name).count();
        let place = (name, earlier);
        seen.push(place.clone());
        self.rules
            .get(session)
            .filter(|(at, _)| *at == place)
            .map_or(Delivery::Once, |(_, delivery)| *delivery)
    }
}

/// A real CLI, and a client that reaches it through a proxy.
struct Proxied {
    client: Client,
    /// Owns the CLI.
    direct: Client,
    model: ScriptedModel,
    table: Arc<Mutex<Table>>,
    _state: TempDir,
}

impl Proxied {
    /// `None` on a CLI that the library refuses over TCP.
    async fn start(script: Script) -> Option<Self> {
        if !tested::since([1, 0, 82]) {
            tested::not_supported("its events are not logged, or it is refused over TCP");
            return None;
        }
        let model = ScriptedModel::start(script.for_every_conversation()).await.unwrap();
        let state = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let direct = hermetic_client(state.path()).transport(TransportKind::Tcp).port(port);
        let direct = direct.connection_token("a-token").start().await.unwrap();
        let table = Arc::<Mutex<Table>>::default();
        let decides = Arc::clone(&table);
        let address =
            proxy::start(port, move |session, event| decides.lock().unwrap().deliver(session, event)).await;
        let client = Client::builder().cli_url(address.to_string()).connection_token("a-token");
        let client = client.auto_restart(false).start().await.unwrap();
        Some(Self { client, direct, model, table, _state: state })
    }

    /// Plays a turn, and returns what the session has recovered.
    async fn turn(self: Arc<Self>, id: String) -> Vec<EventsRecovered> {
        let runs = Runs::default();
        let session =
            self.client.session().id(id.as_str()).scripted_model(&self.model).with_tools([count::TOOL]);
        let session = session.state(runs.clone()).on_permission(async |_| Decision::Approve).start();
        let session = session.await.unwrap();
        let mut events = session.events();
        let reply = within(session.ask("Count.").report_silence(SILENCE)).await;
        let reply = reply.unwrap_or_else(|error| panic!("{id} {:?}: {error}", self.rule(&id)));
        assert_eq!(reply.text(), "Counted.", "{id} {:?}", self.rule(&id));
        assert!(!reply.is_aborted());
        assert_eq!(runs.0.load(Ordering::Relaxed), 1, "{id} {:?}", self.rule(&id));
        session.close().await.unwrap();
        let mut recovered = Vec::new();
        while let Some(event) = events.try_next() {
            if let EventKind::EventsRecovered(report) = event.kind() {
                recovered.push((**report).clone());
            }
        }
        recovered
    }

    fn rule(&self, session: &str) -> Option<(Place, Delivery)> {
        self.table.lock().unwrap().rules.get(session).cloned()
    }

    async fn leave(&self) {
        self.client.shutdown().await.unwrap();
        self.direct.shutdown().await.unwrap();
    }
}

fn script() -> Script {
    Script::new().call("count", json!({})).expect_tool_result("count", |text| text == "1").say("Counted.")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_one_event_of_a_turn_may_be_lost_or_come_twice() {
    let Some(proxied) = Proxied::start(script()).await else { return };
    let proxied = Arc::new(proxied);
    assert!(Arc::clone(&proxied).turn("undisturbed".to_owned()).await.is_empty());
    let recorded = proxied.table.lock().unwrap().seen.remove("undisturbed").unwrap();
    assert!(recorded.len() > 20, "{recorded:?}");
    let began = Instant::now();
    let mut places = Vec::new();
    for delivery in [Delivery::Lost, Delivery::Twice] {
        // Of the records of the CLI's own work, which change nothing here, one fault is enough.
        let is_record = |(name, _): &&Place| name.starts_with("model.");
        let wanted = recorded.iter().filter(|place| delivery == Delivery::Lost || !is_record(place));
        places.extend(wanted.map(|place| (place.clone(), delivery)));
    }
    let (mut turns, mut reports) = (JoinSet::new(), HashMap::new());
    for (at, rule) in places.iter().enumerate() {
        let id = format!("session-{at}");
        proxied.table.lock().unwrap().rules.insert(id.clone(), rule.clone());
        if turns.len() == CONCURRENT {
            let (rule, recovered) = turns.join_next().await.unwrap().unwrap();
            reports.insert(rule, recovered);
        }
        let (proxied, rule) = (Arc::clone(&proxied), format!("{rule:?}"));
        turns.spawn(async move { (rule, proxied.turn(id).await) });
    }
    reports.extend(turns.join_all().await);
    println!("{} turns in {:?}", places.len(), began.elapsed());
    let cause_of = |name: &str, at: usize, delivery: Delivery| {
        let recovered = &reports[&format!("{:?}", ((name.to_owned(), at), delivery))];
        recovered.iter().map(|report| report.cause).collect::<Vec<_>>()
    };
    for (name, at, cause) in [
        ("permission.requested", 0, RecoveryCause::CallNotRequested),
        ("external_tool.requested", 0, RecoveryCause::CallNotRequested),
        ("assistant.message", 1, RecoveryCause::AnswerMissing),
        ("session.idle", 0, RecoveryCause::TurnNotEnded),
    ] {
        assert_eq!(cause_of(name, at, Delivery::Lost), [cause], "{name}");
        assert_eq!(cause_of(name, at, Delivery::Twice), [], "{name}");
    }
    proxied.leave().await;
}

#[tokio::test]
async fn a_lost_permission_request_of_a_command_is_decided_after_a_stall() {
    let script = Script::new()
        .call("bash", json!({"command": "echo hello", "description": "Say hello"}))
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let Some(proxied) = Proxied::start(script).await else { return };
    let place = ("permission.requested".to_owned(), 0);
    proxied.table.lock().unwrap().rules.insert("shell".to_owned(), (place, Delivery::Lost));
    let session = proxied.client.session().id("shell").scripted_model(&proxied.model);
    let session = session.on_permission(async |_| Decision::Approve).start().await.unwrap();
    let mut events = session.events();
    let reply = within(session.ask("Say hello.").report_silence(SILENCE)).await.unwrap();
    assert_eq!(reply.text(), "Done.");
    let mut recovered = Vec::new();
    while let Some(event) = events.try_next() {
        if let EventKind::EventsRecovered(report) = event.kind() {
            recovered.extend(report.events.iter().map(|event| event.name.clone()));
            assert_eq!(report.cause, RecoveryCause::TurnStalled);
        }
    }
    assert_eq!(recovered, ["permission.requested"]);
    proxied.leave().await;
}

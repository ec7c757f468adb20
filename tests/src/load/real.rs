//! Concurrent and long load on the real CLI with a scripted model.

use std::time::{Duration, Instant};

use copilot::client::TransportKind;
use copilot::testing::{Script, ScriptedModel, Scripts};
use copilot::{DynTool, Session, Tool};
use serde_json::json;
use tokio::time::timeout;

use super::{Row, bytes, count, time};
use crate::counting::of_thread;
use crate::fake::all;
use crate::faulty::{tasks, tasks_fall_to};
use crate::real::Real;
use crate::status::{rss_kib, rss_kib_of};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Adds one.
fn next() -> Tool {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let tool = DynTool::new("next_number", "Adds one.").schema(schema).expect("an object").read_only();
    tool.run(|arguments, _| async move { arguments["n"].as_u64().unwrap_or_default() + 1 })
}

/// A conversation of the session with this number: in each turn a tool is called, and its result is expected.
fn conversation(session: usize, turns: usize) -> Script {
    (0..turns).fold(Script::when(format!("I am number {session}.")), |script, turn| {
        let n = 1000 * session + turn;
        let result = (n + 1).to_string();
        script
            .call("next_number", json!({"n": n}))
            .expect_tool_result("next_number", move |text| text == result)
            .say(format!("Turn {n} is done."))
    })
}

/// Has one session each play its conversation, all concurrently; returns the number of turns that ended as they should.
async fn converse(real: &Real, sessions: usize, turns: usize) -> usize {
    let scripts: Vec<Script> = (0..sessions).map(|session| conversation(session, turns)).collect();
    let model = ScriptedModel::start(Scripts::from(scripts)).await.expect("the script can be played");
    let played = all((0..sessions).map(|at| {
        let open = real.client.session().scripted_model(&model).with_tools([next()]);
        async move {
            let session = open.start().await.expect("a session opens");
            let mut right = 0;
            for turn in 0..turns {
                let said = ask(&session, format!("I am number {at}. Please continue.")).await;
                right += usize::from(said == format!("Turn {} is done.", 1000 * at + turn));
            }
            session.close().await.expect("the session closes");
            right
        }
    }))
    .await;
    model.finish().expect("the conversations followed their scripts");
    played.into_iter().sum()
}

async fn ask(session: &Session, prompt: String) -> String {
    let reply = timeout(PATIENCE, session.ask(prompt).into_future()).await.expect("the turn ends");
    reply.expect("the turn ends well").text().to_owned()
}

async fn start() -> Real {
    Real::start(TransportKind::Stdio, Script::new()).await
}

/// Sessions in parallel, each with so many turns that call a tool.
///
/// # Panics
///
/// When a turn is lost or a task is left.
pub async fn parallel(sessions: usize, turns: usize) -> Row {
    let tasks_before = tasks();
    let real = start().await;
    let begun = Instant::now();
    let right = converse(&real, sessions, turns).await;
    let took = begun.elapsed();
    assert_eq!(right, sessions * turns, "turns are lost");
    let process = real.client.process_id().expect("it was started");
    let memory = format!("{} for the CLI", bytes(rss_kib_of(process) << 10));
    real.finish().await;
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    Row {
        what: format!(
            "real CLI: {sessions} sessions in parallel, {} turns with a tool call each",
            count(right)
        ),
        lost: sessions * turns - right,
        memory,
        tasks: format!("{} left", tasks().saturating_sub(tasks_before)),
        time: time(took),
    }
}

/// One client for long: rounds of sessions that are opened, used and closed, so many and at least as long as this. For a
/// runtime of one thread, whose allocations are the client's.
///
/// # Panics
///
/// When a turn is lost, or tasks or memory grow.
pub async fn soak(least: usize, lasts: Duration, sessions: usize, turns: usize) -> Row {
    let tasks_before = tasks();
    let real = start().await;
    let process = real.client.process_id().expect("it was started");
    let (begun, of_client) = (Instant::now(), tasks());
    let (mut right, mut samples) = (0, Vec::new());
    let mut rounds = 0;
    while rounds < least || begun.elapsed() < lasts {
        rounds += 1;
        right += converse(&real, sessions, turns).await;
        // The connections of a model that is gone end when they are polled again.
        timeout(PATIENCE, tasks_fall_to(of_client)).await.expect("the number of tasks stays the same");
        samples.push(Sample {
            tasks: tasks(),
            live: of_thread().live,
            ours: rss_kib() << 10,
            cli: rss_kib_of(process) << 10,
        });
        println!("{right} turns: {:?}", samples[samples.len() - 1]);
    }
    let took = begun.elapsed();
    let total = rounds * sessions * turns;
    assert_eq!(right, total, "turns are lost");
    // The first round fills what is kept; from then on nothing may grow.
    let (first, last) = (&samples[samples.len().min(2) - 1], &samples[samples.len() - 1]);
    assert!(last.live - first.live < 1 << 20, "memory grows: {samples:?}");
    let row = Row {
        what: format!(
            "real CLI: {} turns with a tool call each, in {} sessions, on one client",
            count(right),
            count(rounds * sessions)
        ),
        lost: total - right,
        memory: format!(
            "{} in use after round 2, {} after round {rounds}; RSS {} and {}; of the CLI {} and {}",
            bytes(first.live),
            bytes(last.live),
            bytes(first.ours),
            bytes(last.ours),
            bytes(first.cli),
            bytes(last.cli)
        ),
        tasks: format!("{} after round 2, {} after round {rounds}", first.tasks, last.tasks),
        time: time(took),
    };
    real.finish().await;
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    row
}

/// The resources in use after a round.
#[derive(Clone, Copy, Debug)]
struct Sample {
    tasks: usize,
    live: i64,
    ours: i64,
    cli: i64,
}

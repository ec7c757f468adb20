//! Concurrent load from a fake CLI on a separate thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use copilot::{Client, DynTool, EventKind, EventStream, Session, Tool};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::time::timeout;

use super::{Row, bytes, count, time};
use crate::counting::{of_process, of_thread, peak, peak_of_thread, reset_peak};
use crate::fake::all;
use crate::faulty::{tasks, tasks_fall_to};
use crate::flood;

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(600);
const TOOLS: usize = 10;

async fn client() -> Client {
    flood::start().start().await.expect("the fake CLI accepts every client")
}

fn text_input() -> Value {
    json!({"type": "object", "properties": {"input": {"type": "string"}}})
}

/// Ten tools that add the id of their session to what they are given.
fn ten_tools() -> Vec<Tool> {
    let tool = |at: usize| {
        let tool = DynTool::new(format!("tool_{at}"), "Says it back, with the session.").schema(text_input());
        tool.expect("an object").run(|arguments, cx| async move {
            format!("{} {}", cx.session_id(), arguments["input"].as_str().unwrap_or_default())
        })
    };
    (0..TOOLS).map(tool).collect()
}

/// Says it back.
fn echo() -> Tool {
    let tool = DynTool::new("echo", "Says it back.").schema(text_input()).expect("an object");
    tool.run(|arguments, _| async move { arguments["input"].as_str().unwrap_or_default().to_owned() })
}

/// The summary of its calls in the message at the end of a turn.
async fn ask(session: &Session, prompt: String) -> String {
    let reply = timeout(PATIENCE, session.ask(prompt).into_future()).await.expect("the turn ends");
    reply.expect("the turn ends well").text().to_owned()
}

/// Many sessions on one client, each with ten tools, all called concurrently.
///
/// # Panics
///
/// When a call is lost or a task is left.
pub async fn sessions(sessions: usize) -> Row {
    let (begun, tasks_before) = (Instant::now(), tasks());
    let client = client().await;
    let of_client = tasks();
    let memory = of_process().live;
    let opened: Vec<Session> = all((0..sessions).map(|at| {
        let client = client.clone();
        async move {
            client.session().id(format!("s{at}")).with_tools(ten_tools()).start().await.expect("it opens")
        }
    }))
    .await;
    let each = (of_process().live - memory) / sessions as i64;
    // A task that has ended may still be counted for a moment.
    timeout(PATIENCE, tasks_fall_to(of_client)).await.expect("an idle session has no task");
    let answered = all(opened.iter().cloned().map(|session| async move {
        let mut events = session.events();
        let right = ask(&session, format!("spread:{}:{TOOLS}:{TOOLS}", 2 * TOOLS)).await;
        let asked = std::iter::from_fn(|| events.try_next())
            .filter(|event| matches!(event.kind(), EventKind::ExternalToolRequested(_)))
            .count();
        assert_eq!(asked, 2 * TOOLS, "each session sees its own calls");
        right.parse::<usize>().expect("a number of calls")
    }))
    .await;
    let answered: usize = answered.into_iter().sum();
    let lost = sessions * 2 * TOOLS - answered;
    assert_eq!(lost, 0, "calls are lost");
    for closed in all(opened.into_iter().map(|session| async move { session.close().await })).await {
        closed.expect("it closes");
    }
    client.shutdown().await.expect("the client shuts down");
    drop(client);
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    Row {
        what: format!(
            "{} sessions with {TOOLS} tools each on one client, {} calls",
            count(sessions),
            count(answered)
        ),
        lost,
        memory: format!("{} a session", bytes(each)),
        tasks: format!(
            "{} with all sessions open, {} after",
            of_client.saturating_sub(tasks_before),
            tasks().saturating_sub(tasks_before)
        ),
        time: time(begun.elapsed()),
    }
}

/// So many tool calls in flight at every moment, until the time is over; at least one round.
///
/// # Panics
///
/// When a call is lost or a task is left.
pub async fn calls(concurrent: usize, round: usize, lasts: Duration) -> Row {
    assert!(round.is_multiple_of(concurrent), "each call has to meet the others");
    let tasks_before = tasks();
    let client = client().await;
    // No call returns before all have begun, so all of them are in flight.
    let (barrier, ran) = (Arc::new(Barrier::new(concurrent)), Arc::new(AtomicUsize::new(0)));
    let tool =
        DynTool::new("echo", "Says it back once all are here.").schema(text_input()).expect("an object");
    let tool = tool.run({
        let ran = Arc::clone(&ran);
        move |arguments, _| {
            let (barrier, ran) = (Arc::clone(&barrier), Arc::clone(&ran));
            async move {
                barrier.wait().await;
                ran.fetch_add(1, Relaxed);
                arguments["input"].as_str().unwrap_or_default().to_owned()
            }
        }
    });
    let session = client.session().with_tools([tool]).start().await.expect("it opens");
    let (begun, mut answered, mut sent, mut live) = (Instant::now(), 0, 0, Vec::new());
    loop {
        sent += round;
        answered += ask(&session, format!("tools:{round}:{concurrent}"))
            .await
            .parse::<usize>()
            .expect("a number of calls");
        live.push(of_process().live);
        if begun.elapsed() >= lasts {
            break;
        }
    }
    let took = begun.elapsed();
    assert_eq!((answered, ran.load(Relaxed)), (sent, sent), "each call is run once and answered once");
    session.close().await.expect("it closes");
    client.shutdown().await.expect("the client shuts down");
    drop((client, session));
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    Row {
        what: format!("{} tool calls, {concurrent} in flight at every moment", count(sent)),
        lost: sent - answered,
        memory: format!(
            "{} in use after the first round, {} after the last",
            bytes(live[0]),
            bytes(live[live.len() - 1])
        ),
        tasks: format!("{} left", tasks().saturating_sub(tasks_before)),
        time: time(took),
    }
}

/// Pieces of a message to a fast subscriber and a very slow one, with a tool call after every hundredth.
///
/// For a runtime of one thread: when the fast one's turn comes does not depend on the machine then, and what the thread
/// allocates is what the client does.
///
/// # Panics
///
/// When the sums do not come out, memory grows past its bound, or a call is lost.
pub async fn deltas(pieces: usize, budget: usize) -> Row {
    const EVERY: usize = 100;
    let client = client().await;
    let open = client.session().with_tools([echo()]).event_budget(budget);
    let session = open.start().await.expect("it opens");
    // The time of the calls without a slow subscriber.
    let alone = ask(&session, format!("mixed:{}:{EVERY}", pieces / 10)).await;
    let (mut fast, mut slow) = (Watch::new(&session), Watch::new(&session));
    reset_peak();
    let (before, begun) = (of_thread().live, Instant::now());
    session.send(format!("mixed:{pieces}:{EVERY}")).await.expect("it is sent");
    let mut summary = String::new();
    while !fast.idle {
        timeout(PATIENCE, fast.next()).await.expect("the turn ends");
        if let Some(text) = fast.message.take() {
            summary = text;
        }
        if fast.seen.is_multiple_of(5_000) {
            slow.next().await;
        }
    }
    let (took, grew) = (begun.elapsed(), peak_of_thread() - before);
    while !slow.idle {
        slow.next().await;
    }
    let [correct, half, slowest] = figures(&summary);
    let [_, half_alone, slowest_alone] = figures(&alone);
    assert_eq!(correct, pieces / EVERY, "calls are lost");
    assert_eq!(fast.lagged, 0, "the fast one loses nothing");
    assert_eq!(fast.pieces, pieces, "the fast one sees every piece");
    assert!(slow.lagged > 0, "the slow one lags");
    assert_eq!(slow.seen + slow.lagged, fast.seen, "what the slow one has not seen is counted");
    // The decoded payload of an event that was read is kept beside it; the budget counts the text.
    let bound = 3 * budget as i64 + (32 << 20);
    assert!(grew < bound, "{grew} bytes more, and {bound} are the bound");
    client.shutdown().await.expect("the client shuts down");
    Row {
        what: format!(
            "{} deltas to a fast subscriber and a very slow one, which saw {} events and missed {}, as reported; {} \
             tool calls meanwhile",
            count(pieces),
            count(slow.seen),
            count(slow.lagged),
            count(correct)
        ),
        lost: fast.seen - slow.seen - slow.lagged,
        memory: format!("{} at most, with a budget of {}", bytes(grew), bytes(budget as i64)),
        tasks: String::new(),
        time: format!(
            "{}; a call {} (slowest {}), without the slow one {} ({})",
            time(took),
            micros(half),
            micros(slowest),
            micros(half_alone),
            micros(slowest_alone)
        ),
    }
}

/// A subscriber that counts.
struct Watch {
    events: EventStream,
    seen: usize,
    pieces: usize,
    lagged: usize,
    message: Option<String>,
    idle: bool,
}

impl Watch {
    fn new(session: &Session) -> Self {
        Self { events: session.events(), seen: 0, pieces: 0, lagged: 0, message: None, idle: false }
    }

    async fn next(&mut self) {
        let event = self.events.next().await.expect("the stream continues");
        match event.kind() {
            EventKind::Lagged(missed) => {
                self.lagged += usize::try_from(*missed).expect("a count of events");
                return;
            }
            EventKind::AssistantMessageDelta(_) => self.pieces += 1,
            EventKind::AssistantMessage(message) => self.message = Some(message.content.clone()),
            EventKind::SessionIdle(_) => self.idle = true,
            _ => {}
        }
        self.seen += 1;
    }
}

/// The numbers in the summary of the calls.
fn figures(summary: &str) -> [usize; 3] {
    let mut numbers = summary.split(':').map(|part| part.parse().expect("a number"));
    [(); 3].map(|()| numbers.next().expect("three numbers"))
}

fn micros(micros: usize) -> String {
    time(Duration::from_micros(micros as u64))
}

/// Tool results of this size.
///
/// # Panics
///
/// When one is lost or cut.
pub async fn results(results: usize, concurrent: usize, size: usize) -> Row {
    let client = client().await;
    let schema =
        json!({"type": "object", "properties": {"bytes": {"type": "integer"}, "fill": {"type": "integer"}}});
    let tool = DynTool::new("large", "Gives much.").schema(schema).expect("an object");
    let tool = tool.run(|arguments, _| async move {
        arguments["fill"].to_string().repeat(arguments["bytes"].as_u64().unwrap_or_default() as usize)
    });
    let session = client.session().with_tools([tool]).start().await.expect("it opens");
    reset_peak();
    let (before, begun) = (of_process().live, Instant::now());
    let prompt = format!("large:{results}:{concurrent}:{size}");
    let right: usize = ask(&session, prompt).await.parse().expect("a number of calls");
    let (took, grew) = (begun.elapsed(), peak() - before);
    assert_eq!(right, results, "results are lost or cut");
    client.shutdown().await.expect("the client shuts down");
    drop((client, session));
    Row {
        what: format!(
            "{results} tool results of {}, {concurrent} concurrently, compared byte by byte",
            bytes(size as i64)
        ),
        lost: results - right,
        memory: format!("{} at most, on both ends together", bytes(grew)),
        tasks: String::new(),
        time: time(took),
    }
}

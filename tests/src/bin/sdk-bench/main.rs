//! The costs of the library, beside other SDKs on the same fake CLI: `sdk-bench CLI BENCH ARGS..`.
//!
//! CLI is the program to start. One JSON object a line says what was measured. `RT=current` in the environment asks
//! for the runtime with one thread; the feature `count-allocations` adds the allocations of an operation. Only the
//! public API is used, as a program would.

mod meter;

use std::fmt::Display;
use std::time::{Duration, Instant};

use copilot::{Client, Error, Event, EventKind, EventStream, Result, Session};
use copilot_tests::counting;
use copilot_tests::status::{peak_rss_kib, rss_kib};
use meter::{Latencies, Meter};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Nothing on the fake CLI takes longer; a turn that does has lost something.
const PATIENCE: Duration = Duration::from_secs(20);
/// Round trips before anything is measured.
const WARM_UP: usize = 500;

/// Gives its input back.
#[copilot::tool]
async fn echo(
    /// Text to give back.
    input: String,
) -> String {
    input
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(cli), Some(bench)) = (args.next(), args.next()) else {
        panic!("usage: sdk-bench CLI BENCH ARGS..");
    };
    let numbers: Vec<usize> = args.map(|arg| arg.parse().expect("ARGS are numbers")).collect();
    let mut builder = match std::env::var("RT").as_deref() {
        Ok("current") => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(run(&cli, &bench, &numbers)) {
        println!(r#"{{"bench":"{bench}","error":{:?}}}"#, error.to_string());
    }
}

async fn run(cli: &str, bench: &str, args: &[usize]) -> Result<()> {
    let arg = |at: usize, default: usize| args.get(at).copied().unwrap_or(default);
    match bench {
        "start" => start(cli, arg(0, 30)).await,
        "ping" => ping(cli, arg(0, 20_000)).await,
        "pingc" => pings(cli, arg(0, 50_000), arg(1, 64)).await,
        "tools" => tools(cli, arg(0, 5_000), arg(1, 1)).await,
        "deltas" => deltas(cli, arg(0, 100_000), arg(1, 64)).await,
        "fanout" => fanout(cli, arg(0, 20_000), arg(1, 8)).await,
        "replay" => replay(cli, arg(0, 300)).await,
        "big" => big(cli, arg(0, 16 << 20), arg(1, 5)).await,
        "sessions" => sessions(cli, arg(0, 1_000), arg(1, 0)).await,
        other => panic!("there is no benchmark `{other}`"),
    }
}

async fn start(cli: &str, n: usize) -> Result<()> {
    let (mut starts, mut stops) = (Latencies::of(n), Latencies::of(n));
    for _ in 0..n {
        let at = Instant::now();
        let client = connect(cli).await?;
        starts.add(at);
        let at = Instant::now();
        client.shutdown().await?;
        stops.add(at);
    }
    report("start", &starts.figures());
    report("stop", &stops.figures());
    Ok(())
}

async fn ping(cli: &str, n: usize) -> Result<()> {
    let client = connect(cli).await?;
    for _ in 0..WARM_UP {
        client.ping("hello").await?;
    }
    let mut latencies = Latencies::of(n);
    let meter = Meter::start();
    for _ in 0..n {
        let at = Instant::now();
        client.ping("hello").await?;
        latencies.add(at);
    }
    report("ping", &format!("{},{}", meter.finish(n), latencies.figures()));
    client.shutdown().await
}

async fn pings(cli: &str, n: usize, width: usize) -> Result<()> {
    let client = connect(cli).await?;
    for _ in 0..WARM_UP {
        client.ping("hello").await?;
    }
    let meter = Meter::start();
    let mut tasks = JoinSet::<Result<Latencies>>::new();
    for _ in 0..width {
        let client = client.clone();
        tasks.spawn(async move {
            let mut latencies = Latencies::of(n / width);
            for _ in 0..n / width {
                let at = Instant::now();
                client.ping("hello").await?;
                latencies.add(at);
            }
            Ok::<_, Error>(latencies)
        });
    }
    let mut latencies = Latencies::default();
    for task in tasks.join_all().await {
        latencies.join(task?);
    }
    let figures = meter.finish(latencies.len());
    report("pingc", &format!(r#""width":{width},{figures},{}"#, latencies.figures()));
    client.shutdown().await
}

async fn tools(cli: &str, n: usize, width: usize) -> Result<()> {
    let client = connect(cli).await?;
    let session = client.session().streaming(true).with_all_tools().start().await?;
    turn(&session, "tools:echo:200:1").await?;
    let meter = Meter::start();
    let seen = turn(&session, &format!("tools:echo:{n}:{width}")).await?;
    let (figures, idle, mock) = (meter.finish(n), seen.idle, seen.mock());
    report("tools", &format!(r#""width":{width},"idle":{idle},{figures},"mock":{mock}"#));
    client.shutdown().await
}

async fn deltas(cli: &str, n: usize, size: usize) -> Result<()> {
    let client = connect(cli).await?;
    let session = client.session().streaming(true).start().await?;
    turn(&session, "deltas:200:64").await?;
    let meter = Meter::start();
    let seen = turn(&session, &format!("deltas:{n}:{size}")).await?;
    let figures = meter.finish(n);
    let Seen { deltas, bytes, lagged, misplaced, idle, .. } = seen;
    report(
        "deltas",
        &format!(
            r#""size":{size},"received":{deltas},"bytes":{bytes},"lost":{},"lagged":{lagged},"out_of_order":{misplaced},"idle":{idle},{figures},"rss_kib":{},"peak_rss_kib":{},"mock":{}"#,
            n - deltas,
            rss_kib(),
            peak_rss_kib(),
            seen.mock(),
        ),
    );
    client.shutdown().await
}

async fn fanout(cli: &str, n: usize, subscribers: usize) -> Result<()> {
    let client = connect(cli).await?;
    let session = client.session().streaming(true).start().await?;
    let mut tasks = JoinSet::new();
    for _ in 0..subscribers {
        tasks.spawn(until_idle(session.events()));
    }
    let meter = Meter::start();
    session.send(format!("deltas:{n}:64")).await?;
    let all = tasks.join_all().await;
    let figures = meter.finish(n);
    let received: usize = all.iter().map(|seen| seen.deltas).sum();
    let lagged: u64 = all.iter().map(|seen| seen.lagged).sum();
    report(
        "fanout",
        &format!(r#""subscribers":{subscribers},"received":{received},"lagged":{lagged},{figures}"#),
    );
    client.shutdown().await
}

async fn replay(cli: &str, n: usize) -> Result<()> {
    let client = connect(cli).await?;
    let session = client.session().streaming(true).start().await?;
    turn(&session, "replay:3").await?;
    let meter = Meter::start();
    let seen = turn(&session, &format!("replay:{n}")).await?;
    let (figures, mock) = (meter.finish(n), seen.mock());
    let Seen { events, lagged, idle, .. } = seen;
    report(
        "replay",
        &format!(r#""events":{events},"lagged":{lagged},"idle":{idle},{figures},"mock":{mock}"#),
    );
    client.shutdown().await
}

async fn big(cli: &str, bytes: usize, n: usize) -> Result<()> {
    let client = connect(cli).await?;
    let session = client.session().streaming(true).start().await?;
    turn(&session, "big:1000").await?;
    let into = format!("big:{bytes}");
    big_turns(&session, "big", bytes, n, &into, |seen| seen.report.len() == bytes).await?;
    let out = "count:".to_owned() + &"x".repeat(bytes);
    big_turns(&session, "big_up", bytes, n, &out, |seen| seen.report.contains("count")).await?;
    client.shutdown().await
}

async fn big_turns(
    session: &Session,
    bench: &str,
    bytes: usize,
    n: usize,
    prompt: &str,
    arrived: impl Fn(&Seen) -> bool,
) -> Result<()> {
    let mut latencies = Latencies::of(n);
    let live = counting::of_process().live;
    counting::reset_peak();
    let meter = Meter::start();
    for _ in 0..n {
        let at = Instant::now();
        let seen = turn(session, prompt).await?;
        assert!(arrived(&seen), "{} bytes arrived", seen.report.len());
        latencies.add(at);
    }
    let mut figures = format!("{},{}", meter.finish(n), latencies.figures());
    figures += &format!(r#","peak_rss_kib":{}"#, peak_rss_kib());
    if cfg!(feature = "count-allocations") {
        let peak = (counting::peak() - live) as f64 / bytes as f64;
        figures += &format!(r#","peak_heap_over_message":{peak:.2}"#);
    }
    report(bench, &format!(r#""bytes":{bytes},{figures}"#));
    Ok(())
}

async fn sessions(cli: &str, n: usize, tools: usize) -> Result<()> {
    let client = connect(cli).await?;
    // One function is one tool: a session has either all that are linked, which is one, or none.
    assert!(tools <= 1, "this program has one tool");
    let open = || {
        let builder = client.session().streaming(true);
        if tools == 0 { builder.start() } else { builder.with_all_tools().start() }
    };
    open().await?.close().await?;
    let (rss, live) = (rss_kib(), counting::of_process().live);
    let mut sessions = Vec::with_capacity(n);
    let meter = Meter::start();
    for _ in 0..n {
        sessions.push(open().await?);
    }
    let mut figures = meter.finish(n);
    figures += &format!(r#","rss_kib_per_session":{:.2}"#, (rss_kib() - rss) as f64 / n as f64);
    if cfg!(feature = "count-allocations") {
        let heap = (counting::of_process().live - live) as f64 / 1024.0 / n as f64;
        figures += &format!(r#","heap_kib_per_session":{heap:.2}"#);
    }
    report("sessions", &format!(r#""tools":{tools},{figures}"#));

    let at = Instant::now();
    let streams: Vec<_> = sessions.iter().map(Session::events).collect();
    for session in &sessions {
        session.send("hello").await?;
    }
    let mut idle = 0;
    for events in streams {
        idle += usize::from(until_idle(events).await.idle);
    }
    report("sessions_turns", &format!(r#""idle":{idle},"wall_ms":{:.1}"#, milliseconds(at)));

    let at = Instant::now();
    client.shutdown().await?;
    report("sessions_stop", &format!(r#""wall_ms":{:.1}"#, milliseconds(at)));
    Ok(())
}

async fn connect(cli: &str) -> Result<Client> {
    Client::builder().cli_path(cli).start().await
}

/// The events of a turn that a subscriber received.
#[derive(Default)]
struct Seen {
    events: usize,
    deltas: usize,
    bytes: usize,
    lagged: u64,
    misplaced: usize,
    /// The number that the next delta begins with.
    next: usize,
    report: String,
    idle: bool,
}

impl Seen {
    fn take(&mut self, event: &Event) {
        self.events += 1;
        match event.name() {
            "assistant.message_delta" | "assistant.message" | "copilot.lagged" => {}
            _ => return,
        }
        match event.kind() {
            EventKind::AssistantMessageDelta(delta) => {
                let text = &delta.delta_content;
                self.deltas += 1;
                self.bytes += text.len();
                let number = text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
                self.misplaced += usize::from(number < self.next);
                self.next = number + 1;
            }
            EventKind::AssistantMessage(message) => self.report.clone_from(&message.content),
            EventKind::Lagged(missed) => self.lagged += missed,
            _ => {}
        }
    }

    /// The fake CLI's report about the turn, as JSON.
    fn mock(&self) -> &str {
        if self.report.is_empty() { "null" } else { &self.report }
    }
}

async fn turn(session: &Session, prompt: &str) -> Result<Seen> {
    let mut turn = session.stream(prompt).idle_timeout(PATIENCE).await?;
    let mut seen = Seen::default();
    while let Some(event) = turn.next().await {
        match event {
            Ok(event) => seen.take(&event),
            Err(error) if error.is_timeout() => return Ok(seen),
            Err(error) => return Err(error),
        }
    }
    seen.idle = true;
    Ok(seen)
}

async fn until_idle(mut events: EventStream) -> Seen {
    let mut seen = Seen::default();
    while let Ok(Some(event)) = tokio::time::timeout(PATIENCE, events.next()).await {
        if event.name() == "session.idle" {
            seen.idle = true;
            break;
        }
        seen.take(&event);
    }
    seen
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn report(bench: &str, figures: &impl Display) {
    println!(r#"{{"bench":"{bench}",{figures}}}"#);
}

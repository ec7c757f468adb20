//! A program with a deferred tool, which is killed at a point between the request of the call and its settlement.
//!
//! `deferred-program DIRECTORY MODEL-URL file|settle POINT`. It prints the points that it reaches, one a line, and stops
//! at `POINT`, where the process that started it ends it. With `end` on its input it ends in an orderly way.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use copilot::deferred::{Deferred, Ticket};
use copilot::providers::Provider;
use copilot::resume::Resume;
use copilot::testing::hermetic_client;
use copilot::{Client, EventKind, Session, SessionBuilder, State};

/// The directory of the test, and the point at which the program stops.
struct Plan {
    directory: PathBuf,
    point: String,
}

impl Plan {
    /// Prints a point, and stops there if it is the one.
    async fn reach(&self, point: &str) {
        say(point);
        if self.point == point {
            std::future::pending::<()>().await;
        }
    }
}

/// Order a part.
#[copilot::tool]
async fn order(ticket: Ticket<String>, plan: State<Plan>) -> Deferred<String> {
    let directory = &plan.directory;
    let mut runs = OpenOptions::new().create(true).append(true).open(directory.join("runs")).expect("a file");
    writeln!(runs, "{}", ticket.id()).expect("a line is written");
    plan.reach("entered").await;
    let path = directory.join("filed");
    let text = serde_json::to_string(&ticket).expect("a ticket is JSON");
    // Filed by the id of the ticket: a second run finds the request.
    if !path.exists() {
        fs::write(directory.join("draft"), text).expect("a file is written");
        plan.reach("draft").await;
        fs::rename(directory.join("draft"), path).expect("a file is renamed");
    }
    plan.reach("filed").await;
    ticket.defer()
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mut arg = || args.next().expect("four arguments");
    let (directory, model, mode, point) = (PathBuf::from(arg()), arg(), arg(), arg());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let client = hermetic_client(directory.join("home")).cwd(&directory).env("DEFERRED", &directory);
        let client = client.auto_restart(false).start().await.expect("the CLI starts");
        let plan = Plan { directory: directory.clone(), point };
        let ended = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("the input can be read");
        });
        let builder = if mode == "file" { client.session().id("s") } else { client.resume("s") };
        let session = configured(builder, &model, Plan { directory, point: plan.point.clone() });
        let session = session.start().await.expect("the session starts");
        let work = async {
            match mode.as_str() {
                "file" => file(&session, &plan).await,
                _ => settle(&session, &plan).await,
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = work => {}
            _ = ended => end(&client, &session).await,
        }
    });
}

fn configured(session: SessionBuilder, model: &str, plan: Plan) -> SessionBuilder {
    session
        .provider(Provider::openai(model).api_key("scripted"))
        .model("scripted")
        .with_tools([order::TOOL])
        .state(plan)
        .resume_options(Resume::new().continue_pending_work(true))
}

/// Makes the agent call the tool.
async fn file(session: &Session, plan: &Plan) {
    let mut events = session.events();
    session.send("Order it.").await.expect("the message is accepted");
    while let Some(event) = events.next().await {
        match event.kind() {
            EventKind::ExternalToolRequested(_) => plan.reach("requested").await,
            EventKind::AnswerDeferred(_) => plan.reach("deferred").await,
            _ => {}
        }
    }
}

/// Settles the call by the ticket that was filed.
async fn settle(session: &Session, plan: &Plan) {
    let ticket = read_ticket(&plan.directory);
    let mut events = session.events();
    plan.reach("open").await;
    say("settling");
    match session.settle(&ticket, "settled by the second program".to_owned()).await {
        Ok(()) => plan.reach("settled").await,
        Err(error) => say(&format!("error {error}")),
    }
    while let Some(event) = events.next().await {
        if let EventKind::SessionIdle(_) = event.kind() {
            plan.reach("idle").await;
        }
    }
}

fn read_ticket(directory: &Path) -> Ticket<String> {
    let text = fs::read_to_string(directory.join("filed")).expect("the ticket was filed");
    serde_json::from_str(&text).expect("it is a ticket")
}

async fn end(client: &Client, session: &Session) {
    // A CLI that was killed cannot be asked.
    let closed = tokio::time::timeout(Duration::from_secs(10), session.close()).await;
    say(&format!("closed {}", matches!(closed, Ok(Ok(())))));
    client.shutdown().await.expect("the CLI ends");
    std::process::exit(0);
}

fn say(word: &str) {
    let mut out = std::io::stdout();
    // The reader may be gone, when it has killed this program.
    let _ = writeln!(out, "{word}").and_then(|()| out.flush());
}

//! A refund that a person approves, days later if need be: a workflow of Restate around the turn of an agent.
//!
//! `cargo run -- DIRECTORY 127.0.0.1:9080` serves the workflow; the README beside this says how to use it. Restate has
//! the steps and repeats those that were cut off, the session of the CLI has the conversation, and this process may be
//! killed at any time:
//!
//! 1. The agent calls the tool `refund`, which files the request with its ticket. The call stays open.
//! 2. The workflow files an awakeable beside the ticket, and waits for a person to resolve it.
//! 3. The workflow pays, and settles the ticket. The agent continues with the receipt.
//!
//! A step that was cut off is repeated, so each of them finds out what its earlier attempt has done: the session has an
//! id made of the key of the workflow, a request and a payment are files named by the ticket, and a call that was settled
//! already is an error that means "done".

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use copilot::deferred::{Deferred, Ticket};
use copilot::resume::Resume;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{Client, Event, EventKind, Session, SessionBuilder, SessionId, State, ToolError};
use restate_sdk::prelude::{ContextAwakeables as _, ContextSideEffects as _, RunFuture as _};
use restate_sdk::prelude::{Endpoint, HandlerResult, HttpServer, Json, WorkflowContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The result of a refund, which the agent reads.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Receipt {
    cents: u32,
    approved_by: String,
}

/// A refund that waits for a person, as the tool files it.
#[derive(Deserialize, Serialize)]
struct Filed {
    order: String,
    cents: u32,
    ticket: Ticket<Receipt>,
}

/// The answer of a person, which resolves the awakeable.
#[derive(Deserialize, Serialize)]
struct Decision {
    approved: bool,
    by: String,
}

/// The state of a conversation after a step.
#[derive(Deserialize, Serialize)]
struct Turn {
    /// The text of the agent so far.
    text: String,
    /// The calls that wait for a person.
    waits_for: Vec<Ticket<Value>>,
}

/// The files of this example, which stand for a database.
struct Desk(PathBuf);

impl Desk {
    /// Returns the path of the file of a ticket: a `request`, an `inbox` entry or a `payment`.
    fn path(&self, kind: &str, ticket: &Ticket<Value>) -> PathBuf {
        self.0.join(format!("{kind}-{}.json", ticket.id()))
    }

    /// Writes a file atomically, or replaces it with an equal one.
    fn write(&self, kind: &str, ticket: &Ticket<Value>, content: &impl Serialize) -> io::Result<()> {
        let (path, draft) = (self.path(kind, ticket), self.path("draft", ticket));
        fs::write(&draft, serde_json::to_vec(content)?)?;
        fs::rename(draft, path)
    }

    /// Pays, unless an earlier attempt has paid for this ticket. A bank takes such a key as well.
    fn pay(&self, filed: &Filed) -> io::Result<()> {
        match File::create_new(self.path("payment", &filed.ticket.untyped())) {
            Ok(_) => println!("paid {} cents for {}", filed.cents, filed.order),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Refund an order. A person approves it first, which may take days.
#[copilot::tool]
fn refund(
    /// The order, such as `A-17`.
    order: String,
    /// The amount.
    cents: u32,
    ticket: Ticket<Receipt>,
    desk: State<Desk>,
) -> io::Result<Deferred<Receipt>> {
    println!("the function runs for {}", ticket.id());
    let filed = Filed { order, cents, ticket: ticket.clone() };
    // The same file if the function runs again for this call, because the program was killed here.
    desk.write("request", &ticket.untyped(), &filed)?;
    Ok(ticket.defer())
}

struct Refund {
    client: Client,
    directory: PathBuf,
}

// A model may take longer than the minute after which Restate wants to suspend a handler.
#[restate_sdk::workflow(
    inactivity_timeout = "10m",
    invocation_retry_policy(initial_interval = "200ms", max_interval = "5s", max_attempts = 100)
)]
impl Refund {
    /// Lets the agent answer a message, and returns what it says in the end. The key is that of the customer's case.
    #[handler]
    async fn run(&self, ctx: WorkflowContext<'_>, message: String) -> HandlerResult<String> {
        let (case, desk) = (ctx.key().to_owned(), self.desk());
        let mut turn = ctx.run(|| self.ask(&case, &message)).name("ask").await?.into_inner();
        while let Some(ticket) = turn.waits_for.first() {
            let filed: Filed = serde_json::from_slice(&fs::read(desk.path("request", ticket))?)?;
            let (awakeable, decision) = ctx.awakeable::<Json<Decision>>();
            let entry = json!({"order": filed.order, "cents": filed.cents, "awakeable": awakeable});
            ctx.run(async || Ok(desk.write("inbox", ticket, &entry)?)).name("file").await?;
            let decision = decision.await?.into_inner();
            if decision.approved {
                ctx.run(async || Ok(desk.pay(&filed)?)).name("pay").await?;
            }
            turn = ctx.run(|| self.settle(&case, &filed, &decision)).name("settle").await?.into_inner();
        }
        Ok(turn.text)
    }
}

impl Refund {
    /// Sends the message, or continues where an earlier attempt was cut off, until the agent is done or waits.
    async fn ask(&self, case: &str, message: &str) -> HandlerResult<Json<Turn>> {
        // A real program leaves the model out and has a login instead.
        let order = json!({"order": case, "cents": 4200});
        let model = ScriptedModel::start(Script::new().continuing().call("refund", order)).await?;
        self.advance(case, message, &model).await
    }

    /// Settles the call, and returns when the agent is done or waits again.
    async fn settle(&self, case: &str, filed: &Filed, decision: &Decision) -> HandlerResult<Json<Turn>> {
        let (part, text) = match decision.approved {
            true => ("approved_by", "You get 42.00 back."),
            false => ("declined", "I cannot refund that."),
        };
        let script = Script::new().continuing().expect_tool_result("refund", move |text| text.contains(part));
        let model = ScriptedModel::start(script.say(text)).await?;
        let by = decision.by.clone();
        let value = match decision.approved {
            true => Ok(Receipt { cents: filed.cents, approved_by: by }),
            false => Err(ToolError::refused(format!("{by} has declined"))),
        };
        let settled = self.client.settle(&filed.ticket, value);
        match settled.session(|session| self.configured(session, &model)).await {
            Ok(reply) => {
                Ok(Json(Turn { text: reply.text().to_owned(), waits_for: reply.deferred().to_vec() }))
            }
            // An earlier attempt has settled the call, and was cut off in the rest of the turn.
            Err(error) if error.kind() == copilot::ErrorKind::Session => {
                println!("settled before: {error}");
                self.advance(case, "Continue.", &model).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the session and does what is missing: the message, the rest of its turn, or nothing.
    async fn advance(&self, case: &str, message: &str, model: &ScriptedModel) -> HandlerResult<Json<Turn>> {
        let id = SessionId::from(format!("case-{case}"));
        let session = match self.client.session_info(&id).await? {
            None => self.client.session().id(id),
            // A function that was cut off before it had filed its request runs again, with the same ticket.
            Some(_) => self.client.resume(id).resume_options(Resume::new().continue_pending_work(true)),
        };
        let session = self.configured(session, model).start().await?;
        let waits_for = open_calls(&session).await?;
        let turn = match last_step(&session.history().events().await?) {
            _ if !waits_for.is_empty() => Turn { text: String::new(), waits_for },
            Some(Some(text)) => Turn { text, waits_for },
            last => {
                let message = if last.is_some() { "Continue." } else { message };
                let reply = session.ask(message).return_deferred().await?;
                Turn { text: reply.text().to_owned(), waits_for: reply.deferred().to_vec() }
            }
        };
        session.close().await?;
        Ok(Json(turn))
    }

    fn configured(&self, session: SessionBuilder, model: &ScriptedModel) -> SessionBuilder {
        session.scripted_model(model).with_tools([refund::TOOL]).state(self.desk())
    }

    fn desk(&self) -> Desk {
        Desk(self.directory.clone())
    }
}

/// Waits until the turn that an earlier attempt has begun, if any, has ended or waits for a person; returns those calls.
async fn open_calls(session: &Session) -> copilot::Result<Vec<Ticket<Value>>> {
    let mut events = session.events();
    loop {
        let pending = session.pending().await?;
        let tickets = pending.tool_calls().iter().map(|call| call.ticket().cloned());
        match tickets.collect::<Option<Vec<_>>>() {
            Some(tickets) if !tickets.is_empty() || !session.activity().await?.has_active_work => {
                return Ok(tickets);
            }
            // A permission is decided, or a function runs again.
            _ => drop(events.next().await),
        }
    }
}

/// Returns how far the agent is: `None` before the first message, and the text of a turn that has ended.
fn last_step(events: &[Event]) -> Option<Option<String>> {
    events.iter().rev().find_map(|event| match event.kind() {
        EventKind::AssistantMessage(said) => {
            Some(Some(said.content.clone()).filter(|_| said.tool_requests.is_empty()))
        }
        EventKind::UserMessage(_) | EventKind::ToolExecutionComplete(_) => Some(None),
        _ => None,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, address] = arguments.as_slice() else {
        return Err("say a directory and an address".into());
    };
    let directory = Path::new(directory).to_owned();
    fs::create_dir_all(&directory)?;
    let client = hermetic_client(&directory).start().await?;
    let listener = TcpListener::bind(address).await?;
    println!("serves on {address}");
    let refund = Refund { client: client.clone(), directory };
    HttpServer::new(Endpoint::builder().bind(refund).build()).serve(listener).await;
    client.shutdown().await?;
    Ok(())
}

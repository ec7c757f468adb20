//! One use of each public future of the library, and what it needs.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use copilot::deferred::Ticket;
use copilot::history::{EventQuery, RewindMode};
use copilot::host::inference::{InferenceRequest, InferenceResponse};
use copilot::host::object_store::BucketFs;
use copilot::host::object_store::object_store::memory::InMemory;
use copilot::install::Installer;
use copilot::log::LogOptions;
use copilot::mcp::Mcp;
use copilot::permission_mode::PermissionMode;
use copilot::testing::{Answer, FakeCli, FakeTurn, ScriptedModel, call};
use copilot::user_input::UserInputResponse;
use copilot::{AgentMode, Client, Session, SessionId, State, ToolContext};
use copilot_tests::fake::settle;
use serde_json::{Value, json};

use super::answers::answers;

/// Says it back.
#[copilot::tool]
async fn echo_later(
    /// The text to return.
    text: &str,
) -> String {
    tokio::task::yield_now().await;
    text.to_owned()
}

/// Does nothing.
#[copilot::tool]
async fn extra() {}

/// Hands over its context, and runs until it is dropped.
#[copilot::tool]
async fn keep(kept: State<Kept>, cx: &ToolContext) {
    *kept.lock().unwrap() = Some(cx.clone());
    std::future::pending::<()>().await;
}

type Kept = Arc<Mutex<Option<ToolContext>>>;

/// The objects that a case works with, created for each run.
pub(super) struct World {
    pub(super) cli: FakeCli,
    pub(super) client: Client,
    pub(super) session: Session,
    /// A session that was closed.
    closed: SessionId,
    /// The context of a tool that runs in `session`.
    cx: ToolContext,
    /// A turn that the CLI plays, and is done with.
    turn: FakeTurn,
    directory: tempfile::TempDir,
    messages: AtomicUsize,
}

/// The agent's answer to a request for a typed answer.
const VALUE: &str = r#"{"value": 7}"#;

impl World {
    pub(super) async fn new(version: &str) -> Self {
        let cli = FakeCli::of_version(version);
        for (method, answer) in answers() {
            cli.on(method, move |_, _| answer.clone());
        }
        cli.on("session.create", |_, asked| match asked.default_answer() {
            Answer::Result(mut opened) => {
                opened["capabilities"] = json!({"ui": {"elicitation": true}});
                opened.into()
            }
            other => other,
        });
        let turns: Arc<Mutex<Option<FakeTurn>>> = Arc::default();
        let turns_of_cli = Arc::clone(&turns);
        cli.on_turn(move |turn| {
            turns_of_cli.lock().unwrap().get_or_insert_with(|| turn.clone());
            async move {
                tokio::task::yield_now().await;
                let text = if turn.params()["responseFormat"].is_null() { turn.prompt() } else { VALUE };
                turn.say(text);
            }
        });
        let client = cli.client_builder().start().await.unwrap();
        let closed = client.session().start().await.unwrap();
        closed.close().await.unwrap();
        let kept = Kept::default();
        let session = client
            .session()
            .with_tools([echo_later::TOOL, keep::TOOL])
            .state(Arc::clone(&kept))
            .on_user_input(|asked| async move {
                tokio::task::yield_now().await;
                UserInputResponse::new(asked.question)
            })
            .start()
            .await
            .unwrap();
        session.ask("first").await.unwrap();
        drop(cli.call_tool(session.id(), "keep", json!({})).start());
        settle().await;
        let cx = kept.lock().unwrap().take().unwrap();
        let turn = turns.lock().unwrap().clone().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let closed = closed.id().clone();
        Self { cli, client, session, closed, cx, turn, directory, messages: AtomicUsize::new(0) }
    }
}

impl World {
    /// A message that was not sent before.
    fn message(&self) -> String {
        format!("message {}", self.messages.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a lifecycle notification of a session.
    fn happen(&self) {
        self.cli.notify("session.lifecycle", json!({"type": "session.updated", "sessionId": "other"}));
    }
}

pub(super) type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One use of an item: its name, perhaps with a word on the use, and what is done. It panics when that fails.
pub(super) type Case = (&'static str, fn(&World) -> Running<'_>);

/// `name => |world| future`, for each case.
macro_rules! cases {
    ($($name:literal => |$world:ident| $use:expr;)*) => {
        &[$(($name, |$world: &World| -> Running<'_> { Box::pin(async move { let _ = $use; }) })),*]
    };
}

/// A request to a model, with the rest of its body on the way, and what keeps it there.
async fn inference_request() -> (InferenceRequest, FakeCli, Client) {
    let cli = FakeCli::new();
    let (reported, mut requests) = tokio::sync::mpsc::channel(1);
    let models = move |request: InferenceRequest| {
        let reported = reported.clone();
        async move {
            reported.send(request).await?;
            std::future::pending().await
        }
    };
    let client = cli.client_builder().inference(models).start().await.unwrap();
    let start = json!({"requestId": "r", "method": "POST", "url": "http://models/v1", "headers": {}});
    cli.request("llmInference.httpRequestStart", start).await.unwrap();
    let request = requests.recv().await.unwrap();
    let body = json!({"requestId": "r", "data": "7", "end": true});
    cli.request("llmInference.httpRequestChunk", body).await.unwrap();
    (request, cli, client)
}

/// The inbox of the session: a call, and two permissions.
async fn inbox(world: &World) -> copilot::pending::Pending {
    world.cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r", "toolCallId": "c", "toolName": "other", "arguments": {}}]})
    });
    world.session.pending().await.unwrap()
}

/// Makes the CLI record the result of a deferred call, and end the turn.
fn records_results(cli: &FakeCli, ticket: &Ticket<String>) {
    let ticket = ticket.clone();
    cli.on("session.tools.handlePendingToolCall", move |_, asked| {
        let played = asked.cli();
        let session = ticket.session_id();
        let complete = json!({"toolCallId": ticket.call_id(), "success": true});
        played.event(session, "tool.execution_complete", complete);
        played.event(session, "assistant.message", json!({"messageId": "m", "content": "Done."}));
        played.event(session, "session.idle", json!({}));
        json!({"success": true})
    });
}

pub(super) const CASES: &[Case] = cases! {
    "Canvases::close" => |w| w.session.canvases().close("a").await.unwrap();
    "Canvases::invoke" => |w| w.session.canvases().invoke("a", "b", json!({})).await.unwrap();
    "Canvases::list" => |w| w.session.canvases().list().await.unwrap();
    "Canvases::list_open" => |w| w.session.canvases().list_open().await.unwrap();
    "Canvases::open" => |w| w.session.canvases().open("a", "b", json!({})).await.unwrap();
    "BodyWriter::send" => |_w| {
        let mut writer = None;
        let response = InferenceResponse::new(200).write(|body| {
            writer = Some(body);
            async { Ok(()) }
        });
        writer.unwrap().send("a").await.unwrap();
        drop(response);
    };
    "Client::auth_status" => |w| w.client.auth_status().await.unwrap();
    "Client::builtin_tools" => |w| w.client.builtin_tools(None).await.unwrap();
    "Client::call" => |w| w.client.call::<_, Value>("tools.list", json!({})).await.unwrap();
    "Client::cli_version" => |w| w.client.cli_version().await.unwrap();
    "Client::cli_version, the first use of a lazy client" => |w| lazy(w).await;
    "Client::delete_session" => |w| {
        let id = SessionId::from(w.message().replace(' ', "-"));
        let other = FakeCli::new();
        let client = other.client_builder().start().await.unwrap();
        client.session().id(id.clone()).start().await.unwrap().close().await.unwrap();
        client.delete_session(&id).await.unwrap();
    };
    "Client::foreground_session" => |w| w.client.foreground_session().await.unwrap();
    "Client::last_session_id" => |w| w.client.last_session_id().await.unwrap();
    "Client::list_sessions" => |w| w.client.list_sessions(None).await.unwrap();
    "Client::models" => |w| w.client.models().await.unwrap();
    "Client::ping" => |w| w.client.ping("?").await.unwrap();
    "Client::quota" => |w| w.client.quota().await.unwrap();
    "Client::session_info" => |w| w.client.session_info(w.session.id()).await.unwrap();
    "Client::set_foreground_session" => |w| w.client.set_foreground_session(w.session.id()).await.unwrap();
    "Client::shutdown" => |w| {
        w.client.shutdown().await.unwrap();
        w.cli.disconnected().await;
    };
    "Client::status" => |w| w.client.status().await.unwrap();
    "ClientBuilder::start" => |_w| FakeCli::new().client_builder().start().await.unwrap();
    "Commands::invoke" => |w| w.session.commands().invoke("deploy", "").await.unwrap();
    "Commands::list" => |w| w.session.commands().list().await.unwrap();
    "ConnectionStates::next" => |w| w.client.connection_states().next().await.unwrap();
    "EventStream::next" => |w| {
        let mut events = w.session.events();
        let (event, logged) = tokio::join!(events.next(), w.session.log("?", LogOptions::new()));
        logged.unwrap();
        event.unwrap()
    };
    "GithubTelemetryEvents::next" => |w| {
        let mut events = w.client.github_telemetry();
        w.cli.notify("gitHubTelemetry.event", json!({"restricted": true, "event": {"kind": "odd"}}));
        events.next().await.unwrap()
    };
    "LifecycleEvents::next" => |w| {
        let mut events = w.client.lifecycle();
        w.happen();
        events.next().await.unwrap()
    };
    "RequestBody::collect" => |_w| assert_eq!(inference_request().await.0.body.collect().await, b"7");
    "RequestBody::json" => |_w| assert_eq!(inference_request().await.0.body.json::<u8>().await.unwrap(), 7);
    "RequestBody::next" => |_w| inference_request().await.0.body.next().await.unwrap();
    "Queue::clear" => |w| w.session.queue().clear().await.unwrap();
    "Queue::content" => |w| w.session.queue().content().await.unwrap();
    "Queue::edit" => |w| w.session.queue().edit("a", "b").await.unwrap();
    "Queue::move_to" => |w| w.session.queue().move_to("a", 0).await.unwrap();
    "Queue::pause" => |w| w.session.queue().pause().await.unwrap();
    "Queue::remove" => |w| w.session.queue().remove("a").await.unwrap();
    "Queue::remove_newest" => |w| w.session.queue().remove_newest().await.unwrap();
    "Queue::resume" => |w| w.session.queue().resume().await.unwrap();
    "Queue::send_now" => |w| w.session.queue().send_now("a").await.unwrap();
    "Session::abort" => |w| w.session.abort().await.unwrap();
    "SessionAgents::list" => |w| w.session.agents().list().await.unwrap();
    "Session::call" => |w| w.session.call::<_, Value>("session.log", json!({"message": "?"})).await.unwrap();
    "Session::close" => |w| {
        w.session.close().await.unwrap();
        assert!(w.cli.open_sessions().is_empty());
    };
    "Session::metadata" => |w| w.session.metadata().await.unwrap();
    "Session::settle" => |w| {
        let ticket: Ticket<String> = w.cx.ticket().await.unwrap();
        records_results(&w.cli, &ticket);
        w.session.settle(&ticket, "settled".to_owned()).await.unwrap();
    };
    "SettleRequest" => |w| {
        let mut ticket = serde_json::to_value(w.cx.ticket::<String>().await.unwrap()).unwrap();
        ticket["session"] = "other".into();
        let ticket: Ticket<String> = serde_json::from_value(ticket).unwrap();
        let cli = FakeCli::new();
        let client = cli.client_builder().start().await.unwrap();
        client.session().id("other").start().await.unwrap().close().await.unwrap();
        records_results(&cli, &ticket);
        assert_eq!(client.settle(&ticket, "settled".to_owned()).await.unwrap().text(), "Done.");
    };
    "ToolContext::ticket" => |w| w.cx.ticket::<String>().await.unwrap();
    "Session::suspend" => |w| w.session.suspend().await.unwrap();
    "PendingCall::answer" => |w| {
        inbox(w).await.tool_calls()[0].answer(&copilot::ToolResult::success("t")).await.unwrap();
    };
    "PendingCall::deny" => |w| inbox(w).await.tool_calls()[0].deny("no").await.unwrap();
    "PendingCall::settle" => |w| {
        // It is not deferred.
        inbox(w).await.tool_calls()[0].settle(json!("t")).await.unwrap_err();
    };
    "PendingPermission::approve" => |w| inbox(w).await.permissions()[0].approve().await.unwrap();
    "PendingPermission::approve_with" => |w| {
        let pending = inbox(w).await;
        let echoes = pending.permission(&"e".into()).unwrap();
        echoes.approve_with(json!({"text": "other"})).await.unwrap();
    };
    "PendingPermission::decide" =>
        |w| inbox(w).await.permissions()[0].decide(copilot::Decision::Approve).await.unwrap();
    "PendingPermission::deny" => |w| inbox(w).await.permissions()[0].deny("no").await.unwrap();
    "Session::activity" => |w| assert!(w.session.activity().await.unwrap().abortable);
    "Session::ephemeral_query" => |w| assert_eq!(w.session.ephemeral_query("?").await.unwrap(), "Yes.");
    "History::truncate" => |w| assert_eq!(w.session.history().truncate("e").await.unwrap().events_removed, 2);
    "History::compact" => |w| w.session.history().compact(None).await.unwrap();
    "SessionAgents::current" => |w| w.session.agents().current().await.unwrap();
    "Session::current_model" => |w| w.session.current_model().await.unwrap();
    "Session::delete" => |w| match w.session.delete().await {
        // The first future was dropped after the CLI had done it, or while the session was closed behind it.
        Err(error) => {
            let gone = |error: copilot::Error| error.to_string().contains("Session not found");
            let closed = error.kind() == copilot::ErrorKind::Closed;
            assert!(closed || gone(error));
            assert!(!closed || w.client.delete_session(w.session.id()).await.map_or_else(gone, |()| true));
        }
        Ok(()) => assert!(w.cli.open_sessions().is_empty()),
    };
    "SessionPlan::delete" => |w| w.session.plan().delete().await.unwrap();
    "SessionAgents::deselect" => |w| w.session.agents().deselect().await.unwrap();
    "History::events" => |w| w.session.history().events().await.unwrap();
    "Session::log" => |w| w.session.log("?", LogOptions::new()).await.unwrap();
    "SessionMcp::servers" => |w| w.session.mcp().servers().await.unwrap();
    "Session::mode" => |w| w.session.mode().await.unwrap();
    "Session::name" => |w| w.session.name().await.unwrap();
    "SessionPlan::read" => |w| w.session.plan().read().await.unwrap();
    "SessionWorkspace::read" => |w| w.session.workspace().read("a").await.unwrap();
    "SessionSkills::reload" => |w| w.session.skills().reload().await.unwrap();
    "SessionAgents::select" => |w| w.session.agents().select("a").await.unwrap();
    "Session::set_mode" => |w| w.session.set_mode(AgentMode::Plan).await.unwrap();
    "Session::set_name" => |w| w.session.set_name("a").await.unwrap();
    "SessionPlan::write" => |w| w.session.plan().write("a").await.unwrap();
    "SessionSkills::list" => |w| w.session.skills().list().await.unwrap();
    "SessionMcp::disable" => |w| w.session.mcp().disable("a").await.unwrap();
    "SessionSkills::disable" => |w| w.session.skills().disable("a").await.unwrap();
    "SessionMcp::enable" => |w| w.session.mcp().enable("a").await.unwrap();
    "SessionSkills::enable" => |w| w.session.skills().enable("a").await.unwrap();
    "History::cursor" => |w| w.session.history().cursor().await.unwrap();
    "Session::forget_approvals" => |w| w.session.forget_approvals().await.unwrap();
    "Session::instructions" => |w| w.session.instructions().await.unwrap();
    "Session::context_attribution" => |w| w.session.context_attribution().await.unwrap();
    "Session::fork" => |w| w.session.fork(copilot::sessions::Fork::new()).await.unwrap();
    "SessionMcp::restart" => |w| w.session.mcp().restart("a").await.unwrap();
    "SessionMcp::tools" => |w| w.session.mcp().tools("a").await.unwrap();
    "Session::pending" => |w| assert_eq!(inbox(w).await.permissions().len(), 2);
    "Session::permission_mode" => |w| w.session.permission_mode().await.unwrap();
    "History::page" => |w| w.session.history().page(&EventQuery::new()).await.unwrap();
    "History::rewind" => |w| w.session.history().rewind("a", RewindMode::Conversation).await.unwrap();
    "History::rewind_points" => |w| w.session.history().rewind_points().await.unwrap();
    "Session::set_permission_mode" => |w| {
        w.session.set_permission_mode(&PermissionMode::Manual).await.unwrap();
    };
    "SessionAgents::start_fleet" => |w| w.session.agents().start_fleet(None).await.unwrap();
    "Session::usage" => |w| w.session.usage().await.unwrap();
    "Session::tool_usage" => |w| w.session.tool_usage().await.unwrap();
    "SessionWorkspace::files" => |w| w.session.workspace().files().await.unwrap();
    "SessionWorkspace::write" => |w| w.session.workspace().write("a", "b").await.unwrap();
    "SessionBuilder::start" => |w| {
        let session = w.client.session().mcp(Mcp::new().on_login(|_| async { copilot::mcp::McpLoginResponse::cancelled() }));
        session.start().await.unwrap()
    };
    "SessionBuilder::start, resuming" => |w| w.client.resume(w.closed.clone()).start().await.unwrap();
    "SessionBuilder::start, with a separate client" => |_w| {
        let cli = FakeCli::new();
        let session = Session::builder().client(cli.client_builder()).start().await.unwrap();
        session.close().await.unwrap();
        cli.disconnected().await;
    };
    "SessionTools::add" => |w| {
        w.session.tools().add([extra::TOOL]).await.or_else(already).unwrap();
        assert_eq!(tools_of(w), ["echo_later", "extra", "keep"]);
    };
    "SessionTools::disable" => |w| {
        // The first future was dropped, and the CLI had done it.
        w.session.tools().disable(["echo_later"]).await.or_else(already).unwrap();
        assert_eq!(tools_of(w), ["keep"]);
    };
    "SessionTools::enable" => |w| {
        w.session.tools().disable(["echo_later"]).await.or_else(already).unwrap();
        w.session.tools().enable(["echo_later"]).await.unwrap();
        assert_eq!(tools_of(w), ["echo_later", "keep"]);
    };
    "SessionTools::remove" => |w| {
        w.session.tools().remove(["echo_later"]).await.or_else(already).unwrap();
        assert_eq!(tools_of(w), ["keep"]);
    };
    "SessionTools::set" => |w| {
        w.session.tools().set([extra::TOOL]).await.unwrap();
        assert_eq!(tools_of(w), ["extra"]);
    };
    "ToolContext::ask_user" => |w| w.cx.ask_user("?", ["a"]).await.unwrap();
    "ToolContext::call" => |w| w.cx.call::<_, Value>("session.log", json!({"message": "?"})).await.unwrap();
    "ToolContext::cancelled" => |w| tokio::join!(w.cx.cancelled(), w.session.abort()).1.unwrap();
    "Turn::next" => |w| {
        let mut turn = w.session.stream("?").await.unwrap();
        while let Some(event) = turn.next().await {
            event.unwrap();
        }
    };
    "Turn::reply" => |w| {
        let message = w.message();
        let reply = w.session.stream(message.as_str()).await.unwrap().reply().await.unwrap();
        assert_eq!(reply.text(), message);
    };
    "Turn::withdraw" => |w| {
        let mut turn = w.session.stream("?").await.unwrap();
        assert!(!turn.withdraw().await.unwrap());
    };
    "Ui::confirm" => |w| assert!(w.session.ui().confirm("?").await.unwrap());
    "Ui::elicit" => |w| w.session.ui().elicit("?", json!({})).await.unwrap();
    "Ui::select" => |w| w.session.ui().select("?", ["a"]).await.unwrap();

    "AskAsRequest" => |w| assert_eq!(w.session.ask_as::<i64>("?").await.unwrap(), 7);
    "AskRequest" => |w| {
        let message = w.message();
        assert_eq!(w.session.ask(message.as_str()).await.unwrap().text(), message);
    };
    "InputRequest" => |w| w.session.ui().input("?").await.unwrap();
    "ModelRequest" => |w| w.session.set_model("m").await.unwrap();
    "SendRequest" => |w| w.session.send("?").await.unwrap();
    "StreamRequest" => |w| w.session.stream("?").await.unwrap();

    "FakeCli::disconnected" => |w| tokio::join!(w.cli.disconnected(), w.client.shutdown()).1.unwrap();
    "FakeCli::held" => |w| {
        w.cli.hold("ping");
        let ping = async { w.client.ping("?").await.unwrap() };
        // That of a dropped future may be held as well.
        let answer = async {
            loop {
                w.cli.held("ping").await.answer_by_default();
            }
        };
        tokio::select! { _ = ping => {}, () = answer => {} }
    };
    "FakeCli::request" => |w| {
        let params = json!({"sessionId": w.session.id(), "question": "?"});
        w.cli.request("userInput.request", params).await.unwrap()
    };
    "FakeCli::requested" => |w| tokio::join!(w.cli.requested("ping", 1), w.client.ping("?")).1.unwrap();
    "FakeTurn::call_tool" => |w| w.turn.call_tool("echo_later", json!({"text": "?"})).await;
    "PendingQuestion::answer" => |w| {
        w.cli.call_tool(w.session.id(), "echo_later", json!({"text": "?"})).start().answer().await
    };
    "PermissionQuestion" => |w| w.cli.ask_permission(w.session.id(), json!({"kind": "shell"})).await;
    "ScriptedModel::start" => |_w| ScriptedModel::start(copilot::testing::Script::new().say("a")).await.unwrap();
    "ToolCall" => |_w| assert_eq!(call(echo_later::TOOL, json!({"text": "a"})).await.result.text(), "a");
    "ToolCallQuestion" => |w| w.cli.call_tool(w.session.id(), "echo_later", json!({"text": "?"})).await;

    "BucketFs::acquire" => |_w| bucket().acquire(&"s".into()).await.unwrap();
    "BucketFs::delete" => |_w| {
        let files = bucket();
        files.acquire(&"s".into()).await.unwrap();
        files.delete(&"s".into()).await.unwrap();
    };
    "BucketFs::flush" => |_w| {
        let files = bucket();
        files.acquire(&"s".into()).await.unwrap();
        files.flush(&"s".into()).await.unwrap();
    };
    "BucketFs::release" => |_w| {
        let files = bucket();
        files.acquire(&"s".into()).await.unwrap();
        files.release(&"s".into()).await.unwrap();
    };
    "BucketFs::release_all" => |_w| {
        let files = bucket();
        files.acquire(&"s".into()).await.unwrap();
        files.release_all().await.unwrap();
    };
    "BucketFs::sessions" => |_w| {
        let files = bucket();
        files.acquire(&"s".into()).await.unwrap();
        assert_eq!(files.sessions().await.unwrap().len(), 1);
    };
    "Installer::cached" => |w| {
        let installer = Installer::new().cache_dir(w.directory.path());
        assert_eq!(installer.cached().await.unwrap(), None);
    };
    "Queue::clear" => |w| w.session.queue().clear().await.unwrap();
    "Queue::content" => |w| w.session.queue().content().await.unwrap();
    "Queue::edit" => |w| w.session.queue().edit("1", "a").await.unwrap();
    "Queue::move_to" => |w| w.session.queue().move_to("1", 0).await.unwrap();
    "Queue::pause" => |w| w.session.queue().pause().await.unwrap();
    "Queue::remove" => |w| w.session.queue().remove("1").await.unwrap();
    "Queue::remove_newest" => |w| w.session.queue().remove_newest().await.unwrap();
    "Queue::resume" => |w| w.session.queue().resume().await.unwrap();
    "Queue::send_now" => |w| w.session.queue().send_now("1").await.unwrap();
    "SessionMcp::disable" => |w| w.session.mcp().disable("a").await.unwrap();
    "SessionSkills::disable" => |w| w.session.skills().disable("a").await.unwrap();
    "SessionMcp::enable" => |w| w.session.mcp().enable("a").await.unwrap();
    "SessionSkills::enable" => |w| w.session.skills().enable("a").await.unwrap();
    "History::cursor" => |w| w.session.history().cursor().await.unwrap();
    "Session::forget_approvals" => |w| w.session.forget_approvals().await.unwrap();
    "Session::instructions" => |w| w.session.instructions().await.unwrap();
    "Session::context_attribution" => |w| w.session.context_attribution().await.unwrap();
    "Session::fork" => |w| w.session.fork(copilot::sessions::Fork::new()).await.unwrap();
    "SessionMcp::restart" => |w| w.session.mcp().restart("a").await.unwrap();
    "SessionMcp::tools" => |w| w.session.mcp().tools("a").await.unwrap();
    "Session::pending" => |w| w.session.pending().await.unwrap();
    "Session::permission_mode" => |w| w.session.permission_mode().await.unwrap();
    "History::page" => |w| w.session.history().page(&EventQuery::new()).await.unwrap();
    "History::rewind" => |w| w.session.history().rewind("1", RewindMode::Conversation).await.unwrap();
    "History::rewind_points" => |w| w.session.history().rewind_points().await.unwrap();
    "Session::set_permission_mode" => |w| {
        w.session.set_permission_mode(&PermissionMode::Manual).await.unwrap();
    };
    "SessionAgents::start_fleet" => |w| w.session.agents().start_fleet(None).await.unwrap();
};

/// Items without a case, and why.
pub(super) const EXCUSED: &[(&str, &str)] = &[
    ("CassetteBuilder", "as `CassetteBuilder::start`"),
    ("CassetteBuilder::start", "waits for a port, and does everything else without a wait"),
    ("HttpService::shutdown", "belongs to an MCP server, and waits for a value that the service keeps"),
    (
        "Installer::ensure",
        "needs npm; `giving_up_kills_npm_and_cleans_up` of the library drops it with a fake one",
    ),
    ("Lease::lost", "waits for a value that the file system keeps, and holds nothing"),
    ("RecordedRequest::ended", "waits for a value that the model keeps, and holds nothing"),
    ("Server::stdio", "belongs to an MCP server, and uses the stdin of the test"),
    ("ServerHandle::serve", "belongs to an MCP server; `a_dropped_server_ends_the_connection` drops it"),
    ("ServerHandle::stdio", "belongs to an MCP server, and uses the stdin of the test"),
    ("Suite::run", "waits for sessions, whose futures have cases"),
    ("Toolbox::run", "belongs to a command line, and uses the terminal of the test"),
    ("ScriptedModel::request", "waits for a value that the model keeps, and holds nothing"),
];

/// A bucket in memory without sessions.
fn bucket() -> BucketFs {
    BucketFs::new(InMemory::new())
}

async fn lazy(world: &World) {
    let cli = FakeCli::new();
    let client = cli.client_builder().lazy().unwrap();
    let _ = world;
    client.cli_version().await.unwrap();
}

/// A change that an earlier future has made.
fn already(error: copilot::Error) -> copilot::Result<()> {
    let reported = error.to_string();
    if reported.contains("has no tool") || reported.contains("two tools") { Ok(()) } else { Err(error) }
}

/// The tools that the session has; those that the CLI has must be the same.
fn tools_of(world: &World) -> Vec<String> {
    let names: Vec<_> = world.session.tools().list().iter().map(|tool| tool.name().to_owned()).collect();
    let reported = world.cli.requests("session.tools.set");
    let reported: Vec<_> = reported.last().unwrap()["tools"].as_array().unwrap().iter().collect();
    let reported: Vec<_> = reported.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, reported, "the CLI has the same tools");
    names
}

//! The command `pending`: the inbox of the sessions. Nothing runs in it: the tools are only declared.

use clap::ArgMatches;
use serde_json::{Value, json};

use super::Toolbox;
use super::arguments::text;
use super::chat::described;
use super::exit::{Exit, Outcome};
use super::terminal::{
    BOLD, DIM, RED, YELLOW, can_ask, harmless, json_text, key, one_line, print, prompt, report, styled,
};
use super::{host, sessions};
use crate::api::conversation::pending::Pending;
use crate::api::conversation::resume::Resume;
use crate::client::Client;
use crate::error::Result;
use crate::session::{Decision, Session};
use crate::tools::{DynTool, Tool, ToolsBuilder as _};

/// The reason of a denial, which the agent reads.
const REASON: &str = "the person at the terminal declined";

/// Lists the requests that wait, and answers them.
pub(super) async fn pending(mut toolbox: Toolbox, tools: &[Tool], matches: &ArgMatches) -> Outcome {
    let client = toolbox.client.take().unwrap_or_else(Client::builder).start().await?;
    let outcome = look(&toolbox, tools, matches, &client).await;
    client.shutdown().await?;
    outcome
}

async fn look(toolbox: &Toolbox, tools: &[Tool], matches: &ArgMatches, client: &Client) -> Outcome {
    let given: Vec<String> = matches.get_many::<String>("SESSION").into_iter().flatten().cloned().collect();
    let ids = if given.is_empty() {
        sessions::here(client)
            .await?
            .into_iter()
            .map(|session| session.session_id.as_str().to_owned())
            .collect()
    } else {
        given
    };
    let mut answers = Answers::of(matches)?;
    let is_json = matches.get_flag("json");
    let (mut listed, mut waits, mut unopened) = (Vec::new(), 0, 0);
    for id in ids {
        let session = match open(toolbox, tools, client, &id).await {
            Ok(session) => session,
            // One that cannot be resumed hides no other.
            Err(error) if !error.is_disconnected() => {
                let message = format!("session {id} was not opened: {error}");
                report(&format!("{} {}\n", styled(RED.bold(), "error:"), harmless(&message)))?;
                unopened += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let pending = session.pending().await?;
        waits += pending.tool_calls().len() + pending.permissions().len();
        let handled = if is_json || !answers.is_empty() || !can_ask() {
            answers.apply(&pending).await
        } else {
            asked(&id, &pending).await
        };
        if is_json {
            listed.extend(entries(&id, &pending));
        } else if answers.is_empty() && !can_ask() {
            show(&id, &pending)?;
        }
        session.close().await?;
        if handled? {
            report(&styled(DIM, &format!("`{} chat --resume {id}` continues the session\n", toolbox.name)))?;
        }
    }
    if is_json {
        print(&format!("{}\n", json_text(&Value::Array(listed))))?;
    } else if waits == 0 {
        print("nothing waits\n")?;
    }
    match answers.left() {
        Some(id) => Err(format!("no session waits for the request {id}").into()),
        None if unopened > 0 => Ok(Exit::Failure),
        None => Ok(Exit::Success),
    }
}

/// Opens a session in which nothing runs and every request stays open.
async fn open(toolbox: &Toolbox, tools: &[Tool], client: &Client, id: &str) -> Result<Session> {
    let declared = |tool: &Tool| {
        let declared = DynTool::new(tool.name(), tool.description());
        let schema = tool.schema()?.and_then(|schema| serde_json::from_str::<Value>(schema.get()).ok());
        Ok(match schema {
            Some(schema) => declared.schema(schema)?.declare(),
            None => declared.declare(),
        })
    };
    let tools: Vec<Tool> = tools.iter().map(declared).collect::<Result<_>>()?;
    let mut session = client.resume(id).resume_options(Resume::new().continue_pending_work(true));
    session = (toolbox.configure)(session);
    let settings = session.tool_settings();
    *settings.tools = Default::default();
    settings.tools.add(tools);
    session.on_permission(async |_| Decision::Later).start().await
}

/// The answers of the command line. Each is used once.
struct Answers {
    approve: Vec<String>,
    deny: Vec<String>,
    answer: Vec<(String, Value)>,
    reason: String,
    is_given: bool,
}

impl Answers {
    fn of(matches: &ArgMatches) -> Result<Self, String> {
        let all = |id: &str| -> Vec<String> {
            matches.get_many::<String>(id).into_iter().flatten().cloned().collect()
        };
        let (approve, deny, answers) = (all("approve"), all("deny"), all("answer"));
        let mut answer = Vec::new();
        for pair in answers.chunks_exact(2) {
            let value =
                serde_json::from_str(&pair[1]).map_err(|error| format!("the answer is not JSON: {error}"))?;
            answer.push((pair[0].clone(), value));
        }
        let reason = text(matches, "reason").unwrap_or(REASON).to_owned();
        let is_given = !(approve.is_empty() && deny.is_empty() && answer.is_empty());
        Ok(Self { approve, deny, answer, reason, is_given })
    }

    fn is_empty(&self) -> bool {
        !self.is_given
    }

    /// Returns an answer whose request was not found.
    fn left(&self) -> Option<&str> {
        let ids = self.approve.iter().chain(&self.deny).chain(self.answer.iter().map(|(id, _)| id));
        ids.map(String::as_str).next()
    }

    /// Answers the requests of a session. Returns whether there was one.
    async fn apply(&mut self, pending: &Pending) -> Result<bool> {
        let mut handled = false;
        for asked in pending.permissions() {
            let id = asked.request_id().as_str();
            if take(&mut self.approve, id) {
                asked.approve().await?;
                handled = true;
            } else if take(&mut self.deny, id) {
                asked.deny(&self.reason).await?;
                handled = true;
            }
        }
        for call in pending.tool_calls() {
            let id = call.request_id().as_str();
            if take(&mut self.deny, id) {
                call.deny(&self.reason).await?;
                handled = true;
            } else if let Some(at) = self.answer.iter().position(|(request, _)| request == id) {
                let (_, value) = self.answer.remove(at);
                call.settle(Ok(value)).await?;
                handled = true;
            }
        }
        Ok(handled)
    }
}

fn take(ids: &mut Vec<String>, id: &str) -> bool {
    let before = ids.len();
    ids.retain(|other| other != id);
    ids.len() < before
}

/// Asks the person about each request. Returns whether one was answered.
async fn asked(id: &str, pending: &Pending) -> Result<bool> {
    let mut handled = false;
    let failed = |error: std::io::Error| {
        crate::Error::with_source(crate::ErrorKind::Session, "the terminal cannot be used", error)
    };
    for asked in pending.permissions() {
        prompt(&format!("{}\n{}", styled(DIM, id), later(&described(asked.request())))).map_err(failed)?;
        let word = match key().await {
            Some('y' | 'Y') if asked.request().requests_sandbox_bypass() => {
                asked.decide(Decision::ApproveSandboxBypass).await?;
                "yes"
            }
            Some('y' | 'Y') => {
                asked.approve().await?;
                "yes"
            }
            Some('n' | 'N') => {
                asked.deny(REASON).await?;
                "no"
            }
            _ => "later",
        };
        handled |= word != "later";
        report(&format!("{word}\n")).map_err(failed)?;
    }
    for call in pending.tool_calls().iter().filter(|call| call.ticket().is_some()) {
        report(&format!("{}\n{}\n", styled(DIM, id), call_line(call.tool(), call.arguments())))
            .map_err(failed)?;
        prompt("Answer? [a]nswer with JSON, [d]eny, [l]ater ").map_err(failed)?;
        match key().await {
            Some('a' | 'A') => {
                report("answer\n").map_err(failed)?;
                let text = host::ask("The result, as JSON", &[]).await?;
                let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                call.settle(Ok(value)).await?;
                handled = true;
            }
            Some('d' | 'D') => {
                report("deny\n").map_err(failed)?;
                call.deny(REASON).await?;
                handled = true;
            }
            _ => report("later\n").map_err(failed)?,
        }
    }
    Ok(handled)
}

/// Replaces the keys of a prompt in a chat.
fn later(prompt: &str) -> String {
    let start = prompt.rfind("Allow?").unwrap_or(prompt.len());
    format!("{}Allow? [y]es, [n]o, [l]ater ", &prompt[..start])
}

fn call_line(tool: &str, arguments: &Value) -> String {
    format!("{} {} {}", styled(YELLOW, "…"), styled(BOLD, &one_line(tool)), one_line(&arguments.to_string()))
}

fn show(id: &str, pending: &Pending) -> std::io::Result<()> {
    if pending.is_empty() {
        return Ok(());
    }
    print(&format!("{}\n", styled(BOLD, id)))?;
    for entry in entries(id, pending) {
        let member = |name: &str| one_line(entry[name].as_str().unwrap_or_default()).into_owned();
        print(&format!(
            "  {} {} {} {}\n",
            member("request"),
            member("kind"),
            member("tool"),
            one_line(&entry["arguments"].to_string())
        ))?;
    }
    Ok(())
}

fn entries(session: &str, pending: &Pending) -> Vec<Value> {
    let permissions = pending.permissions().iter().map(|asked| {
        let request = asked.request();
        json!({
            "session": session,
            "request": asked.request_id().as_str(),
            "kind": "permission",
            "permission": request.kind().as_str(),
            "tool": request.tool_name(),
            "command": request.command(),
            "path": request.path(),
            "url": request.url(),
            "arguments": request.arguments(),
        })
    });
    let calls = pending.tool_calls().iter().map(|call| {
        json!({
            "session": session,
            "request": call.request_id().as_str(),
            "kind": if call.ticket().is_some() { "deferred" } else { "call" },
            "tool": call.tool(),
            "arguments": call.arguments(),
        })
    });
    permissions.chain(calls).collect()
}

//! The command `call`. The person at the terminal is the caller: approves the call, answers the questions of the tool, and
//! cancels it with Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ArgMatches;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::sync::Mutex;

use super::Toolbox;
use super::arguments;
use super::exit::{Exit, Outcome};
use super::flags;
use super::host::TerminalHost;
use super::signals::Interrupts;
use super::terminal::{
    self, BOLD, DIM, RED, YELLOW, can_ask, harmless, json_text, key, one_line, print, prompt, report, styled,
};
use crate::contain;
use crate::session::builder::MaxToolResult;
use crate::task::CancellationToken;
use crate::tools::{
    Invocation, Receiver, Tool, ToolError, ToolErrors, ToolResult, ToolSet, reports_invalid_arguments,
};

/// The largest result of a tool in bytes, unless it is set.
const MAX_RESULT: usize = 128 << 20;

/// Runs a tool and prints its result.
pub(super) async fn call(toolbox: Toolbox, tools: &[Tool], matches: &ArgMatches) -> Outcome {
    let (name, of_tool) = matches.subcommand().ok_or("no tool was given")?;
    let tool =
        tools.iter().find(|tool| tool.name() == name).ok_or_else(|| format!("there is no tool `{name}`"))?;
    // Checks the state that this tool needs, and no other.
    ToolSet::new(vec![tool.clone()], &toolbox.states)?;
    let arguments = match arguments::object(&flags::of(tool), of_tool) {
        Ok(arguments) => arguments,
        Err(problem) => {
            report(&format!("{} {}\n", styled(RED.bold(), "error:"), harmless(&problem)))?;
            return Ok(Exit::Usage);
        }
    };
    let is_set = |id| arguments::is_set(matches, id) || arguments::is_set(of_tool, id);
    let (is_json, approved, explain) = (is_set("json"), is_set("yes"), is_set("explain"));
    let mut interrupts = Interrupts::new()?;
    let (result, error) = match unapproved(tool, &arguments, approved, &mut interrupts).await? {
        Some(refusal) => (refusal, None),
        None => run(toolbox, tool, &arguments, &mut interrupts).await?,
    };
    if let Some(error) = error.filter(|_| explain) {
        report(&format!("{}\n", styled(DIM, &harmless(&format!("{error:?}")))))?;
    }
    show(&result, is_json)?;
    Ok(if reports_invalid_arguments(name, &result) { Exit::Usage } else { Exit::of(&result) })
}

/// Returns the refusal of a call that needs an approval and does not get it.
async fn unapproved(
    tool: &Tool,
    arguments: &Value,
    approved: bool,
    interrupts: &mut Interrupts,
) -> std::io::Result<Option<ToolResult>> {
    // The option `needs_approval` is code of the program; if it panics, an approval is needed.
    if approved || !contain::run(|| tool.needs_approval(arguments)).unwrap_or(true) {
        return Ok(None);
    }
    let name = tool.name();
    if !can_ask() {
        let text = format!(
            "`{name}` was not run: the call needs an approval, and there is no terminal to ask; add `--yes`."
        );
        return Ok(Some(ToolResult::denied(text)));
    }
    let hint = if tool.is_destructive() { styled(YELLOW, " It may destroy data.") } else { String::new() };
    prompt(&format!(
        "{} {} {}{hint}\nRun it? [y/N] ",
        styled(YELLOW.bold(), "!"),
        styled(BOLD, name),
        one_line(&arguments.to_string()),
    ))?;
    // Ctrl-C is a signal until the terminal passes on single keys.
    let pressed = either(&mut Box::pin(key()), interrupts.next()).await.flatten();
    let is_approved = matches!(pressed, Some('y' | 'Y'));
    report(if is_approved { "yes\n" } else { "no\n" })?;
    let refusal = ToolResult::denied(format!("`{name}` was not run: you declined."));
    Ok((!is_approved).then_some(refusal))
}

/// Runs the tool. Ctrl-C cancels it; a second one ends the wait for its end.
async fn run(
    toolbox: Toolbox,
    tool: &Tool,
    arguments: &Value,
    interrupts: &mut Interrupts,
) -> std::io::Result<(ToolResult, Option<ToolError>)> {
    let timeouts = toolbox.timeouts();
    let largest = toolbox.options.settings.state.get().map_or(MAX_RESULT, |MaxToolResult(bytes)| *bytes);
    let cancel = CancellationToken::default();
    let host = TerminalHost { tool: tool.name().to_owned(), timeouts, asking: Mutex::default() };
    let invocation = Invocation {
        session_id: toolbox.name.as_str().into(),
        call_id: "command-line".into(),
        request_id: None,
        agent_id: None,
        working_directory: std::env::current_dir().ok().and_then(|path| path.to_str().map(Into::into)),
        traceparent: None,
        tracestate: None,
        arguments: Some(to_raw_value(arguments)?),
        states: toolbox.states.shared(),
        host: Arc::new(host),
        cancel: cancel.clone(),
        errors_visible: toolbox.errors == ToolErrors::Visible,
        on_thread: AtomicBool::new(false),
    };
    let mut call = Box::pin(tool.invoke_explained(invocation));
    let first = either(&mut call, interrupts.next()).await;
    let (result, error) = match first {
        Some(ended) => ended,
        None => {
            cancel.cancel();
            report(&format!("{}\n", styled(DIM, "cancelling; Ctrl-C again to leave immediately")))?;
            match either(&mut call, interrupts.next()).await {
                Some(ended) => ended,
                None => (ToolResult::failure(format!("`{}` was left while it ran.", tool.name())), None),
            }
        }
    };
    Ok((result.within(largest, tool.name(), Receiver::Mcp), error))
}

/// Waits for the work, or for its interruption: then `None`.
pub(super) async fn either<W, T>(work: &mut W, interruption: impl Future<Output = ()>) -> Option<T>
where
    W: Future<Output = T> + Unpin,
{
    let mut interruption = std::pin::pin!(interruption);
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(value) = std::pin::Pin::new(&mut *work).poll(cx) {
            return std::task::Poll::Ready(Some(value));
        }
        interruption.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Prints the result: a success on stdout, and anything else as the model reads it on stderr.
fn show(result: &ToolResult, is_json: bool) -> std::io::Result<()> {
    if is_json {
        let mut json = result.to_mcp();
        if let Value::Object(members) = &mut json {
            members.insert("resultType".to_owned(), result.result_type().as_str().into());
        }
        return print(&format!("{}\n", json_text(&json)));
    }
    let text = if terminal::is_terminal() { harmless(result.text()) } else { result.text().into() };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    if result.is_success() {
        print(&format!("{text}{end}"))?;
        let others = result.to_mcp()["content"]
            .as_array()
            .map_or(0, |parts| parts.iter().filter(|part| part["type"] != "text").count());
        if others > 0 {
            report(&format!(
                "{}\n",
                styled(DIM, &format!("({others} parts are not text; `--json` prints them)"))
            ))?;
        }
        return Ok(());
    }
    let label = result.result_type().as_str();
    report(&format!("{} {text}{end}", styled(RED.bold(), &format!("{label}:"))))
}

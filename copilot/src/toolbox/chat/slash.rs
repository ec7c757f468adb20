//! The commands of a chat, which begin with a slash.

use std::io;

use super::Conversation;
use crate::api::conversation::sessions::SessionInfo;
use crate::error::Result;
use crate::session::turn::Usage;
use crate::toolbox::sessions;
use crate::toolbox::table::{Cell, rendered};
use crate::toolbox::terminal::{BOLD, DIM, RED, columns, harmless, print, shortened, styled, width};

/// The names of the commands.
pub(super) const NAMES: [&str; 8] =
    ["/help", "/tools", "/model", "/usage", "/sessions", "/resume", "/new", "/exit"];

const HELP: &str = "\
/tools           list the tools that the agent may call
/model [NAME]    show the model, or change it
/usage           show the tokens of this chat
/sessions        list earlier sessions of this directory
/resume SESSION  continue an earlier session
/new             begin a new session
/exit            leave, as Ctrl-D does
Ctrl-C stops the answer; a second one leaves.
";

/// The step after a command.
#[derive(Debug)]
pub(super) enum Next {
    Read,
    Leave,
    /// Continue this session, or a new one.
    Open(Option<String>),
}

/// Runs a command.
pub(super) async fn run(chat: &Conversation, line: &str, usage: &Usage) -> io::Result<Next> {
    let (name, argument) =
        line.split_once(' ').map_or((line, ""), |(name, argument)| (name, argument.trim()));
    let printed = match name {
        "/exit" | "/quit" => return Ok(Next::Leave),
        "/new" => return Ok(Next::Open(None)),
        "/resume" if !argument.is_empty() => return Ok(Next::Open(Some(argument.to_owned()))),
        "/help" => Ok(HELP.to_owned()),
        "/tools" => Ok(tools(chat)),
        "/usage" => Ok(usage_text(usage)),
        "/model" => model(chat, argument).await,
        "/sessions" | "/resume" => earlier(chat).await,
        _ => Ok(format!("{} is not a command; /help lists them\n", shortened(name, 40))),
    };
    match printed {
        Ok(text) => print(&text)?,
        Err(error) => print(&format!("{} {}\n", styled(RED.bold(), "error:"), harmless(&error.to_string())))?,
    }
    Ok(Next::Read)
}

fn tools(chat: &Conversation) -> String {
    let tools = chat.session.tools().list();
    let widest = tools.iter().map(|tool| width(tool.name())).max().unwrap_or(0);
    let mut text = String::new();
    for tool in &tools {
        let gap = " ".repeat(widest + 2 - width(tool.name()));
        let room = columns().map_or(usize::MAX, |columns| columns.saturating_sub(widest + 2));
        text.push_str(&format!(
            "{}{gap}{}\n",
            styled(BOLD, tool.name()),
            shortened(tool.description(), room)
        ));
    }
    if tools.is_empty() { "this session has no tools\n".to_owned() } else { text }
}

async fn model(chat: &Conversation, name: &str) -> Result<String> {
    if !name.is_empty() {
        chat.session.set_model(name).await?;
    }
    let current = chat.session.current_model().await?;
    let mut text = format!(
        "model {}\n",
        styled(BOLD, &harmless(current.model_id.as_deref().unwrap_or("not selected yet")))
    );
    // Without a login there is no list.
    if let (true, Ok(models)) = (name.is_empty(), chat.client.models().await) {
        for model in models {
            text.push_str(&styled(DIM, &format!("  {}\n", harmless(&model.id))));
        }
    }
    Ok(text)
}

async fn earlier(chat: &Conversation) -> Result<String> {
    let sessions = sessions::here(&chat.client).await?;
    if sessions.is_empty() {
        return Ok("there are no earlier sessions in this directory\n".to_owned());
    }
    let row = |session: &SessionInfo| {
        vec![
            Cell::new(session.session_id.as_str(), BOLD),
            Cell::new(shortened(&session.modified_time, 16), DIM),
            Cell::new(shortened(sessions::subject(session), 60), anstyle::Style::new()),
        ]
    };
    let rows: Vec<Vec<Cell>> = sessions.iter().take(20).map(row).collect();
    Ok(rendered(&["SESSION", "CHANGED", "SUBJECT"], &rows, columns()))
}

/// Returns the line about the tokens of a turn, or of the chat.
pub(super) fn usage_text(usage: &Usage) -> String {
    let requests = if usage.requests == 1 { "request" } else { "requests" };
    let mut text = format!(
        "{} {requests} to the model, {} tokens sent ({} from the cache), {} received",
        usage.requests, usage.input_tokens, usage.cache_read_tokens, usage.output_tokens
    );
    if usage.cost > 0.0 {
        text.push_str(&format!(", {} premium requests", usage.cost));
    }
    text.push('\n');
    text
}

//! The commands `ask` and `chat`.

mod asked;
mod editor;
mod markdown;
mod slash;
mod turn;
mod view;

use std::error::Error as StdError;
use std::io::{self, IsTerminal as _, Read as _};

use clap::ArgMatches;
use tokio::sync::mpsc;

use self::asked::{Policy, Question};
use self::editor::{Editor, Line};
use self::slash::Next;
use self::turn::End;
use self::view::View;
use super::arguments::{is_set, text};
use super::exit::{Exit, Outcome};
use super::signals::Interrupts;
use super::terminal::{BOLD, DIM, harmless, print, shortened, styled};
use super::{Toolbox, host, sessions};
use crate::api::conversation::resume::Resume;
use crate::client::Client;
use crate::error::Result;
use crate::events::EventKind;
use crate::session::turn::Usage;
use crate::session::{Session, SessionBuilder};
use crate::tools::{Tool, ToolsBuilder as _};

pub(super) use self::asked::described;

/// The value of `--resume` without an id.
pub(super) const CHOOSE: &str = "?";

type Failure = Box<dyn StdError + Send + Sync>;

/// An open session, and the questions of its handlers.
struct Conversation {
    client: Client,
    session: Session,
    questions: mpsc::Receiver<Question>,
}

/// Opens sessions with the tools of the toolbox.
struct Opener {
    toolbox: Toolbox,
    client: Client,
    tools: Vec<Tool>,
    model: Option<String>,
    approves_all: bool,
}

impl Opener {
    async fn start(
        mut toolbox: Toolbox,
        matches: &ArgMatches,
        view: &mut View,
        interrupts: &mut Interrupts,
    ) -> Result<Self, Failure> {
        let tools = toolbox.selected()?;
        let client = toolbox.client.take().unwrap_or_else(Client::builder);
        view.wait_for("starting the Copilot CLI");
        let client = turn::with_spinner(view, interrupts, client.start()).await??;
        let model = text(matches, "model").map(str::to_owned);
        Ok(Self { toolbox, client, tools, model, approves_all: is_set(matches, "yes") })
    }

    /// Opens a new session, or continues an earlier one.
    async fn open(
        &self,
        resumed: Option<&str>,
        view: &mut View,
        interrupts: &mut Interrupts,
    ) -> Result<Conversation, Failure> {
        let session = match resumed {
            Some(id) => self.client.resume(id).resume_options(Resume::new().continue_pending_work(true)),
            None => self.client.session(),
        };
        let policy = Policy::default();
        let session = session.streaming(true).tool_options(self.toolbox.options.clone());
        let (session, questions) = asked::with_handlers(session, &policy, &self.tools, self.approves_all);
        let mut session = (self.toolbox.configure)(self.with_tools(session)?);
        if let Some(model) = &self.model {
            session = session.model(model.clone());
        }
        // Set once, before the session can ask.
        let _ = policy.set(session.policy().clone());
        view.wait_for("opening the session");
        let session = turn::with_spinner(view, interrupts, session.start()).await??;
        Ok(Conversation { client: self.client.clone(), session, questions })
    }

    fn with_tools(&self, mut session: SessionBuilder) -> Result<SessionBuilder> {
        let tools = self.toolbox.selection()?;
        let settings = session.tool_settings();
        *settings.tools = tools;
        *settings.states = self.toolbox.states.clone();
        *settings.errors = self.toolbox.errors;
        Ok(session)
    }
}

/// Asks the agent once.
pub(super) async fn ask(toolbox: Toolbox, matches: &ArgMatches) -> Outcome {
    let prompt = match text(matches, "PROMPT") {
        Some(prompt) if prompt != "-" => prompt.to_owned(),
        None if io::stdin().is_terminal() => {
            return Err("there is no message; write it as an argument, or to stdin".into());
        }
        _ => {
            let mut prompt = String::new();
            io::stdin().read_to_string(&mut prompt)?;
            prompt
        }
    };
    let mut view = View::new();
    let mut interrupts = Interrupts::new()?;
    let opener = Opener::start(toolbox, matches, &mut view, &mut interrupts).await?;
    let mut chat = opener.open(text(matches, "resume"), &mut view, &mut interrupts).await?;
    let turn = chat.session.stream(prompt).return_deferred().await?;
    let end = turn::run(&mut chat, turn, &mut view, &mut interrupts).await;
    chat.close().await;
    opener.client.shutdown().await?;
    Ok(match end? {
        End::Reply(_) => Exit::Success,
        End::Stopped | End::Left => Exit::Interrupted,
        End::Failed => Exit::Failure,
    })
}

/// Chats until the person leaves.
pub(super) async fn chat(toolbox: Toolbox, matches: &ArgMatches) -> Outcome {
    let mut view = View::new();
    let mut interrupts = Interrupts::new()?;
    let name = toolbox.name.clone();
    let editor = Editor::start()?;
    let opener = Opener::start(toolbox, matches, &mut view, &mut interrupts).await?;
    let resumed = match (text(matches, "resume"), is_set(matches, "continue")) {
        (Some(CHOOSE), _) => Some(chosen(&opener.client).await?),
        (Some(id), _) => Some(id.to_owned()),
        (None, true) => Some(latest(&opener.client).await?),
        (None, false) => None,
    };
    let mut chat = opener.open(resumed.as_deref(), &mut view, &mut interrupts).await?;
    print(&format!(
        "{} {}\n",
        styled(BOLD, &harmless(&name)),
        styled(DIM, "/help for help, Ctrl-D to leave")
    ))?;
    if resumed.is_some() {
        chat.recall(&editor, &mut view, &mut interrupts).await?;
    }
    let talked = talk(&opener, &mut chat, &editor, &mut view, &mut interrupts).await;
    let id = chat.session.id().clone();
    chat.close().await;
    opener.client.shutdown().await?;
    talked?;
    print(&styled(DIM, &format!("{name} chat --resume {id}\n")))?;
    Ok(Exit::Success)
}

/// Reads lines, and runs a turn or a command for each.
async fn talk(
    opener: &Opener,
    chat: &mut Conversation,
    editor: &Editor,
    view: &mut View,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let mut usage = Usage::default();
    // Whether the next Ctrl-C leaves.
    let mut leaving = false;
    loop {
        let line = match editor.read().await {
            Line::Text(line) => line.trim().to_owned(),
            Line::Interrupted if !leaving => {
                leaving = true;
                print(&styled(DIM, "Ctrl-C again to leave\n"))?;
                continue;
            }
            Line::Interrupted | Line::End => return Ok(()),
        };
        leaving = false;
        if line.is_empty() {
            continue;
        }
        if line.starts_with('/') {
            match slash::run(chat, &line, &usage).await? {
                Next::Read => {}
                Next::Leave => return Ok(()),
                Next::Open(id) => match opener.open(id.as_deref(), view, interrupts).await {
                    Ok(opened) => {
                        std::mem::replace(chat, opened).close().await;
                        usage = Usage::default();
                        if id.is_some() {
                            chat.recall(editor, view, interrupts).await?;
                        }
                    }
                    Err(error) => {
                        view.line(&format!("the session was not opened: {}", harmless(&error.to_string())))?;
                    }
                },
            }
            continue;
        }
        let turn = match chat.session.stream(line).return_deferred().await {
            Ok(turn) => turn,
            Err(error) => {
                view.line(&format!("the message was not sent: {}", harmless(&error.to_string())))?;
                continue;
            }
        };
        match turn::run(chat, turn, view, interrupts).await? {
            End::Reply(reply) => usage += reply.usage(),
            End::Stopped => leaving = true,
            End::Failed => {}
            End::Left => return Ok(()),
        }
        // Separates the next line of the person from the answer.
        view.line("")?;
    }
}

impl Conversation {
    /// Closes the session, whose files stay. An error is of no use to the person who leaves.
    async fn close(self) {
        if let Err(error) = self.session.close().await {
            tracing::warn!(%error, "the session of a chat was not closed");
        }
    }

    /// Shows the end of the history, fills that of the editor, and runs the turn that the session is in.
    async fn recall(
        &mut self,
        editor: &Editor,
        view: &mut View,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        let turn = self.session.current_turn_or_deferred();
        let mut last = (String::new(), String::new());
        for event in self.session.history().events().await? {
            match event.kind() {
                EventKind::UserMessage(message) => {
                    editor.remember(message.content.clone());
                    last = (message.content.clone(), String::new());
                }
                EventKind::AssistantMessage(message) if !message.content.is_empty() => {
                    last.1.clone_from(&message.content);
                }
                _ => {}
            }
        }
        view.line(&styled(DIM, &format!("continuing session {}", self.session.id())))?;
        if !last.0.is_empty() {
            view.line(&styled(DIM, &format!("> {}", shortened(&last.0, 200))))?;
            view.line(&styled(DIM, &shortened(&last.1, 400)))?;
        }
        let is_waiting = match self.session.pending().await {
            Ok(pending) => !pending.is_empty(),
            Err(error) if error.is_unsupported() => false,
            Err(error) => return Err(error.into()),
        };
        if is_waiting {
            turn::run(self, turn, view, interrupts).await?;
        }
        Ok(())
    }
}

/// Returns the id of the session that was changed last.
async fn latest(client: &Client) -> Result<String, Failure> {
    let sessions = sessions::here(client).await?;
    let latest = sessions.first().ok_or("there is no earlier session in this directory")?;
    Ok(latest.session_id.as_str().to_owned())
}

/// Asks the person for a session.
async fn chosen(client: &Client) -> Result<String, Failure> {
    let mut sessions = sessions::here(client).await?;
    sessions.truncate(20);
    if sessions.is_empty() {
        return Err("there is no earlier session in this directory".into());
    }
    let labels: Vec<String> = sessions
        .iter()
        .map(|session| format!("{} {}", session.session_id, shortened(sessions::subject(session), 60)))
        .collect();
    let answer = host::ask("Which session?", &labels).await?;
    Ok(answer.split(' ').next().unwrap_or_default().to_owned())
}

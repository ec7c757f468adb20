//! Slash commands of the program and of the session.

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use crate::error::Result;
use crate::events::EventName;
use crate::protocol::SessionId;
use crate::protocol::commands::{
    CommandAnswerParams, CommandDef, CommandExecute, CommandInvokeParams, CommandsListResponse,
};
use crate::protocol::session::SessionParams;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};
use crate::sorted::SortedMap;

pub use crate::protocol::commands::{CommandInfo, CommandKind, CommandOutcome};

/// The use of a slash command of the program. Wire: `command.execute`, from the CLI.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CommandRequest {
    /// The id of the session in which the command is used.
    pub session_id: SessionId,
    /// The command's name, without the slash.
    pub name: String,
    /// The text after the name; empty for none.
    pub args: String,
    /// The whole command, as it was typed.
    pub text: String,
}

/// The commands that a program offers.
#[derive(Clone, Default)]
pub(crate) struct Offered(SortedMap<Command>);

#[derive(Clone)]
struct Command {
    description: String,
    handler: Handler<CommandRequest, ()>,
}

impl Offered {
    pub(crate) fn defs(&self) -> Vec<CommandDef> {
        let def = |(name, command): (&String, &Command)| CommandDef {
            name: name.clone(),
            description: command.description.clone(),
        };
        self.0.iter().map(def).collect()
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl SessionBuilder {
    /// Adds a slash command; `name` has no slash. The last command of a name wins.
    ///
    /// The user of the command reads the error of a handler that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    ///
    /// let builder = Session::builder().command("deploy", "Deploys to a stage", |used| async move {
    ///     match used.args.as_str() {
    ///         "" => Err("say where, as in `/deploy staging`"),
    ///         stage => Ok(println!("deploying to {stage}")),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `command.execute`, from the CLI.
    pub fn command<F, R>(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: impl Fn(CommandRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<()>,
    {
        let command = Command { description: description.into(), handler: Handler::new(handler) };
        self.settings.state.update(|offered: &mut Offered| {
            offered.0.insert(name.into(), command);
        });
        let defs = self.settings.state.get::<Offered>().map(Offered::defs).unwrap_or_default();
        self.settings.members.set("commands", defs);
        self.settings.features.push("command");
        self
    }
}

fn command_used(session: &Arc<SessionCore>, used: CommandExecute<'_>) {
    // Every client of the session receives the event; one without this command leaves it to the others.
    let offered = session.topic::<Offered>();
    let Some(command) = offered.and_then(|offered| offered.0.get(&used.command_name)) else {
        if offered.is_some() {
            tracing::debug!(command = &*used.command_name, "a command that this program does not offer");
        }
        return;
    };
    let id: Box<str> = used.request_id.as_ref().into();
    let what = format!("command /{}", used.command_name);
    let question = Question::event("command", what, &used.request_id);
    let invocation = CommandRequest {
        session_id: session.id.clone(),
        name: used.command_name.as_ref().to_owned(),
        args: used.args.into_owned(),
        text: used.command.into_owned(),
    };
    let handler = command.handler.clone();
    // The user of the command reads the error, so it is part of the answer; the text of a panic is not.
    let work = async move { Ok(handler.ask(invocation).await.map_err(|error| error.to_string())) };
    session.consult(question, work, move |inbox, done: Option<Result<(), String>>| {
        let error = match &done {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(error.as_str()),
            None => Some("the command failed"),
        };
        if let Some(error) = error.filter(|_| done.is_some()) {
            inbox.handler_failed("command", error.into());
        }
        let params = CommandAnswerParams { session_id: &inbox.id, request_id: &id, error };
        inbox.post_answer("session.commands.handlePendingCommand", &params);
    });
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[("commands", "command")],
    events: &[
        (EventName::CommandExecute, |session, data| {
            session.read_event(EventName::CommandExecute, data, command_used);
        }),
        (EventName::CommandCompleted, settled),
    ],
    unreadable: &[(EventName::CommandExecute, |session, named, error| {
        let offered = session.topic::<Offered>()?;
        if named.command().is_some_and(|command| !offered.0.contains_key(&command)) {
            return None;
        }
        let answer = json!({"error": format!("the command cannot be read: {error}")});
        Some(Unreadable::new("command", "session.commands.handlePendingCommand", answer))
    })],
    ..Topic::NONE
};

/// The slash commands of a session: the CLI's own, and those of programs. Returned by [`Session::commands`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for command in session.commands().list().await? {
///     println!("/{} {}", command.name, command.description);
/// }
/// session.commands().invoke("deploy", "staging").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Commands<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's slash commands.
    pub fn commands(&self) -> Commands<'_> {
        Commands(self)
    }
}

impl Commands<'_> {
    /// Returns all commands of the session.
    ///
    /// Wire: `session.commands.list`, a [query](crate#queries).
    pub async fn list(&self) -> Result<Vec<CommandInfo>> {
        let params = SessionParams { session_id: self.0.id() };
        let answer: CommandsListResponse =
            self.0.peer().await?.request("session.commands.list", &params).decoded().await?;
        Ok(answer.commands)
    }

    /// Invokes a command; `name` has no slash, and `input` is the text after it.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such slash command, or it fails.
    ///
    /// Wire: `session.commands.invoke`, a [command](crate#commands).
    pub async fn invoke(&self, name: &str, input: &str) -> Result<CommandOutcome> {
        let params = CommandInvokeParams { session_id: self.0.id(), name, input };
        self.0.peer().await?.request("session.commands.invoke", &params).decoded().await
    }
}

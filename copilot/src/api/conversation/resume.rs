//! How a session is named, followed and resumed.

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::config::RemoteSession;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// The name of the session, for lists. For new sessions only; [`Session::set_name`](crate::Session::set_name)
    /// changes it later.
    ///
    /// Wire: `session.create`, `name`.
    name: text in members "name";

    /// Whether the session can be followed and steered from elsewhere.
    ///
    /// Wire: `session.create`, `remoteSession`.
    remote_session: (RemoteSession) in members "remoteSession";

    /// Whether tools that ran when the CLI was lost, or when the session was left, go on; off unless set.
    ///
    /// Off, they are cancelled, the turn fails with an error that [is retryable](crate::Error::is_retryable), and
    /// the agent reads with the next message that they were interrupted.
    ///
    /// On, they run on while the CLI is started again, it gets their results when the session is resumed, and the
    /// turn goes on, as does whoever waits for it. Whatever else the CLI still waits for is run once more, so a
    /// tool may run twice: its result may have been lost on the way. Permissions that were asked for are asked for
    /// again. The same holds when [`Client::resume`](crate::Client::resume) takes up a session that was left in the
    /// middle of a turn. What the CLI was not able to write down before it was lost, and a call of the model
    /// itself, is interrupted all the same; [`Restarted::continued`](crate::events::Restarted::continued) tells
    /// what goes on.
    ///
    /// Wire: `session.resume`, `continuePendingWork`; `session.tools.listPendingRequests` and
    /// `session.permissions.pendingRequests`, to the CLI.
    continue_pending_work: flag in members "continuePendingWork";

    /// When taking a session up: whether the history does not get a `session.resume` event.
    ///
    /// Wire: `session.resume`, `disableResume`.
    disable_resume_event: flag in members "disableResume";

    /// When taking a session up: whether a damaged history is mended; it is unless set.
    ///
    /// Wire: `session.resume`, `allowTranscriptRecovery`.
    transcript_recovery: flag in members "allowTranscriptRecovery";
}

/// Refuses settings of the other occasion.
fn check(settings: &Settings, occasion: Occasion) -> Result<()> {
    let refuse = |message| Err(Error::new(ErrorKind::Config, message));
    if settings.members.get::<String>("name").is_some_and(|name| name.trim().is_empty()) {
        return refuse("`name` is empty: leave it out for a session without a name".to_owned());
    }
    let (only, hint) = match occasion {
        Occasion::Resume => (
            &[
                ("name", "name"),
                ("trustWorkingDirectory", "trust_working_directory"),
                ("refreshCustomInstructions", "refresh_instructions"),
            ][..],
            "is for new sessions, and `client.resume` takes an old one up",
        ),
        Occasion::Create => (
            &[("disableResume", "disable_resume_event"), ("allowTranscriptRecovery", "transcript_recovery")]
                [..],
            "is for `client.resume`, and this session is new",
        ),
    };
    let Some((_, setter)) = only.iter().find(|(member, _)| settings.members.has(member)) else {
        return Ok(());
    };
    let instead = if *setter == "name" { "use `session.set_name(..)`" } else { "leave it out" };
    refuse(format!("`{setter}` {hint}; {instead}"))
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, check: Some(check), ..Topic::NONE };

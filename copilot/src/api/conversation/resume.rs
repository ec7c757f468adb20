//! Settings of a session's name, remote access and resumption.

use crate::api::unstable::Unstable;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::config::RemoteSession;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// Sets the name of the session, for lists. For new sessions only; [`Session::set_name`](crate::Session::set_name)
    /// changes it later.
    ///
    /// Wire: `session.create`, `name`.
    name: text in members "name";

    @group
        /// Settings of the resumption of a session: after a restart of the CLI, and by
        /// [`Client::resume`](crate::Client::resume).
        ///
        /// # Examples
        ///
        /// ```no_run
        /// # async fn example(client: copilot::Client) -> copilot::Result<()> {
        /// use copilot::resume::Resume;
        ///
        /// let options = Resume::new().transcript_recovery(false);
        /// let session = client.resume("GH-42").resume_options(options).start().await?;
        /// # session.close().await
        /// # }
        /// ```
        Resume
        /// Sets how the session is resumed, after a restart of the CLI and by
        /// [`Client::resume`](crate::Client::resume).
        resume_options {
            /// Enables the continuation of tools that ran when the CLI was lost, or when the session was detached.
            /// Default: off.
            ///
            /// Off, they are cancelled, the turn fails with an error that
            /// [is retryable](crate::Error::is_retryable), and the agent reads with the next message that they were
            /// interrupted.
            ///
            /// On, they run while the CLI is started again, the CLI gets their results when the session is resumed, and
            /// the turn continues, as does the call that waits for it. Other pending calls run again, so a tool may run
            /// twice: its result may have been lost in transit. The function of a [deferred](crate::deferred) call does
            /// not run again. Permissions are requested again. The same applies when
            /// [`Client::resume`](crate::Client::resume) resumes a session in the middle of a turn. Calls of the model,
            /// and work that the CLI had not persisted when it was lost, are interrupted in any case;
            /// [`Restarted::continued`](crate::events::Restarted::continued) lists what continues.
            ///
            /// Wire: `session.resume`, `continuePendingWork`; `session.tools.listPendingRequests` and
            /// `session.permissions.pendingRequests`, to the CLI.
            continue_pending_work: flag in members "continuePendingWork";

            /// Enables the repair of a damaged history. Default: on.
            ///
            /// Wire: `session.resume`, `allowTranscriptRecovery`.
            transcript_recovery: flag in members "allowTranscriptRecovery";

            @also "disableResume" event,
        }

    @unstable Unstable {
        /// Sets the remote access, with which the session can be followed and steered from other machines.
        ///
        /// Wire: `session.create`, `remoteSession`.
        remote_session: (RemoteSession) in members "remoteSession";
    }
}

impl Resume {
    /// Enables the `session.resume` event in the history. Default: on.
    ///
    /// Wire: `session.resume`, `disableResume`.
    pub fn event(mut self, on: bool) -> Self {
        self.settings.members.set("disableResume", !on);
        self
    }
}

/// Refuses an empty name, settings of new sessions for a resumed one, and the reverse.
fn check(settings: &Settings, occasion: Occasion) -> Result<()> {
    let refuse = |message| Err(Error::new(ErrorKind::Configuration, message));
    if settings.members.get::<String>("name").is_some_and(|name| name.trim().is_empty()) {
        return refuse("`name` is empty: leave it out for a session without a name".to_owned());
    }
    let (only, hint) = match occasion {
        Occasion::Resume => (
            &[
                ("name", "name"),
                ("trustWorkingDirectory", "Workspace::trust"),
                ("refreshCustomInstructions", "Instructions::refresh"),
            ][..],
            "is for new sessions, and this one is resumed",
        ),
        Occasion::Create => (
            &[("disableResume", "Resume::event"), ("allowTranscriptRecovery", "Resume::transcript_recovery")]
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

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    // A new session has no work to continue.
    resume_only: &["continuePendingWork"],
    check: Some(check),
    continues: Some(|members| members.get("continuePendingWork") == Some(&true)),
    ..Topic::NONE
};

//! Instructions of the user, the repository and the organization.

use crate::error::Result;
use crate::protocol::instructions::InstructionsResponse;
use crate::session::Session;
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::instructions::InstructionSource;

members! {
    @group
        /// Custom instructions of a session.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::instructions::Instructions;
        ///
        /// let instructions = Instructions::new().directories(["/srv/agent/instructions"]).on_demand(true);
        /// let builder = Session::builder().instructions(instructions);
        /// # drop(builder);
        /// ```
        Instructions
        /// Sets where custom instructions come from. The text of the program itself is the
        /// [`system_message`](Self::system_message).
        instructions {
            /// Sets the directories with instructions for the agent.
            ///
            /// Wire: `session.create`, `instructionDirectories`.
            directories: list in members "instructionDirectories";

            /// Sets the instructions of the user's organization.
            ///
            /// Wire: `session.create`, `organizationCustomInstructions`.
            organization: text in members "organizationCustomInstructions";

            /// Enables the refresh of instructions when their files change. For new sessions only.
            ///
            /// Wire: `session.create`, `refreshCustomInstructions`.
            refresh: flag in members "refreshCustomInstructions";

            /// Enables instructions in the directories that the agent enters while it works.
            ///
            /// Wire: `session.create`, `enableOnDemandInstructionDiscovery`.
            on_demand: flag in members "enableOnDemandInstructionDiscovery";

            @also "" files,
        }
}

impl Instructions {
    /// Enables the instructions that the CLI finds in files. Default: on.
    ///
    /// Wire: `session.options.update`, `skipCustomInstructions`.
    pub fn files(mut self, on: bool) -> Self {
        self.settings.options.set("skipCustomInstructions", !on);
        self
    }
}

impl Session {
    /// Returns the files with instructions that the agent follows.
    ///
    /// Wire: `session.instructions.getSources`, a [query](crate#queries).
    pub async fn instructions(&self) -> Result<Vec<InstructionSource>> {
        let answer: InstructionsResponse = self.ask_for("session.instructions.getSources").await?;
        Ok(answer.sources)
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    paths: Some(|members, files| {
        members.change("instructionDirectories", |paths: &mut Vec<String>| {
            files.directories("Instructions::directories", paths)
        })
    }),
    ..Topic::NONE
};

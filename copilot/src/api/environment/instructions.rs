//! Instructions of the user, the repository and the organization.

use crate::error::Result;
use crate::protocol::instructions::InstructionSource;
use crate::protocol::instructions::InstructionsResponse;
use crate::session::Session;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// Directories with instructions for the agent.
    ///
    /// Wire: `session.create`, `instructionDirectories`.
    instruction_directories: list in members "instructionDirectories";

    /// Instructions of the user's organization.
    ///
    /// Wire: `session.create`, `organizationCustomInstructions`.
    organization_instructions: text in members "organizationCustomInstructions";

    /// Whether instructions are read again. For new sessions only.
    ///
    /// Wire: `session.create`, `refreshCustomInstructions`.
    refresh_instructions: flag in members "refreshCustomInstructions";

    /// Whether instructions are also looked for in the directories that the agent comes by.
    ///
    /// Wire: `session.create`, `enableOnDemandInstructionDiscovery`.
    on_demand_instructions: flag in members "enableOnDemandInstructionDiscovery";

    /// Whether the instructions that are found in files are left out.
    ///
    /// Wire: `session.options.update`, `skipCustomInstructions`.
    skip_custom_instructions: flag in options "skipCustomInstructions";
}

impl Session {
    /// The files with instructions that the agent follows.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.instructions.getSources`, to the CLI.
    pub async fn instructions(&self) -> Result<Vec<InstructionSource>> {
        let answer: InstructionsResponse = self.ask_for("session.instructions.getSources").await?;
        Ok(answer.sources)
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };

//! The sandbox of the agent's programs.

use crate::session::core::setters::members;
use crate::session::core::topic::Topic;

pub use crate::protocol::sandbox::{Sandbox, SandboxFiles, SandboxLogins, SandboxNetwork, SandboxProxy};

members! {
    /// What the programs that the agent runs may reach; as this machine is configured unless set.
    ///
    /// Wire: `session.create`, `sandboxConfig`.
    sandbox: (Sandbox) in members "sandboxConfig";
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };

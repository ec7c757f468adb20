//! The sandbox of the agent's programs.

use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::sandbox::{Sandbox, SandboxFiles, SandboxLogins, SandboxNetwork, SandboxProxy};

members! {
    /// Sets the files and the network that the programs of the agent may access. Default: the configuration of this
    /// machine.
    ///
    /// Wire: `session.create`, `sandboxConfig`.
    sandbox: (Sandbox) in members "sandboxConfig";
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };

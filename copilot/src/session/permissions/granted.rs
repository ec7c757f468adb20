//! The permissions that a session has granted: calls and approvals. Pure, and bounded.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard};

use super::request::PermissionRequest;
use crate::protocol::permissions::Approval;
use crate::task::lock;

/// How many calls and approvals are remembered: more than can be on their way.
const REMEMBERED: usize = 256;

/// The grants of a session. Bounded: a forgotten one is decided once more.
#[derive(Debug, Default)]
pub(super) struct Granted(Mutex<Grants>);

#[derive(Debug, Default)]
struct Grants {
    /// Calls of own tools, as hashes of their ids.
    calls: VecDeque<u64>,
    /// Approvals that cover more than one call.
    approvals: VecDeque<Approval>,
    hasher: RandomState,
}

impl Granted {
    /// A call that the program, or a client that it left the decision to, has permitted.
    pub(super) fn call(&self, id: &str) {
        let mut grants = self.grants();
        let hash = grants.hasher.hash_one(id);
        if grants.calls.len() == REMEMBERED {
            grants.calls.pop_front();
        }
        grants.calls.push_back(hash);
    }

    /// Whether this call was permitted.
    pub(super) fn has_call(&self, id: &str) -> bool {
        let grants = self.grants();
        grants.calls.contains(&grants.hasher.hash_one(id))
    }

    pub(super) fn approval(&self, approval: &Approval) {
        let mut grants = self.grants();
        if grants.approvals.contains(approval) {
            return;
        }
        if grants.approvals.len() == REMEMBERED {
            grants.approvals.pop_front();
        }
        grants.approvals.push_back(approval.clone());
    }

    /// Whether an approval of this session covers the request.
    pub(super) fn covers(&self, request: &PermissionRequest) -> bool {
        let Some(wanted) = request.approval() else { return false };
        self.grants().approvals.iter().any(|approval| match (approval, &wanted) {
            (Approval::Mcp { server_name, tool_name: None }, Approval::Mcp { server_name: wanted, .. }) => {
                server_name == wanted
            }
            (approval, wanted) => approval == wanted,
        })
    }

    /// Whether an approval of this session covers this tool of the program.
    pub(super) fn covers_tool(&self, tool: &str) -> bool {
        let covers =
            |approval: &Approval| matches!(approval, Approval::CustomTool { tool_name } if tool_name == tool);
        self.grants().approvals.iter().any(covers)
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.0)
    }
}

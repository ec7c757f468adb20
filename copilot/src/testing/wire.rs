//! The names that the library uses on the wire, for the test that compares them with the CLI's schemas.

use crate::api::TOPICS;
use crate::protocol::secret::RawMembers;
use crate::protocol::session::SessionOpenParams;
use crate::session::core::members::Members;

/// The members of `session.create` and `session.resume` that the library can send.
#[doc(hidden)]
pub fn open_members() -> Vec<String> {
    let params = SessionOpenParams {
        session_id: &"id".into(),
        members: &Members::default(),
        raw: &RawMembers::default(),
        tools: Some(()),
        request_permission: true,
        tool_filter_precedence: "",
        env_value_mode: "",
    };
    let params = serde_json::to_value(params).expect("members are JSON");
    let sent = params.as_object().into_iter().flat_map(serde_json::Map::keys).cloned();
    sent.chain(TOPICS.members().map(str::to_owned)).collect()
}

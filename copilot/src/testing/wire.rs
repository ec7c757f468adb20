//! The names that the library uses on the wire, for the test that compares them with the CLI's schemas.

use crate::protocol::canvas::{CanvasDef, CanvasProviderDef};
use crate::protocol::commands::CommandDef;
use crate::protocol::config::SessionConfig;
use crate::protocol::offers::Offers;
use crate::protocol::session::SessionOpenParams;

/// The members of `session.create` and `session.resume` that the library can send.
#[doc(hidden)]
pub fn open_members() -> Vec<String> {
    let canvas = CanvasDef {
        id: String::new(),
        display_name: String::new(),
        description: String::new(),
        input_schema: None,
        actions: Vec::new(),
    };
    let offers = Offers {
        hooks: true,
        request_user_input: true,
        request_elicitation: true,
        request_exit_plan_mode: true,
        request_auto_mode_switch: true,
        commands: vec![CommandDef { name: String::new(), description: String::new() }],
        has_skill_provider: true,
        request_canvas_renderer: true,
        canvases: vec![canvas],
        canvas_provider: Some(CanvasProviderDef { id: String::new(), name: String::new() }),
        git_hub_token_provider_registration_id: Some(String::new()),
    };
    let params = SessionOpenParams {
        session_id: &"id".into(),
        config: &SessionConfig::default(),
        tools: Some(()),
        offers,
        request_permission: true,
        tool_filter_precedence: "",
        env_value_mode: "",
    };
    let params = serde_json::to_value(params).expect("members are JSON");
    let sent = params.as_object().into_iter().flat_map(serde_json::Map::keys).cloned();
    sent.chain(SessionConfig::MEMBERS.iter().map(|(member, _)| (*member).to_owned())).collect()
}

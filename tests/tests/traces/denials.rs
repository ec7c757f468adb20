//! The log of calls that a session without a rule for their tools denies.

use copilot::Permissions;
use copilot::permissions::PermissionKind;
use copilot_tests::fake::Fake;
use serde_json::json;

use crate::capture::{install, warnings};
use crate::tools;

#[tokio::test(start_paused = true)]
async fn a_denial_that_no_rule_has_caused_is_logged_once_for_each_tool() {
    install();
    let fake = Fake::start().await;
    let deny = Permissions::default().deny(PermissionKind::CustomTool);
    for (id, permissions, logged) in [
        ("denied-by-default", Permissions::default(), 1),
        ("denied-read-only", Permissions::read_only(), 1),
        ("denied-by-a-rule", deny, 0),
        ("denied-all", Permissions::deny_all(), 0),
    ] {
        let session = fake.session().id(id).with_tools(tools::all()).permissions(permissions);
        let session = session.start().await.unwrap();
        // The CLI requests the permission of the first call, and leaves it out for the second.
        let request = json!({"kind": "custom-tool", "toolCallId": "c-1", "toolName": "wipes", "args": {}});
        let answer = fake.cli.ask_permission(session.id(), request).await;
        assert_eq!(answer["kind"], "user-not-available", "{id}");
        let result = fake.cli.call_tool(session.id(), "wipes", json!({})).call_id("c-2").await;
        assert_eq!(result["resultType"], "denied", "{id}: {result}");
        session.close().await.unwrap();
        let text = "`wipes` needs a permission, and this session has neither `on_permission` nor a rule for it; denied";
        assert_eq!(warnings(id), vec![text; logged], "{id}");
    }
}

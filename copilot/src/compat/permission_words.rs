//! The words for decisions of CLIs up to 1.0.32. Pure.
//!
//! A CLI cannot read the words of the other vocabulary, so each request determines the words of its answer.

use crate::protocol::permissions::DecisionWire;
use crate::session::Decision;
use crate::session::permissions::decision::Words;

/// Chooses the words by the request: only CLIs from 1.0.57 on send a `promptRequest`.
pub(super) fn choose(has_prompt: bool) -> Words {
    if has_prompt { Decision::to_wire } else { old_words }
}

/// Returns a decision as protocol 2 and CLIs up to 1.0.32 read it. They have no words for approvals that last.
pub(super) fn old_words(decision: &Decision) -> DecisionWire<'_> {
    let (kind, feedback) = match decision {
        Decision::Approve
        | Decision::ApproveSandboxBypass
        | Decision::ApproveForSession(_)
        | Decision::ApproveDomainForSession { .. }
        | Decision::ApproveReadOnlyForSession { .. }
        | Decision::ApproveForLocation { .. }
        | Decision::ApprovePermanently { .. } => ("approved", None),
        Decision::Reject { .. } | Decision::RejectAndStop => {
            ("denied-interactively-by-user", decision.feedback())
        }
        Decision::Unavailable | Decision::Later | Decision::Default => {
            ("denied-no-approval-rule-and-could-not-request-from-user", None)
        }
    };
    DecisionWire { kind, feedback, ..DecisionWire::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::permissions::Approval;

    #[test]
    fn each_vocabulary_has_its_words() {
        let words = |decision: &Decision| {
            [choose(true), choose(false)].map(|words| serde_json::to_value(words(decision)).unwrap())
        };
        assert_eq!(words(&Decision::Approve), [json!({"kind": "approve-once"}), json!({"kind": "approved"})]);
        assert_eq!(
            words(&Decision::reject("not on Fridays")),
            [
                json!({"kind": "reject", "feedback": "not on Fridays"}),
                json!({"kind": "denied-interactively-by-user", "feedback": "not on Fridays"})
            ]
        );
        let [new, old] = words(&Decision::RejectAndStop);
        assert_eq!((new, old), (json!({"kind": "reject"}), json!({"kind": "denied-interactively-by-user"})));
        assert_eq!(words(&Decision::reject(" "))[0]["feedback"], "no reason was given");
        let approval = Approval::Mcp { server_name: "s".into(), tool_name: None };
        let wire = json!({"kind": "mcp", "serverName": "s", "toolName": null});
        assert_eq!(
            words(&Decision::ApproveForSession(approval.clone())),
            [json!({"kind": "approve-for-session", "approval": wire}), json!({"kind": "approved"})]
        );
        assert_eq!(
            words(&Decision::ApproveForLocation { approval, location: "/w".into() })[0],
            json!({"kind": "approve-for-location", "approval": wire, "locationKey": "/w"})
        );
        assert_eq!(
            words(&Decision::ApproveDomainForSession { domain: "x.org".into() }),
            [json!({"kind": "approve-for-session", "domain": "x.org"}), json!({"kind": "approved"})]
        );
        assert_eq!(
            words(&Decision::ApproveReadOnlyForSession { directories: vec!["/w".into()] }),
            [
                json!({"kind": "approve-read-only-for-session", "directories": ["/w"]}),
                json!({"kind": "approved"})
            ]
        );
        assert_eq!(
            words(&Decision::ApprovePermanently { domain: "x.org".into() })[0],
            json!({"kind": "approve-permanently", "domain": "x.org"})
        );
        let other = Decision::ApproveForSession(Approval::Other(json!({"kind": "new", "x": 1})));
        assert_eq!(words(&other)[0]["approval"], json!({"kind": "new", "x": 1}));
        assert_eq!(words(&Decision::Later), words(&Decision::Unavailable));
        assert_eq!(
            words(&Decision::Unavailable),
            [
                json!({"kind": "user-not-available"}),
                json!({"kind": "denied-no-approval-rule-and-could-not-request-from-user"})
            ]
        );
    }
}

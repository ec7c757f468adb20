//! What the program offers to answer: members of `session.create` that follow from its handlers.

use serde::Serialize;

/// What the CLI may ask in a session. What is not offered is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offers {
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) hooks: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(offered: &bool) -> bool {
    !offered
}

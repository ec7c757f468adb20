//! Methods that are tools under a condition.

use copilot::Toolset as _;
use copilot::testing::call;
use serde_json::json;

struct Door;

#[copilot::tools]
impl Door {
    /// Does not exist.
    #[tool]
    #[cfg(target_os = "none")]
    async fn lock(
        &self,
        /** Key. */
        key: &str,
    ) -> String {
        key.to_owned()
    }

    /// Open the door.
    #[tool]
    #[cfg(not(windows))]
    async fn open(
        &self,
        /** How wide, in degrees. */
        angle: u8,
    ) -> String {
        format!("open by {angle}")
    }

    /// Open the door.
    #[tool]
    #[cfg(windows)]
    async fn open(&self) -> String {
        "open".to_owned()
    }

    /// Close the door.
    #[tool]
    async fn close(&self) -> &'static str {
        "closed"
    }
}

#[tokio::test]
async fn the_methods_whose_condition_is_true_are_called() {
    let [open, close] = <[copilot::Tool; 2]>::try_from(Door.into_tools()).unwrap();
    let (arguments, opened) =
        if cfg!(windows) { (json!({}), "open") } else { (json!({ "angle": 45 }), "open by 45") };
    assert_eq!(call(open, arguments).await.text(), opened);
    assert_eq!(call(close, json!({})).await.text(), "closed");
}

//! Long output of the program's tools, which the real CLI keeps in a file.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::path::{Path, PathBuf};

use copilot::permissions::PermissionKind;
use copilot::testing::Script;
use copilot::tool_filter::{LargeOutput, ToolOptions};
use copilot::{Permissions, SessionBuilder, ToolResult, toolset};
use copilot_tests::real::Real;
use serde_json::json;

fn text() -> String {
    (0..5_000).map(|number| format!("line {number}\n")).collect()
}

/// Return many lines.
#[copilot::tool(read_only)]
async fn lines() -> String {
    text()
}

/// Fail with many lines.
#[copilot::tool(read_only)]
async fn failing() -> ToolResult {
    ToolResult::failure(text())
}

/// Return text of a length.
#[copilot::tool(read_only)]
async fn letters(
    /// The length in bytes.
    count: usize,
) -> String {
    "x".repeat(count)
}

fn session(real: &Real, output: LargeOutput) -> SessionBuilder {
    real.session()
        .with_tools(toolset![lines, failing, letters])
        .tool_options(ToolOptions::new().large_output(output))
}

/// Returns the path of the file that the text names.
fn saved(text: &str) -> Option<PathBuf> {
    let (_, after) = text.split_once("Saved to: ")?;
    after.lines().next().map(PathBuf::from)
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

#[tokio::test]
async fn long_output_is_in_a_file_of_this_user_until_the_session_is_closed() {
    for name in ["lines", "failing"] {
        let real = Real::over_stdio(Script::new().call(name, json!({})).say("Short.")).await;
        let directory = real.state.path().join("output");
        let output = LargeOutput::new().max_size_bytes(1_000).output_dir(directory.to_str().unwrap());
        let session = session(&real, output).start().await.unwrap();
        assert_eq!(session.ask("Go.").await.unwrap().text(), "Short.");
        let reported = real.model.requests().last().unwrap().tool_result(name).unwrap();
        assert!(reported.len() < 1_200 && reported.contains("line 0\nline 1\n"), "{reported}");
        assert!(reported.contains("47.7 KB"), "{reported}");
        let path = saved(&reported).unwrap();
        assert_eq!(path.parent(), Some(&*directory));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;

            let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "other users cannot enter it");
        }
        session.close().await.unwrap();
        assert_eq!(files(&directory), 0, "the CLI has deleted it");
        real.finish().await;
    }
}

#[tokio::test]
async fn the_model_reads_the_rest_where_reading_is_permitted() {
    for (permissions, found) in
        [(Permissions::default(), false), (Permissions::default().allow(PermissionKind::Read), true)]
    {
        let state = tempfile::tempdir().unwrap();
        let directory = state.path().join("output");
        let search = json!({
            "pattern": "line 4999", "paths": directory.to_str().unwrap(), "output_mode": "content",
        });
        let script = Script::new()
            .call("lines", json!({}))
            .call("grep", search)
            .expect_tool_result("grep", move |text| text.contains("line 4999") == found)
            .say("Read.");
        let real = Real::over_stdio(script).await;
        let output = LargeOutput::new().output_dir(directory.to_str().unwrap());
        let session = session(&real, output).permissions(permissions).start().await.unwrap();
        assert_eq!(session.ask("Go.").await.unwrap().text(), "Read.");
        real.finish().await;
    }
}

#[tokio::test]
async fn output_of_20_kilobytes_is_in_the_conversation() {
    let script = Script::new()
        .call("letters", json!({ "count": 20_480 }))
        .expect_tool_result("letters", |text| text.len() == 20_480)
        .call("letters", json!({ "count": 20_481 }))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = session(&real, LargeOutput::new()).start().await.unwrap();
    assert_eq!(session.ask("Go.").await.unwrap().text(), "Done.");
    let results = real.model.requests().last().unwrap().tool_results();
    let path = saved(&results.last().unwrap().1).unwrap();
    assert!(path.exists() && path.starts_with(std::env::temp_dir()), "{path:?}");
    session.close().await.unwrap();
    assert!(!path.exists(), "the CLI has deleted it");
    real.finish().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_created_is_refused() {
    let real = Real::over_stdio(Script::new()).await;
    let file = real.state.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = LargeOutput::new().output_dir(file.to_str().unwrap());
    let refused = session(&real, output).start().await.unwrap_err().to_string();
    assert!(
        refused.contains("`LargeOutput::output_dir`") && refused.contains("cannot be created"),
        "{refused}"
    );
    real.leave().await;
}

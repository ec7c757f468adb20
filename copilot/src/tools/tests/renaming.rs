//! Tools under other names than those of their definitions.

use super::*;
use crate::tools::selection::module;
use crate::toolset;

/// Search the catalogue.
#[crate::tool(concurrency = 1, group = "catalogue")]
async fn seek(
    /// The words to find.
    words: &str,
    cx: &ToolContext,
) -> String {
    tokio::time::sleep(Duration::from_secs(1)).await;
    format!("{} found {words}", cx.tool())
}

/// Another tool of the name, without a function.
fn other() -> Tool {
    DynTool::new("seek", "Search elsewhere.").declare()
}

fn resolve(select: impl FnOnce(&mut ToolSelection)) -> Result<Vec<String>> {
    let mut selection = ToolSelection::default();
    select(&mut selection);
    let set = selection.resolve(&SelectionContext::of_test(&StateMap::default()))?;
    Ok(set.iter().map(|tool| tool.name().to_owned()).collect())
}

#[tokio::test(start_paused = true)]
async fn a_renamed_tool_has_its_name_on_the_wire_and_in_results() {
    let tool = seek::TOOL.prefixed("acme_");
    assert_eq!(
        (tool.name(), tool.group(), tool.description()),
        ("acme_seek", Some("catalogue"), "Search the catalogue.")
    );
    for profile in [SchemaProfile::Portable, SchemaProfile::OpenAiStrict, SchemaProfile::Verbatim] {
        let of = |tool: &Tool| serde_json::from_str::<Value>(tool.wire(profile).unwrap().get()).unwrap();
        let (mut renamed, defined) = (of(&tool), of(&seek::TOOL));
        assert_eq!(renamed["name"], "acme_seek");
        renamed["name"] = json!("seek");
        assert_eq!(renamed, defined, "{profile:?}");
    }
    assert_eq!(call(&tool, json!({ "words": "tea" })).await, "success: acme_seek found tea");
    let wrong = call(&tool, json!({})).await;
    assert!(wrong.contains("acme_seek") && !wrong.contains("`seek`"), "{wrong}");
    assert_eq!(tool.clone().prefixed("b_").name(), "b_acme_seek");
    assert_eq!(tool.clone().renamed("find").name(), "find");
    assert!(tool.renamed("seek").is(&seek::TOOL));
}

#[tokio::test(start_paused = true)]
async fn the_names_of_a_tool_share_its_permits() {
    let start = tokio::time::Instant::now();
    let (a, b) = (seek::TOOL, seek::TOOL.renamed("find"));
    tokio::join!(call(&a, json!({ "words": "a" })), call(&b, json!({ "words": "b" })));
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[test]
fn a_wrong_new_name_is_an_error_with_both_names() {
    let refused = |tool: Tool| resolve(|selection| selection.add([tool])).unwrap_err().to_string();
    for (name, reason) in [
        ("acme seek", "`acme seek`, to which the tool `seek` at "),
        ("", "``, to which the tool `seek` at "),
        (&*"x".repeat(65), "1 to 64 ASCII letters"),
        ("bash", "renamed to `bash`, but the CLI has a built-in tool"),
        ("2seek", "which Gemini refuses; start it with a letter or `_` (it is defined as `seek`)"),
    ] {
        let error = refused(seek::TOOL.renamed(name));
        assert!(error.contains(reason) && error.contains("`seek`") && error.contains(name), "{error}");
    }
    let shell = || DynTool::new("bash", "Run a command.").overrides_builtin().declare();
    assert!(refused(shell().renamed("view")).contains("built-in tool of that name"));
    assert_eq!(resolve(|selection| selection.add([shell().prefixed("my_")])).unwrap(), ["my_bash"]);
    let renamed = shell().prefixed("my_");
    assert!(!renamed.wire(SchemaProfile::Portable).unwrap().get().contains("overridesBuiltInTool"));
}

#[test]
fn a_clash_names_the_remedies_and_the_definitions() {
    let error = resolve(|selection| selection.add([seek::TOOL, other()])).unwrap_err().to_string();
    assert!(
        error.contains(".renamed(") && error.contains("ToolOptions::prefix(") && error.contains(".except("),
        "{error}"
    );
    let clash = resolve(|selection| selection.add([seek::TOOL.renamed("find"), other().renamed("find")]));
    let error = clash.unwrap_err().to_string();
    let last = error.lines().last().unwrap();
    assert!(last.starts_with("  `find`: at ") && last.matches(", defined as `seek`").count() == 2, "{error}");
    let named = resolve(|selection| selection.add([seek::TOOL, other().renamed("find")]));
    assert_eq!(named.unwrap(), ["find", "seek"]);
}

#[test]
fn a_prefix_is_for_the_chosen_tools_and_comes_before_the_rules() {
    let both = |rules: fn(&mut ToolSelection)| {
        resolve(|selection| {
            selection.except(["none".into()].map(Choice::if_present));
            rules(selection);
            selection.add([seek::TOOL, other()]);
        })
    };
    let prefix = |selection: &mut ToolSelection, choice: Choice| {
        selection.prefixes.0.push(("a_".to_owned(), vec![choice]));
    };
    assert_eq!(
        both(|s| s.prefixes.0.push(("a_".to_owned(), vec![module("copilot::tools::tests")]))).unwrap(),
        ["a_seek", "seek"]
    );
    assert_eq!(
        both(|s| s.prefixes.0.push(("a_".to_owned(), vec![seek::TOOL.into()]))).unwrap(),
        ["a_seek", "seek"]
    );
    assert_eq!(both(|s| s.except([seek::TOOL.into()])).unwrap(), ["seek"]);
    let kept = resolve(|selection| {
        selection.only(["a_seek".into()]);
        prefix(selection, crate::group("catalogue"));
        selection.add([seek::TOOL, other()]);
    });
    assert_eq!(kept.unwrap(), ["a_seek"]);
    let by_handle = resolve(|selection| {
        selection.except([seek::TOOL.renamed("find").into()]);
        selection.add([seek::TOOL, seek::TOOL.renamed("find")]);
    });
    assert_eq!(by_handle.unwrap(), ["seek"]);
    let error = both(|s| s.prefixes.0.push(("a_".to_owned(), vec![crate::group("catalog")])))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("group `catalog` matches no tool; did you mean `catalogue`?"), "{error}");
}

#[test]
fn the_report_shows_the_name_of_the_definition() {
    let report = selection::report(&[seek::TOOL.renamed("find")], &[]);
    assert!(report.contains("\nfind ") && report.contains(" defined as seek group catalogue ~"), "{report}");
    assert_eq!(toolset![seek].map(|tool| tool.prefixed("a_").name().to_owned()), ["a_seek"]);
}

//! Arguments that are corrected together: none changes another, and none is lost.

use std::collections::BTreeMap;

use super::arguments::call_text;
use super::reports::problems;
use super::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Patch {
    n: u8,
    #[serde(default, deserialize_with = "present")]
    due: Option<Option<u8>>,
    #[serde(default, deserialize_with = "present")]
    next: Option<Option<Box<Patch>>>,
    #[serde(default)]
    tries: u8,
}

fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change a task.
#[crate::tool(docs = allow)]
async fn change(patch: Patch) -> String {
    format!("{patch:?}")
}

/// Change a task.
#[crate::tool(docs = allow)]
async fn change_one(patch: Patch, twice: Option<Option<u8>>, #[arg(default = 3)] count: u8) -> String {
    format!("{patch:?} {twice:?} {count}")
}

#[tokio::test]
async fn a_correction_of_one_argument_does_not_change_the_null_of_another() {
    let typed =
        DynTool::new("typed", "Change a task.").typed(|patch: Patch, _| async move { format!("{patch:?}") });
    for tool in [change::TOOL, typed] {
        for (members, seen) in [
            (r#""due":null"#, "due: Some(None), next: None, tries: 0"),
            (r#""next":null"#, "due: None, next: Some(None), tries: 0"),
            (r#""due":null,"next":null,"tries":null"#, "due: Some(None), next: Some(None), tries: 0"),
        ] {
            for n in ["1", "\"1\""] {
                let result = call_text(&tool, &format!(r#"{{"n":{n},{members}}}"#)).await;
                assert_eq!(result, format!("success: Patch {{ n: 1, {seen} }}"), "{n} {members}");
            }
        }
        assert!(!tool.schema().unwrap().unwrap().get().contains("null"), "null is not sent");
    }
    for n in ["1", "\"1\""] {
        let arguments = format!(
            r#"{{"patch":{{"n":{n},"due":null,"next":{{"n":{n},"next":null}}}},"twice":null,"count":null}}"#
        );
        let inner = "Patch { n: 1, due: None, next: Some(None), tries: 0 }";
        assert_eq!(
            call_text(&change_one::TOOL, &arguments).await,
            format!("success: Patch {{ n: 1, due: Some(None), next: Some(Some({inner})), tries: 0 }} None 3"),
        );
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Inner {
    a: u8,
    b: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct MaybeInner {
    id: u8,
    #[serde(flatten)]
    inner: Option<Inner>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct MaybeOthers {
    id: u8,
    #[serde(flatten)]
    others: Option<BTreeMap<String, u8>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
#[serde(rename_all = "snake_case")]
enum Shape {
    Square(u8),
    Circle(u8),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct MaybeShape {
    id: u8,
    #[serde(flatten)]
    shape: Option<Shape>,
}

/// Show values.
#[crate::tool(docs = allow)]
async fn nested(value: MaybeInner, extra: Option<u8>) -> String {
    format!("{value:?} {extra:?}")
}

/// Show values.
#[crate::tool(docs = allow)]
async fn whole(value: MaybeInner) -> String {
    format!("{value:?}")
}

/// Show values.
#[crate::tool(docs = allow)]
async fn others(value: MaybeOthers) -> String {
    format!("{value:?}")
}

/// Show values.
#[crate::tool(docs = allow)]
async fn shape(value: MaybeShape) -> String {
    format!("{value:?}")
}

#[tokio::test]
async fn a_value_of_an_optional_flattened_type_is_corrected_or_reported() {
    let typed = DynTool::new("typed", "Show values.")
        .typed(|value: MaybeInner, _| async move { format!("{value:?}") });
    let some = "MaybeInner { id: 1, inner: Some(Inner { a: 1, b: None }) }";
    for tool in [whole::TOOL, typed, nested::TOOL] {
        let is_nested = tool.name() == "nested";
        let wrapped = |value: Value| if is_nested { json!({ "value": value }) } else { value };
        let (prefix, end) = if is_nested { ("value.", " None") } else { ("", "") };
        for a in [json!("1"), json!(1), json!(1.0)] {
            assert_eq!(
                call(&tool, wrapped(json!({ "id": 1, "a": a }))).await,
                format!("success: {some}{end}")
            );
        }
        assert_eq!(
            call(&tool, wrapped(json!({ "id": 1 }))).await,
            format!("success: MaybeInner {{ id: 1, inner: None }}{end}")
        );
        assert_eq!(
            problems(&tool, &wrapped(json!({ "id": 1, "a": "x", "b": 3.5 }))).await,
            [format!("`{prefix}a`: expected an integer from 0 to 255, got \"x\"")]
        );
    }
    assert_eq!(
        call(&others::TOOL, json!({ "id": 1, "x": "2" })).await,
        "success: MaybeOthers { id: 1, others: Some({\"x\": 2}) }"
    );
    assert_eq!(
        problems(&others::TOOL, &json!({ "id": 1, "x": "y" })).await,
        ["`x`: expected an integer from 0 to 255, got \"y\""]
    );
    assert_eq!(
        call(&shape::TOOL, json!({ "value": { "id": 1, "square": "2" } })).await,
        "success: MaybeShape { id: 1, shape: Some(Square(2)) }"
    );
    assert_eq!(
        call(&shape::TOOL, json!({ "value": { "id": "1" } })).await,
        "success: MaybeShape { id: 1, shape: None }"
    );
    assert_eq!(
        problems(&shape::TOOL, &json!({ "value": { "id": 1, "circle": "x" } })).await,
        ["`value.circle`: expected an integer from 0 to 255, got \"x\""]
    );
    assert_eq!(
        problems(&shape::TOOL, &json!({ "value": { "id": 1, "triangle": 2 } })).await,
        ["`value.triangle` is not known; known are `circle`, `id`, `square`"]
    );
}

#[test]
fn only_a_value_that_may_get_lost_makes_each_call_validated() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Usual {
        id: u8,
        name: Option<String>,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        tags: Vec<String>,
        inner: Option<Inner>,
        #[serde(default)]
        map: BTreeMap<String, u8>,
        any: Option<Value>,
        #[serde(flatten)]
        more: More,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct More {
        more: bool,
        less: Option<Box<More>>,
    }

    /// Show values.
    #[crate::tool(docs = allow)]
    async fn usual(
        value: Usual,
        name: Option<&str>,
        #[arg(default = 3)] count: u8,
        list: Option<Vec<Inner>>,
        any: Option<Value>,
    ) {
        let _ = (value.id, name, count, list.map(|list| list.len()), any);
    }

    let is_strict = |tool: &Tool| tool.compiled().unwrap().arguments.strict;
    assert!(!is_strict(&usual::TOOL));
    for tool in [nested::TOOL, whole::TOOL, others::TOOL, shape::TOOL] {
        assert!(is_strict(&tool), "{tool:?}");
    }
}

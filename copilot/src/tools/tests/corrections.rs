//! Arguments that are corrected together: none changes another.

use super::arguments::call_text;
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

//! The tools of a crate that is named with `link!` only; `linked_tools.rs` shows what happens without it.

use copilot::testing::{FakeCli, call};
use copilot::{Session, Tool};
use copilot_tests::fake::Fake;
use serde_json::json;

copilot::link!(copilot_unlinked);

async fn open(fake: &Fake) -> Session {
    let builder = fake.session().with_all_tools().expect_tools_from(["copilot-unlinked"]);
    builder.state(copilot_unlinked::Well(7)).start().await.expect("it opens")
}

#[tokio::test]
async fn the_tools_of_a_crate_that_is_named_are_found() {
    let fake = Fake::on(FakeCli::new()).await;
    let session = open(&fake).await;
    let names: Vec<String> = session.tools().list().iter().map(|tool| tool.name().to_owned()).collect();
    assert_eq!(names, ["depth", "throw", "well_dig"]);
}

#[tokio::test]
async fn tools_of_an_older_edition_work() {
    let well = || copilot_unlinked::Well(7);
    let depth = call(copilot_unlinked::depth::TOOL, json!({ "name": "old", "times": 2 })).state(well()).await;
    assert_eq!(depth.text(), "old None 2 7");
    let thrown = call(copilot_unlinked::throw::TOOL, json!({ "dyn": "/nowhere" })).await;
    assert_eq!(thrown.text(), "false");
    let dig: Vec<Tool> = copilot::Toolset::into_tools(well());
    assert_eq!(call(dig[0].clone(), json!({ "by": 3 })).await.text(), "10");
}

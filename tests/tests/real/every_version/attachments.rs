//! Attachments on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::attachments::{GithubReferenceKind, GithubRepo, Position};
use copilot::testing::Script;
use copilot::{Attachment, Message};
use copilot_tests::files::RED_DOT_PNG;
use copilot_tests::real::Real;
use copilot_tests::tested;

#[tokio::test]
async fn files_and_directories_are_attached() {
    let real = Real::over_stdio(Script::new().say("Seen.").say("Again.")).await;
    let file = real.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let message = Message::new("Look.")
        .attach(Attachment::file(file.to_str().unwrap()))
        .attach(Attachment::directory(real.state.path().to_str().unwrap()));
    let session = real.session().start().await.unwrap();
    assert_eq!(session.ask(message).await.unwrap().text(), "Seen.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("notes.txt"), "{prompt}");
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed = real.client.resume(id).scripted_model(&real.model).start().await.unwrap();
    assert_eq!(resumed.ask("Once more.").await.unwrap().text(), "Again.");
    real.finish().await;
}

#[tokio::test]
async fn images_are_attached() {
    let real = Real::over_stdio(Script::new().say("Red.")).await;
    let message = Message::new("Which colour?")
        .attach(Attachment::blob(RED_DOT_PNG, "image/png").display_name("dot.png"));
    let session = real.session().start().await.unwrap();
    let Some(reply) = tested::unless_refused([0, 0, 423], session.ask(message).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Red.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("dot.png") || prompt.contains("image/png"), "{prompt}");
    real.finish().await;
}

#[tokio::test]
async fn references_to_github_are_attached() {
    let real = Real::over_stdio(Script::new().say("Mend it.")).await;
    let issue = Attachment::github(
        GithubReferenceKind::Issue,
        &GithubRepo::new("octo", "cat"),
        42,
        "It breaks",
        "open",
    );
    let session = real.session().start().await.unwrap();
    let Some(reply) = tested::unless_refused([0, 0, 423], session.ask("Why?").attach(issue).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Mend it.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("It breaks"), "{prompt}");
    real.finish().await;
}

#[tokio::test]
async fn a_selection_is_attached() {
    let real = Real::over_stdio(Script::new().say("Two.")).await;
    let file = real.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let selection = Attachment::selection(
        file.to_str().unwrap(),
        "two",
        Position { line: 1, character: 0 },
        Position { line: 1, character: 3 },
    );
    let session = real.session().start().await.unwrap();
    let asked = session.ask("Which?").attach(selection).await;
    let Some(reply) = tested::unless_refused([0, 0, 423], asked) else { return real.leave().await };
    assert_eq!(reply.text(), "Two.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("notes.txt"), "{prompt}");
    real.finish().await;
}

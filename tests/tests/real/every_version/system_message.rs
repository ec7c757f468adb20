//! System messages on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::system_message::{Section, SystemMessage};
use copilot::testing::{RecordedRequest, Script};
use copilot_tests::real::Real;
use copilot_tests::tested;

pub(super) fn system_has(text: &'static str) -> impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static {
    move |request| request.system().is_some_and(|system| system.contains(text))
}

#[tokio::test]
async fn a_system_message_is_appended() {
    let real =
        Real::over_stdio(Script::new().expect("the addition", system_has("Speak Latin.")).say("Salve."))
            .await;
    let session = real.session().system_message(SystemMessage::append("Speak Latin.")).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_system_message_is_replaced() {
    let whole = |request: &RecordedRequest| {
        request.system().is_some_and(|text| text.contains("Speak Latin.") && !text.contains("Copilot CLI"))
    };
    let real = Real::over_stdio(Script::new().expect("only these instructions", whole).say("Salve.")).await;
    let session =
        real.session().system_message(SystemMessage::replace("Speak Latin.")).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_section_of_the_system_message_is_replaced() {
    let real =
        Real::over_stdio(Script::new().expect("the section", system_has("SPEAK SOFTLY")).say("Salve.")).await;
    let message = SystemMessage::customize().replace(Section::Tone, "SPEAK SOFTLY");
    let started = real.session().system_message(message).start().await;
    let Some(session) = tested::unless_refused([0, 0, 423], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_section_of_the_system_message_is_transformed() {
    let real =
        Real::over_stdio(Script::new().expect("the section", system_has("TONE: ")).say("Salve.")).await;
    let message =
        SystemMessage::customize().transform(Section::Tone, |text| async move { format!("TONE: {text}") });
    let started = real.session().system_message(message).start().await;
    let Some(session) = tested::unless_refused([0, 0, 423], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

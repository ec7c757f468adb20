//! Custom agents and skills on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::agents::CustomAgent;
use copilot::skills::Skills;
use copilot::testing::Script;
use copilot_tests::files::write_skills;
use copilot_tests::real::Real;
use copilot_tests::tested;

use super::system_message::system_has;

#[tokio::test]
async fn the_agent_hands_work_to_a_custom_agent() {
    let script = Script::new()
        .expect("the agent is offered", |request| request.raw().to_string().contains("A poet of Rome."))
        .say("Salve.");
    let real = Real::over_stdio(script).await;
    let agent = CustomAgent::new("latin", "You only speak Latin.").description("A poet of Rome.");
    let session = real.session().custom_agent(agent).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_session_starts_as_a_custom_agent() {
    let real = Real::over_stdio(
        Script::new().expect("its instructions", system_has("You only speak Latin.")).say("Salve."),
    )
    .await;
    let agent = CustomAgent::new("latin", "You only speak Latin.");
    let started = real.session().custom_agent(agent).agent("latin").start().await;
    let Some(session) = tested::unless_refused([1, 0, 57], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn skills_come_from_directories() {
    let script = Script::new()
        .expect("one of the skills", |request| {
            let request = request.raw().to_string();
            request.contains("How juggling goes.") && !request.contains("How whistling goes.")
        })
        .say("One.");
    let real = Real::over_stdio(script).await;
    let skills = real.state.path().join("skills");
    write_skills(&skills, &["juggling", "whistling"]);
    let session = real
        .session()
        .skills(Skills::new().directories([skills.to_str().unwrap()]))
        .skills(Skills::new().disabled(["whistling"]))
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Which?").await.unwrap().text(), "One.");
    real.finish().await;
}

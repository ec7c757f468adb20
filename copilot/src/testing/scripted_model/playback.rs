//! Finds the script and the turn that answer a request. Pure state without I/O.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::request::{RecordedRequest, Role};
use super::script::{Check, Script, Scripts, ToolUse, Turn, TurnAnswer, quoted};
use crate::{Error, ErrorKind, Result};

/// The scripts of a model and their progress.
#[derive(Debug)]
pub(super) struct Playback {
    scripts: Vec<ScriptState>,
    /// The number of tool calls so far, for their ids.
    calls: usize,
    /// The refusals of conversations that no script matches.
    unmatched: Vec<String>,
}

#[derive(Debug)]
struct ScriptState {
    script: Script,
    /// The name of the script in reports.
    title: String,
    /// At most one, unless the script is for every conversation.
    conversations: Vec<Conversation>,
}

/// A conversation that follows a script.
#[derive(Debug, Default)]
struct Conversation {
    /// The first prompt, which every request of the conversation contains.
    first_prompt: String,
    /// The index of the next turn.
    due: usize,
    /// The ids of all tool calls of this conversation.
    issued: HashSet<String>,
    /// The ids and tools of the calls in the model's last message. The next request must have their results.
    expected_results: Vec<(String, String)>,
    deviation: Option<String>,
}

/// The reaction to a request.
#[derive(Clone, Debug)]
pub(super) enum Reaction {
    /// The turn to answer with, and the ids of its tool calls.
    Play { turn: Arc<Turn>, ids: Vec<String> },
    /// An error with the reason why the request does not follow the script.
    Refuse(String),
}

impl Playback {
    pub(super) fn new(scripts: Scripts) -> Result<Self> {
        let count = scripts.0.len();
        let mut states = Vec::with_capacity(count);
        for (index, script) in scripts.0.into_iter().enumerate() {
            let mut title =
                if count == 1 { "the script".to_owned() } else { format!("script {}", index + 1) };
            if let Some(text) = &script.when {
                title.push_str(&format!(" (for a first prompt with {text:?})"));
            }
            if let Some(problem) = problem(&script) {
                return Err(Error::new(ErrorKind::Configuration, format!("{title} is invalid: {problem}")));
            }
            states.push(ScriptState { script, title, conversations: Vec::new() });
        }
        Ok(Self { scripts: states, calls: 0, unmatched: Vec::new() })
    }

    /// Returns the turn that answers `request` and advances the conversation.
    pub(super) fn react(&mut self, request: &RecordedRequest) -> Reaction {
        let first_prompt = request.first_prompt().unwrap_or_default();
        let Some((script, index)) =
            self.find(&first_prompt, request).or_else(|| self.begin(&first_prompt, request))
        else {
            let refusal =
                format!("no unused script matches a conversation that begins with {}", quoted(&first_prompt));
            self.unmatched.push(refusal.clone());
            return Reaction::Refuse(refusal);
        };
        let ScriptState { script, title, conversations } = &mut self.scripts[script];
        let conversation = &mut conversations[index];
        match conversation.advance(script, request, &mut self.calls) {
            Ok((turn, ids)) => Reaction::Play { turn, ids },
            Err(Refusal::Ended) => Reaction::Refuse(
                "the last turn failed or broke off, and the script has no turn for the retry".to_owned(),
            ),
            Err(Refusal::Deviation(deviation)) => {
                let deviation = conversation.deviation.get_or_insert(deviation);
                Reaction::Refuse(format!("the conversation left {title} at {deviation}"))
            }
        }
    }

    /// Returns the script and the conversation that a request continues.
    ///
    /// The first prompt identifies a conversation, because the CLI adds the time to it. Conversations with the same
    /// first prompt are distinguished by their tool calls and the number of the model's messages.
    fn find(&self, first_prompt: &str, request: &RecordedRequest) -> Option<(usize, usize)> {
        let messages = request.messages();
        let calls: Vec<_> = messages.iter().flat_map(|message| &message.calls).collect();
        let spoken = messages.iter().filter(|message| message.role == Role::Assistant).count();
        let begins = spoken == 0 && messages.iter().filter(|message| message.role == Role::User).count() == 1;
        let all = || {
            let scripts = self.scripts.iter().enumerate();
            scripts.flat_map(|(number, state)| {
                state
                    .conversations
                    .iter()
                    .enumerate()
                    .map(move |(index, known)| (number, index, state, known))
            })
        };
        let has_its_calls = |known: &Conversation| calls.iter().any(|call| known.issued.contains(&call.id));
        let fits = |state: &ScriptState, known: &Conversation| {
            let is_another = state.script.every_conversation && begins && !known.is_retried(&state.script);
            known.first_prompt == first_prompt && !is_another
        };
        let found = all().find(|(.., known)| has_its_calls(known));
        let found =
            found.or_else(|| all().find(|(.., state, known)| fits(state, known) && known.due == spoken));
        let found = found.or_else(|| all().find(|(.., state, known)| fits(state, known)));
        found.map(|(script, index, ..)| (script, index))
    }

    /// Assigns a script to a new conversation.
    fn begin(&mut self, first_prompt: &str, request: &RecordedRequest) -> Option<(usize, usize)> {
        let fits = |ScriptState { script, .. }: &ScriptState| {
            script.when.as_ref().is_none_or(|text| first_prompt.contains(text))
                && script.when_request.as_ref().is_none_or(|check| check.holds(request))
        };
        let is_free = |state: &ScriptState| state.conversations.is_empty() || state.script.every_conversation;
        if let Some(index) = self.scripts.iter().position(|state| fits(state) && is_free(state)) {
            let conversations = &mut self.scripts[index].conversations;
            conversations
                .push(Conversation { first_prompt: first_prompt.to_owned(), ..Conversation::default() });
            return Some((index, conversations.len() - 1));
        }
        // A single script continues with any prompt: a compacted conversation has a different first prompt.
        match self.scripts.as_slice() {
            [only] if fits(only) => Some((0, 0)),
            _ => None,
        }
    }

    /// Returns all deviations from the scripts; `None` without any.
    pub(super) fn report(&self) -> Option<String> {
        let mut lines: Vec<String> = self.unmatched.clone();
        for ScriptState { script, title, conversations } in &self.scripts {
            let total = script.turns.len();
            if conversations.is_empty() && !script.every_conversation && total > 0 {
                lines.push(format!("{title} was not used; its first turn is to {}", script.turns[0].answer));
            }
            for conversation in conversations {
                let due = conversation.due;
                if let Some(deviation) = &conversation.deviation {
                    lines.push(format!("the conversation left {title} at {deviation}"));
                } else if let Some(turn) = script.turns.get(due) {
                    let answer = &turn.answer;
                    let turn = due + 1;
                    lines.push(format!("{title} was not completed: turn {turn} of {total} is to {answer}"));
                }
            }
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

enum Refusal {
    Deviation(String),
    /// A retry after the last turn, which was a retried one.
    Ended,
}

impl Conversation {
    fn advance(
        &mut self,
        script: &Script,
        request: &RecordedRequest,
        calls: &mut usize,
    ) -> Result<(Arc<Turn>, Vec<String>), Refusal> {
        if let Some(deviation) = &self.deviation {
            return Err(Refusal::Deviation(deviation.clone()));
        }
        let total = script.turns.len();
        let Some(turn) = script.turns.get(self.due) else {
            return Err(if self.is_retried(script) {
                Refusal::Ended
            } else {
                let came = sketch(request);
                Refusal::Deviation(format!(
                    "its end, after turn {total}\n  expected: no request\n  came: {came}"
                ))
            });
        };
        let leave = |(expected, came): (String, String)| {
            let (number, answer) = (self.due + 1, &turn.answer);
            Refusal::Deviation(format!(
                "turn {number} of {total}, to {answer}\n  expected: {expected}\n  came: {came}"
            ))
        };
        // The calls of another script are not known.
        if !script.continues || self.due > 0 {
            self.check_results(request).map_err(leave)?;
        }
        for check in &turn.preparation.checks {
            run(check, request).map_err(|came| leave((check.what.clone(), came)))?;
        }
        let mut ids = Vec::new();
        match &turn.answer {
            TurnAnswer::Call(tools) => {
                check_offered(tools, request).map_err(leave)?;
                self.expected_results.clear();
                for tool in tools {
                    *calls += 1;
                    let id = format!("call_{calls}");
                    self.issued.insert(id.clone());
                    self.expected_results.push((id.clone(), tool.name.clone()));
                    ids.push(id);
                }
            }
            TurnAnswer::Say(_) => self.expected_results.clear(),
            // The retry must have the same results.
            TurnAnswer::Fail { .. } | TurnAnswer::BreakOff(_) => {}
        }
        self.due += 1;
        Ok((turn.clone(), ids))
    }

    /// Returns whether the CLI retries the last request.
    fn is_retried(&self, script: &Script) -> bool {
        self.due.checked_sub(1).is_some_and(|last| script.turns[last].answer.is_retried())
    }

    /// Checks that a request has the results of the last tool calls and no others.
    ///
    /// Calls that are not in the conversation need no results: the CLI discards an answer that was aborted.
    fn check_results(&self, request: &RecordedRequest) -> Result<(), (String, String)> {
        let results = request.new_results();
        let messages = request.messages();
        let made = |id: &str| messages.iter().flat_map(|message| &message.calls).any(|call| call.id == id);
        let missing =
            |(id, _): &&(String, String)| made(id) && !results.iter().any(|(result, ..)| result == id);
        let missing: Vec<_> =
            self.expected_results.iter().filter(missing).map(|(_, tool)| format!("`{tool}`")).collect();
        if !missing.is_empty() {
            return Err((format!("a result of {}", missing.join(", ")), sketch(request)));
        }
        match results.iter().find(|(id, ..)| !self.issued.contains(id)) {
            Some((id, tool, text)) => Err((
                "results of the script's own calls".to_owned(),
                format!("a result of `{tool}`, of the unknown call {id:?}: {}", quoted(text)),
            )),
            None => Ok(()),
        }
    }
}

impl TurnAnswer {
    /// Returns whether the CLI retries the request after this answer.
    fn is_retried(&self) -> bool {
        matches!(self, Self::BreakOff(_) | Self::Fail { retry: true, .. })
    }
}

/// Returns the reason why a script is invalid.
fn problem(script: &Script) -> Option<&'static str> {
    let rest = &script.next;
    if !rest.checks.is_empty() {
        return Some("it ends with an expectation; add the turn that it applies to");
    }
    if !rest.delay.is_zero()
        || !rest.pace.is_zero()
        || rest.reasoning.is_some()
        || rest.preamble.is_some()
        || rest.tokens.is_some()
    {
        return Some("it ends with a setting for a turn; add the turn that it applies to");
    }
    script.turns.iter().find_map(|turn| match &turn.answer {
        answer if turn.preparation.preamble.is_some() && !matches!(answer, TurnAnswer::Call(_)) => {
            Some("a turn without tool calls has a preamble; make it a part of the text")
        }
        TurnAnswer::Call(tools) if tools.is_empty() => Some("a turn has no tool calls; add at least one"),
        TurnAnswer::Fail { status, .. } if !(400..600).contains(status) => {
            Some("a turn fails with a status that is not an error; use one from 400 to 599")
        }
        _ => None,
    })
}

fn run(check: &Check, request: &RecordedRequest) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| (check.holds)(request))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("a panic of the check: {}", message.as_deref().unwrap_or("without a message")))
    })
}

fn check_offered(tools: &[ToolUse], request: &RecordedRequest) -> Result<(), (String, String)> {
    let offered = request.tool_names();
    match tools.iter().find(|tool| tool.offered && !offered.contains(&tool.name.as_str())) {
        Some(ToolUse { name, .. }) => {
            let came = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
            Err((format!("a request that offers the tool `{name}`"), format!("one that offers {came}")))
        }
        None => Ok(()),
    }
}

/// Describes a request briefly: the results since the model's last message, or the prompt.
fn sketch(request: &RecordedRequest) -> String {
    let results = request.new_results();
    if results.is_empty() {
        return request
            .prompt()
            .map_or_else(|| "no prompt".to_owned(), |prompt| format!("the prompt {}", quoted(&prompt)));
    }
    let results = results.iter().map(|(_, tool, text)| format!("`{tool}` with the result {}", quoted(text)));
    results.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::api::ModelApi;
    use super::*;

    fn playback(scripts: impl Into<Scripts>) -> Playback {
        Playback::new(scripts.into()).unwrap()
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    fn called(id: &str, tool: &str) -> Value {
        json!({"role": "assistant", "tool_calls": [{"id": id, "function": {"name": tool, "arguments": "{}"}}]})
    }

    fn result(id: &str, text: &str) -> Value {
        json!({"role": "tool", "tool_call_id": id, "content": text})
    }

    fn recorded(body: Value) -> RecordedRequest {
        RecordedRequest::new(ModelApi::ChatCompletions, String::new(), body, Vec::new())
    }

    /// A request that offers the tools `a` and `b`.
    fn request(messages: impl Into<Vec<Value>>) -> RecordedRequest {
        let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
        recorded(json!({"messages": messages.into(), "tools": [tool("a"), tool("b")]}))
    }

    /// The answer a request gets, or the error.
    fn react(playback: &mut Playback, messages: impl Into<Vec<Value>>) -> String {
        match playback.react(&request(messages)) {
            Reaction::Play { turn, ids } if ids.is_empty() => turn.answer.to_string(),
            Reaction::Play { turn, ids } => format!("{} as {}", turn.answer, ids.join(", ")),
            Reaction::Refuse(refusal) => refusal,
        }
    }

    #[test]
    fn a_conversation_that_follows_its_script_has_no_report() {
        let mut playback = playback(
            Script::new()
                .expect_prompt(|text| text.contains("Hello"))
                .call("a", json!({}))
                .expect_tool_result("a", |text| text == "yes")
                .expect("two messages or more", |request| request.messages().len() >= 2)
                .say("Done."),
        );
        assert_eq!(react(&mut playback, [user("Hello")]), "call `a` as call_1");
        let rest = [user("Hello"), called("call_1", "a"), result("call_1", "yes")];
        assert_eq!(react(&mut playback, rest), "say \"Done.\"");
        assert_eq!(playback.report(), None);
    }

    #[test]
    fn unused_turns_are_reported() {
        let mut playback =
            playback([Script::when("x").say("1").say("2"), Script::new().call("a", json!({}))]);
        react(&mut playback, [user("x")]);
        assert_eq!(
            playback.report().unwrap(),
            "script 1 (for a first prompt with \"x\") was not completed: turn 2 of 2 is to say \"2\"\n\
             script 2 was not used; its first turn is to call `a`"
        );
    }

    #[test]
    fn a_deviation_names_the_turn_the_expectation_and_the_request() {
        let check = |script: Script, messages: Vec<Value>, expected: &str| {
            let mut whole = Script::new().say("0").call("a", json!({}));
            whole.turns.extend(script.turns);
            let mut playback = playback(whole);
            react(&mut playback, [user("go")]);
            react(&mut playback, [user("go")]);
            let body = json!({"messages": messages, "tools": [{"function": {"name": "a"}}]});
            let request = recorded(body);
            let Reaction::Refuse(refusal) = playback.react(&request) else { panic!("it was answered") };
            assert_eq!(refusal, format!("the conversation left the script at {expected}"));
            assert_eq!(playback.report().as_deref(), Some(refusal.as_str()));
            // A deviation is permanent and reported once.
            assert!(matches!(playback.react(&request), Reaction::Refuse(again) if again == refusal));
            assert_eq!(playback.report().as_deref(), Some(refusal.as_str()));
        };
        let answered = |text: &str| vec![user("go"), called("call_1", "a"), result("call_1", text)];
        check(
            Script::new().expect_tool_result("a", |text| text == "yes").say("3"),
            answered("no"),
            "turn 3 of 3, to say \"3\"\n  expected: a fitting result of `a`\n  came: \"no\"",
        );
        check(
            Script::new().expect_tool_result("b", |_| true).say("3"),
            answered("no"),
            "turn 3 of 3, to say \"3\"\n  expected: a fitting result of `b`\n  came: no result of it",
        );
        check(
            Script::new().expect_prompt(|text| text == "stop").say("3"),
            answered(""),
            "turn 3 of 3, to say \"3\"\n  expected: a fitting prompt\n  came: \"go\"",
        );
        check(
            Script::new().expect("a miracle", |_| false).say("3"),
            answered(""),
            "turn 3 of 3, to say \"3\"\n  expected: a miracle\n  came: a request that does not fulfil it",
        );
        check(
            Script::new().expect("a miracle", |_| panic!("none today")).say("3"),
            answered(""),
            "turn 3 of 3, to say \"3\"\n  expected: a miracle\n  came: a panic of the check: none today",
        );
        check(
            Script::new().say("3"),
            vec![user("go"), called("call_1", "a"), user("forget it")],
            "turn 3 of 3, to say \"3\"\n  expected: a result of `a`\n  came: the prompt \"forget it\"",
        );
        check(
            Script::new().say("3"),
            vec![user("go"), called("call_1", "a"), result("call_1", ""), result("call_7", "x")],
            "turn 3 of 3, to say \"3\"\n  expected: results of the script's own calls\n  \
             came: a result of ``, of the unknown call \"call_7\": \"x\"",
        );
        check(
            Script::new().call("c", json!({})),
            answered(""),
            "turn 3 of 3, to call `c`\n  expected: a request that offers the tool `c`\n  came: one that offers a",
        );
        check(
            Script::new(),
            answered("yes"),
            "its end, after turn 2\n  expected: no request\n  came: `a` with the result \"yes\"",
        );
    }

    #[test]
    fn a_tool_that_is_not_offered_can_be_called_on_purpose() {
        let mut playback = playback(Script::new().calls([ToolUse::new("c", json!({})).not_offered()]));
        assert_eq!(react(&mut playback, [user("go")]), "call `c` as call_1");
    }

    #[test]
    fn conversations_use_the_scripts_that_match_them() {
        let mut playback = playback([
            Script::when("alpha").say("a1").say("a2"),
            Script::when("beta").say("b1"),
            Script::new().say("any"),
        ]);
        assert_eq!(react(&mut playback, [user("beta")]), "say \"b1\"");
        assert_eq!(react(&mut playback, [user("alpha")]), "say \"a1\"");
        assert_eq!(react(&mut playback, [user("gamma")]), "say \"any\"");
        assert_eq!(react(&mut playback, [user("alpha"), user("more")]), "say \"a2\"");
        let refusal = "no unused script matches a conversation that begins with \"delta\"";
        assert_eq!(react(&mut playback, [user("delta")]), refusal);
        assert_eq!(playback.report().as_deref(), Some(refusal));
    }

    #[test]
    fn a_script_may_continue_the_conversation_of_another_one() {
        let script =
            || Script::new().expect_tool_result("a", |text| text == "yes").call("b", json!({})).say("3");
        let answered = || [user("go"), called("call_9", "a"), result("call_9", "yes")];
        assert!(react(&mut playback(script()), answered()).contains("the unknown call \"call_9\""));
        let mut playback = playback(script().continuing());
        assert_eq!(react(&mut playback, answered()), "call `b` as call_1");
        let unknown = [user("go"), called("call_9", "a"), result("call_9", "yes"), result("call_8", "no")];
        assert!(react(&mut playback, unknown).contains("left the script"));
    }

    #[test]
    fn a_script_can_serve_every_conversation() {
        let mut playback = playback(Script::new().say("1").say("2").for_every_conversation());
        for conversation in ["x", "y"] {
            assert_eq!(react(&mut playback, [user(conversation)]), "say \"1\"");
        }
        for conversation in ["x", "y"] {
            let said = json!({"role": "assistant", "content": "1"});
            assert_eq!(react(&mut playback, [user(conversation), said, user("more")]), "say \"2\"");
        }
        assert_eq!(playback.report(), None);
    }

    #[test]
    fn conversations_with_the_same_first_prompt_are_distinguished() {
        let script = Script::new().fail_once(503, "busy").call("a", json!({})).say("2").say("3");
        let mut playback = playback(script.for_every_conversation());
        let begin = || [user("same")];
        assert_eq!(react(&mut playback, begin()), "fail with 503 \"busy\"");
        assert_eq!(react(&mut playback, begin()), "call `a` as call_1");
        assert_eq!(react(&mut playback, begin()), "fail with 503 \"busy\"");
        assert_eq!(react(&mut playback, begin()), "call `a` as call_2");
        for id in ["call_2", "call_1"] {
            assert_eq!(react(&mut playback, [user("same"), called(id, "a"), result(id, "")]), "say \"2\"");
        }
        assert!(playback.report().unwrap().contains("turn 4 of 4"));
    }

    #[test]
    fn a_single_script_continues_after_a_new_first_prompt() {
        let mut playback = playback(Script::new().say("1").say("2"));
        react(&mut playback, [user("the long story")]);
        assert_eq!(react(&mut playback, [user("the summary")]), "say \"2\"");
    }

    #[test]
    fn a_retry_gets_the_next_turn_and_needs_the_same_results() {
        let mut playback = playback(
            Script::new()
                .call("a", json!({}))
                .fail_once(503, "busy")
                .break_off("ha")
                .expect_tool_result("a", |_| true)
                .say("1"),
        );
        react(&mut playback, [user("go")]);
        let again = || [user("go"), called("call_1", "a"), result("call_1", "yes")];
        assert_eq!(react(&mut playback, again()), "fail with 503 \"busy\"");
        assert_eq!(react(&mut playback, again()), "break off after \"ha\"");
        assert_eq!(react(&mut playback, again()), "say \"1\"");
        assert_eq!(playback.report(), None);
    }

    #[test]
    fn aborted_calls_need_no_results() {
        let mut playback = playback(Script::new().call("a", json!({})).say("1"));
        react(&mut playback, [user("go")]);
        assert_eq!(react(&mut playback, [user("go"), user("something else")]), "say \"1\"");
    }

    #[test]
    fn a_retry_after_the_last_turn_is_refused_and_not_a_deviation() {
        let mut playback = playback(Script::new().break_off("ha"));
        react(&mut playback, [user("go")]);
        assert!(react(&mut playback, [user("go")]).contains("no turn for the retry"));
        assert_eq!(playback.report(), None);
    }

    #[test]
    fn a_long_text_is_truncated_in_a_report() {
        let mut playback = playback(Script::new());
        let refusal = react(&mut playback, [user(&"ä".repeat(100_000))]);
        assert!(refusal.ends_with("... (100000 characters)") && refusal.len() < 1200, "{refusal}");
    }

    #[test]
    fn invalid_scripts_are_rejected() {
        let check = |script: Script, words: &str| {
            let error = Playback::new(script.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(words), "{error}");
        };
        check(Script::new().say("x").expect_prompt(|_| true), "ends with an expectation");
        check(Script::new().reasoning("hm"), "ends with a setting");
        check(Script::new().calls([]), "has no tool calls");
        check(Script::new().fail(200, "fine"), "not an error");
    }
}

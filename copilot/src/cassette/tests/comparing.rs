//! The comparison of requests.

use super::*;

#[test]
fn the_same_conversation_on_another_machine_is_equal() {
    let id = |first: char| format!("{first}b21f9e0-3c4d-4a5e-8f60-718293a4b5c6");
    let text = |time: &str, first: char| {
        format!("<current_datetime>{time}</current_datetime>\n\nAt {time}: {}", id(first))
    };
    let recorded =
        json!([user(&text("2026-11-29T10:00:00Z", '1')), called("call_1"), result("call_1", "ok\r\n")]);
    let came = json!([
        {"role": "system", "content": "of another version"},
        user(&text("2027-01-02T11:12:13.456+01:00", '2')),
        called("toolu_9"),
        result("toolu_9", "ok"),
    ]);
    assert_eq!(differ(recorded, came), "");
}

#[test]
fn times_are_compared_on_request() {
    let (one, other) = (json!([user("due 2026-11-29")]), json!([user("due 2026-11-30")]));
    assert_eq!(differ(one.clone(), other.clone()), "");
    let compare = Compare { times: true, ..Compare::default() };
    let report = differences(&expected(&chat(one)), &read(&chat(other)), compare);
    assert_eq!(report, "  message 1 (user):\n    - due 2026-11-29\n    + due 2026-11-30\n");
}

#[test]
fn parallel_results_have_no_order() {
    let calls = |ids: [&str; 2]| {
        let call = |id: &str| json!({"id": id, "function": {"name": "refund", "arguments": "{}"}});
        json!({"role": "assistant", "tool_calls": ids.map(call)})
    };
    let recorded = json!([user("go"), calls(["1", "2"]), result("1", "one"), result("2", "two")]);
    let came = json!([user("go"), calls(["1", "2"]), result("2", "two"), result("1", "one")]);
    assert_eq!(differ(recorded.clone(), came), "");
    let swapped = json!([user("go"), calls(["1", "2"]), result("1", "two"), result("2", "one")]);
    assert!(differ(recorded, swapped).contains("message 3 (result of `refund`)"));
}

#[test]
fn a_difference_names_the_message() {
    let begin = |text: &str| json!([user("Refund 42."), called("1"), result("1", text)]);
    assert_eq!(
        differ(begin("12 EUR are refunded"), begin("13 EUR are refunded")),
        "  message 3 (result of `refund`):\n    - 12 EUR are refunded\n    + 13 EUR are refunded\n"
    );
    let long = |word: &str| begin(&format!("same\nsame\n{}{word}{}\nend", "a".repeat(300), "b".repeat(300)));
    let report = differ(long("ONE"), long("TWO"));
    assert!(report.contains("    (2 equal lines)\n    - ...aaa") && report.contains("aONEb"), "{report}");
    assert!(report.lines().all(|line| line.len() < 200), "{report}");
    assert_eq!(
        differ(begin("x"), json!([user("Refund 42."), called("1")])),
        "  message 3 (result of `refund`) is missing:\n    - x\n"
    );
    assert_eq!(
        differ(json!([user("a")]), json!([user("a"), user("b")])),
        "  message 2 (user) was not recorded:\n    + b\n"
    );
    assert!(
        differ(json!([user("a"), called("1")]), json!([user("a"), user("b")]))
            .starts_with("  message 2, recorded as assistant, calls of `refund`, came as user:\n")
    );
}

#[test]
fn a_tool_that_is_called_must_have_its_parameters() {
    let recorded = expected(&chat(json!([user("go")])));
    let mut came = chat(json!([user("go")]));
    let parameters = &mut came["tools"][0]["function"]["parameters"];
    parameters["properties"]["order"]["description"] = json!("Another text.");
    parameters["properties"]["order"]["minimum"] = json!(1);
    assert_eq!(differences(&recorded, &read(&came), Compare::default()), "");
    came["tools"][0]["function"]["parameters"]["properties"]["minimum"] = json!({"type": "integer"});
    let report = differences(&recorded, &read(&came), Compare::default());
    assert!(report.contains("\"minimum\": {"), "{report}");
    let parameters = &mut came["tools"][0]["function"]["parameters"];
    parameters["properties"] = json!({"order": {"type": "string"}});
    let report = differences(&recorded, &read(&came), Compare::default());
    let begin = "  the parameters of the tool `refund`:\n    (3 equal lines)\n";
    assert!(report.starts_with(begin) && report.contains("+       \"type\": \"string\""), "{report}");
    came["tools"] = json!([]);
    let report = differences(&recorded, &read(&came), Compare::default());
    assert_eq!(report, "  the tool `refund` is not offered to the model\n");
    // Tools that the model does not call belong to a version of the CLI.
    let uncalled = Expected { called: Vec::new(), ..recorded };
    assert_eq!(differences(&uncalled, &read(&came), Compare::default()), "");
    let compare = Compare { tools: true, ..Compare::default() };
    assert!(!differences(&uncalled, &read(&came), compare).is_empty());
}

#[test]
fn the_system_prompt_is_compared_on_request() {
    let with = |text: &str| chat(json!([{"role": "system", "content": text}, user("go")]));
    let compare = Compare { system: true, ..Compare::default() };
    let differ = |expected: Expected| differences(&expected, &read(&with("Be brief.")), compare);
    let recorded = expected(&with("Be kind."));
    assert_eq!(differ(recorded.clone()), "  the system prompt:\n    - Be kind.\n    + Be brief.\n");
    assert!(differ(Expected { system: None, ..recorded }).contains("its digest differs"));
    assert_eq!(differ(expected(&with("Be brief."))), "");
}

#[test]
fn the_protocol_is_that_of_the_path() {
    for (url, api) in [
        ("https://api.githubcopilot.com/chat/completions", Some(ModelApi::ChatCompletions)),
        ("http://host/openai/deployments/x/chat/completions?api-version=1", Some(ModelApi::ChatCompletions)),
        ("https://api.openai.com/v1/responses", Some(ModelApi::Responses)),
        ("https://api.anthropic.com/v1/messages/", Some(ModelApi::Messages)),
        ("https://api.githubcopilot.com/models", None),
    ] {
        assert_eq!(api_of(url), api, "{url}");
    }
}

//! The answers of a model: bodies, events of streams, and their reading.

use super::*;

#[test]
fn the_events_of_a_stream_are_restored() {
    for text in [
        "data: {\"a\":1}\n\ndata: [DONE]\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        "event: ping\ndata: {\"type\":\"other\"}\n\ndata: two\ndata: lines\n\n",
    ] {
        let body = StoredBody::read(&[(Duration::ZERO, text.into())], "text/event-stream", false, true);
        let restored: Vec<u8> = body.pieces().into_iter().flat_map(|(_, piece)| piece).collect();
        assert_eq!(String::from_utf8(restored).unwrap(), text);
    }
    let typed = StoredBody::read(
        &[(Duration::ZERO, "event: x\r\ndata: {\"type\":\"x\"}\r\n\r\n: comment\r\n".into())],
        "text/event-stream; charset=utf-8",
        false,
        true,
    );
    assert_eq!(typed.typed_events, Some(vec![json!({"type": "x"})]));
    let cut = [(Duration::ZERO, "data: {\"a\":1}\n\ndata: {\"b\"".into())];
    assert_eq!(StoredBody::read(&cut, "text/event-stream", false, false).events, Some(vec![json!({"a": 1})]));
    let bytes = [(Duration::ZERO, vec![0xFF, 0x00])];
    let body = StoredBody::read(&bytes, "application/octet-stream", false, true);
    assert_eq!((body.base64.as_deref(), body.pieces()), (Some("/wA="), bytes.to_vec()));
}

#[test]
fn the_delays_of_events_are_those_of_the_pieces_that_end_them() {
    let at = Duration::from_millis;
    let pieces: Vec<TimedPiece> =
        vec![(at(10), b"data: 1\n\nda".to_vec()), (at(30), b"ta: 2\n\ndata: 3\n\n".to_vec())];
    let body = StoredBody::read(&pieces, "text/event-stream", true, true);
    assert_eq!(body.after_ms, Some(vec![10, 20, 0]));
    assert_eq!(body.pieces().iter().map(|(delay, _)| delay.as_millis()).collect::<Vec<_>>(), [10, 20, 0]);
}

#[test]
fn an_answer_is_read_from_each_protocol() {
    let tokens = Tokens { input: 11, output: 7 };
    let calls = [ToolUse::new("refund", json!({"order": 42})), ToolUse::raw("b", "{not json")];
    let script = Script::new().reasoning("Hm.").preamble("I look.").tokens(tokens).calls(calls);
    for api in [ModelApi::ChatCompletions, ModelApi::Responses, ModelApi::Messages] {
        for streamed in [true, false] {
            let ids = vec!["1".to_owned(), "2".to_owned()];
            let pieces = api.render(&script, ids, streamed).into_iter().map(|piece| (Duration::ZERO, piece));
            let kind = if streamed { "text/event-stream" } else { "application/json" };
            let body = StoredBody::read(&pieces.collect::<Vec<_>>(), kind, false, true);
            assert!(body.has_final_event(), "{api:?} {streamed}");
            let answer =
                Answer::read(api, &StoredResponse { status: 200, body, ..StoredResponse::default() });
            assert_eq!(answer.text.concat(), "I look.", "{api:?} {streamed}");
            assert_eq!(
                (answer.reasoning.as_str(), answer.tokens),
                ("Hm.", Some(tokens)),
                "{api:?} {streamed}"
            );
            let read: Vec<_> = answer
                .calls
                .iter()
                .map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments))
                .collect();
            let (order, raw) = (json!({"order": 42}), json!("{not json"));
            assert_eq!(read, [("1", "refund", &order), ("2", "b", &raw)], "{api:?} {streamed}");
        }
    }
}

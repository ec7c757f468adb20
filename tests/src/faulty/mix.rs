//! Faults strewn among good messages, at random: what is lost?

use copilot::{DynTool, Session};
use serde_json::{Value, json};

use super::messages::{malformed, unexpected};
use super::{Carrier, Manner};
use crate::fake::Fake;
use crate::random::Random;

/// The result of a mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mixed {
    /// Faults that were sent.
    pub faults: usize,
    /// Events, tool calls and calls among them.
    pub good: usize,
    /// Of these, how many did not arrive, or not in order, or without their answer.
    pub lost: usize,
}

/// Sends so many rounds of faults and good messages over this carrier, cut at random.
pub async fn mixed(carrier: Carrier, seed: u64, rounds: usize) -> Mixed {
    let mut random = Random::new(seed);
    let pieces =
        (0..1 + random.below(4)).map(|_| 1 + random.below(if seed.is_multiple_of(2) { 20 } else { 3000 }));
    let manner = Manner { pieces: pieces.collect(), ..Manner::default() };
    let fake = carrier.connect_with(copilot::testing::FakeCli::new(), &manner).await;
    let schema = json!({"type": "object", "properties": {"round": {"type": "integer"}}});
    let echo = DynTool::new("echo", "Says it back.").schema(schema).expect("an object");
    let echo = echo.run(|arguments, _| async move { arguments.to_string() });
    let session = fake.session().id("s").with_tools([echo]).start().await.expect("a session opens");
    let mixed = converse(&fake, &session, &mut random, rounds).await;
    session.close().await.expect("the session closes");
    assert_eq!(fake.calls_pending(), 0, "calls are left");
    fake.client.shutdown().await.expect("the client shuts down");
    mixed
}

async fn converse(fake: &Fake, session: &Session, random: &mut Random, rounds: usize) -> Mixed {
    let (malformed, unexpected) = (malformed(), unexpected());
    let mut events = session.events();
    let mut mixed = Mixed::default();
    for round in 0..rounds {
        for _ in 0..random.below(4) {
            mixed.faults += 1;
            match random.below(8) {
                0 => fake.cli.raw(garbage(random)),
                1..4 => fake.cli.frame(random.one_of(&unexpected).1.to_string()),
                _ => fake.cli.raw(&random.one_of(&malformed).1),
            }
        }
        mixed.good += 1;
        fake.cli.event(session.id(), "test.good", json!({"round": round}));
        let seen = loop {
            let event = events.next().await.expect("the stream continues");
            if event.name() == "test.good" {
                break event.data::<Value>().expect("it was sent")["round"] == round;
            }
        };
        mixed.lost += usize::from(!seen);
        match random.below(4) {
            0 => {
                mixed.good += 1;
                let result = fake.cli.call_tool(session.id(), "echo", json!({"round": round})).await;
                let right = result["textResultForLlm"] == format!(r#"{{"round":{round}}}"#);
                mixed.lost += usize::from(!right);
            }
            1 => {
                mixed.good += 1;
                mixed.lost += usize::from(fake.client.ping("?").await.is_err());
            }
            _ => {}
        }
    }
    mixed
}

/// Bytes that may look like a part of something, but hold no header.
fn garbage(random: &mut Random) -> Vec<u8> {
    const PARTS: &[&[u8]] =
        &[b"\r\n", b"\r\n\r\n", b"{", b"}", b"\"", b": ", b"Content-", b"x", b"\xc3", b"\0", b"[1,2]"];
    (0..random.below(60)).flat_map(|_| *random.one_of(PARTS)).copied().collect()
}

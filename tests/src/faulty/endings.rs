//! The ways in which a connection ends, and how long it takes until everybody who waits has learnt of it.

use std::process::Command;
use std::time::{Duration, Instant};

use copilot::EventKind;
use copilot::testing::FakeCli;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Carrier, Manner, tasks, tasks_fall_to};

/// No wait in a test lasts longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The CLI closes both directions.
    HangUp,
    /// The CLI closes its output, and continues to read.
    OutputClosed,
    /// The CLI closes its input, and continues to write. The client notices at the next write.
    InputClosed,
    /// The socket is reset.
    Reset,
    /// The process is killed.
    Killed,
}

impl Ending {
    /// Those that this carrier knows.
    pub fn of(carrier: Carrier) -> &'static [Self] {
        match carrier {
            Carrier::Memory => &[Self::HangUp, Self::OutputClosed, Self::InputClosed],
            Carrier::Pipes(_) => &[Self::HangUp, Self::OutputClosed, Self::InputClosed, Self::Killed],
            Carrier::Tcp => &[Self::HangUp, Self::OutputClosed, Self::Reset],
        }
    }
}

/// Ends a connection while a call, a turn and a subscriber wait; how long it takes until all three know.
///
/// # Panics
///
/// When one of them does not learn the cause, or something is left behind.
pub async fn noticed(carrier: Carrier, ending: Ending) -> Duration {
    let before = tasks();
    let manner = Manner { resets: ending == Ending::Reset, ..Manner::default() };
    let cli = FakeCli::new();
    cli.hold("x.y");
    cli.on("x.deafen", |_, _| json!(null));
    cli.on_turn(|_| std::future::pending());
    let fake = carrier.connect_with(cli, &manner).await;
    let session = fake.session().start().await.expect("a session opens");
    let mut events = session.events();
    let waiting = async {
        let call = async {
            fake.client.call::<_, Value>("x.y", json!({})).await.expect_err("the call has no answer")
        };
        let turn = async { session.ask("?").await.expect_err("the turn does not end").clone() };
        let subscriber = async {
            loop {
                let event = events.next().await.expect("the end is reported");
                if let EventKind::Disconnected(cause) = event.kind() {
                    return cause.clone();
                }
            }
        };
        let (call, turn, subscriber) = tokio::join!(call, turn, subscriber);
        ([call, turn, subscriber], Instant::now())
    };
    let end = async {
        fake.cli.requested("x.y", 1).await;
        fake.cli.requested("session.send", 1).await;
        let now = Instant::now();
        match ending {
            Ending::HangUp | Ending::Reset => fake.cli.hang_up(),
            Ending::OutputClosed => fake.cli.close_output(),
            Ending::InputClosed => {
                fake.client.call::<_, Value>("x.deafen", json!({})).await.expect("it still listens");
                let unheard = fake.client.ping("?").await.expect_err("the CLI does not listen");
                assert!(unheard.is_disconnected(), "{unheard:?}");
            }
            Ending::Killed => {
                let process = fake.client.process_id().expect("it was started");
                let killed = Command::new("kill").args(["-9", &process.to_string()]).status();
                assert!(killed.expect("`kill` runs").success());
            }
        }
        now
    };
    let both = async { tokio::join!(waiting, end) };
    let ((causes, reported), ended) = timeout(PATIENCE, both)
        .await
        .unwrap_or_else(|_| panic!("{carrier:?}, {ending:?}: a wait does not end"));
    for cause in causes {
        assert!(cause.is_disconnected(), "{carrier:?}, {ending:?}: {cause:?}");
    }
    let later = fake.client.ping("?").await.expect_err("it is gone");
    assert!(later.is_disconnected(), "{later:?}");
    // A lost CLI cannot close the session, and that is not a failure.
    session.close().await.expect("the session closes");
    drop((events, session, fake));
    let left = timeout(PATIENCE, tasks_fall_to(before)).await;
    assert!(left.is_ok(), "{carrier:?}, {ending:?}: {} tasks are left, {before} were there", tasks());
    reported - ended
}

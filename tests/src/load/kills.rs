//! A CLI that is killed again and again, at any moment, with calls under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use copilot::{Client, Error, Session};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Row, count, time};
use crate::fake::all;
use crate::faulty::{tasks, tasks_fall_to};
use crate::random::Random;

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A client lives through so many kills: the pauses before its restarts grow.
const KILLS: usize = 4;
const SESSIONS: usize = 4;

/// How the calls of a round have ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    answered: usize,
    lost: usize,
}

impl Ended {
    fn count(&mut self, answered: bool) {
        if answered {
            self.answered += 1;
        } else {
            self.lost += 1;
        }
    }
}

/// Kills a CLI in a separate process this many times. `cli` is the program of `bin/fake-cli.rs`.
///
/// # Panics
///
/// When a call does not end, ends with anything but its answer or the loss, or a session does not work after it.
pub async fn kills(cli: &'static str, rounds: usize) -> Row {
    let (tasks_before, begun) = (tasks(), Instant::now());
    let (mut random, mut ended, mut latest) = (Random::new(9), Ended::default(), Duration::ZERO);
    for first in (0..rounds).step_by(KILLS) {
        let client = Client::builder().cli_path(cli).start().await.expect("the played CLI starts");
        let sessions: Vec<Session> = all((0..SESSIONS).map(|_| {
            let client = client.clone();
            async move { client.session().start().await.expect("it opens") }
        }))
        .await;
        for _ in first..rounds.min(first + KILLS) {
            let (of_round, learnt) = kill(&client, &sessions, random.below(3000)).await;
            ended.answered += of_round.answered;
            ended.lost += of_round.lost;
            latest = latest.max(learnt);
        }
        client.shutdown().await.expect("the client shuts down");
    }
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    Row {
        what: format!(
            "{} kills of a CLI with calls under way, of which {} were answered and {} failed with the cause",
            count(rounds),
            count(ended.answered),
            count(ended.lost)
        ),
        lost: 0,
        memory: String::new(),
        tasks: format!("{} left", tasks().saturating_sub(tasks_before)),
        time: format!(
            "{}; the turn under way had ended {} after its kill at the latest",
            time(begun.elapsed()),
            time(latest)
        ),
    }
}

/// One kill, after so many microseconds; how the calls ended, and how long after the kill the last did.
async fn kill(client: &Client, sessions: &[Session], after: usize) -> (Ended, Duration) {
    let process = client.process_id().expect("the CLI runs");
    let (waiting, working) = sessions.split_first().expect("there are sessions");
    // Ends only with the CLI.
    let turn = waiting.stream("Wait.").await.expect("the CLI takes it");
    let asks = working.iter().flat_map(|session| [(); 3].map(|()| session.clone()));
    let asks = asks.map(|session| async move {
        right(session.ask("?").await.map(|reply| reply.text().to_owned()), "OK.")
    });
    let asks = spawned(all(asks.collect::<Vec<_>>()));
    let over = Arc::new(AtomicBool::new(false));
    let calls = spawned({
        let (client, over) = (client.clone(), Arc::clone(&over));
        async move {
            let mut ended = Ended::default();
            while !over.load(Relaxed) {
                let pong = client.call::<_, Value>("ping", json!({"message": "m"})).await;
                let pong = pong.map(|pong| pong["message"].as_str().unwrap_or_default().to_owned());
                ended.count(right(pong, "pong: m"));
            }
            ended
        }
    });
    sleep(Duration::from_micros(after as u64)).await;
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(process, Signal::KILL).expect("it is ours");
    let killed = Instant::now();
    let lost = timeout(PATIENCE, turn.reply()).await.expect("the turn ends");
    let learnt = killed.elapsed();
    assert!(lost.expect_err("the CLI is gone").is_disconnected());
    let asks = timeout(PATIENCE, asks).await.expect("every turn ends").expect("no turn ends wrongly");
    // The loss is known, so each new call waits for the restart.
    for session in sessions {
        let reply = timeout(PATIENCE, session.ask("?").into_future()).await.expect("the turn ends");
        assert_eq!(reply.expect("the session works again").text(), "OK.");
    }
    over.store(true, Relaxed);
    let mut ended = timeout(PATIENCE, calls).await.expect("every call ends").expect("no call ends wrongly");
    ended.count(false);
    asks.into_iter().for_each(|right| ended.count(right));
    (ended, learnt)
}

#[expect(clippy::disallowed_methods, reason = "the caller waits for it")]
fn spawned<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Whether this is the answer; anything but the loss of the CLI in its place is a mistake.
fn right(answer: Result<String, Error>, expected: &str) -> bool {
    match answer {
        Ok(answer) => {
            assert_eq!(answer, expected);
            true
        }
        Err(error) => {
            assert!(error.is_disconnected(), "{error:?}");
            false
        }
    }
}

//! Tools that outlive their session: protocol 2 gets an answer to each call.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::future::pending;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use copilot::{Client, Decision, Session, State};
use copilot_tests::fake::{Fake, settle};
use serde_json::json;

use crate::user_code::answers;

/// Never ends.
#[copilot::tool]
async fn stuck() {
    pending::<()>().await;
}

/// Blocks its thread until a gate opens.
#[copilot::tool]
async fn stubborn(gate: State<Gate>) {
    gate.pass();
}

/// Blocks threads until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn pass(&self) {
        let (open, opened) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }

    pub(crate) fn open(&self) {
        let (open, opened) = &*self.0;
        *open.lock().unwrap() = true;
        opened.notify_all();
    }
}

/// Opens a gate when a test ends, also by a failure: the end of a runtime waits for the threads that are blocked.
pub(crate) struct Opens(pub(crate) Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    Close,
    Drop,
}

async fn end(how: End, client: &Client, session: Session) {
    match how {
        End::Shutdown => client.shutdown().await.unwrap(),
        End::Close => session.close().await.unwrap(),
        End::Drop => drop(session),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_answers_the_calls_of_protocol_2_whose_tools_do_not_end() {
    for how in [End::Shutdown, End::Close, End::Drop] {
        let fake = Fake::of_version("0.0.403").await;
        let session = fake.session().with_tools([stuck::TOOL]).start().await.unwrap();
        let call = fake.cli.call_tool(session.id(), "stuck", json!({})).start();
        settle().await;
        let before = answers(&fake.cli);
        end(how, &fake.client, session).await;
        let result = call.answer().await;
        assert_eq!(result["resultType"], "failure", "{how:?}");
        assert!(result["textResultForLlm"].as_str().unwrap().contains("cancelled"), "{how:?}: {result}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(answers(&fake.cli) - before, 1, "{how:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_session_that_ends_answers_for_tools_that_block_their_thread() {
    for how in [End::Shutdown, End::Close, End::Drop] {
        let fake = Fake::of_version("0.0.403").await;
        let (gate, (started, starts)) = (Gate::default(), mpsc::channel());
        let _opens = Opens(gate.clone());
        let wait = gate.clone();
        let handler = move |_| {
            started.send(()).unwrap();
            wait.pass();
            async { Decision::Approve }
        };
        let session = fake.session().with_tools([stubborn::TOOL]).state(gate.clone()).on_permission(handler);
        let session = session.start().await.unwrap();
        let id = session.id().clone();
        let call = fake.cli.call_tool(&id, "stubborn", json!({})).start();
        tokio::task::spawn_blocking(move || starts.recv().unwrap()).await.unwrap();
        end(how, &fake.client, session).await;
        let result = call.answer().await;
        assert_eq!(result["textResultForLlm"], "The call was cancelled: the session is closed.", "{how:?}");
        gate.open();
    }
}

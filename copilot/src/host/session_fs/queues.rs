//! Work that must keep its order: one job of a session at a time, those of different sessions concurrently.
//!
//! Knows nothing of files. Each session with work has a task, which the table owns and which ends with its last piece.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use futures_core::future::BoxFuture;

use crate::protocol::SessionId;
use crate::task::lock;
use crate::task::{self, Task};

/// How many jobs may wait, those of all sessions together. More are refused, because the connection's reader never
/// waits. The CLI waits for most answers before its next request, so only a file system that hangs comes near.
const MAX_WAITING: usize = 4096;

type Job = BoxFuture<'static, ()>;

/// The queues of all sessions; clones share them.
#[derive(Clone, Default)]
pub(super) struct Queues(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    queues: HashMap<SessionId, Queue>,
    waiting: usize,
}

struct Queue {
    jobs: VecDeque<Job>,
    _task: Task,
}

impl Queues {
    /// Runs a session's next job after those before it; returns the job when too many wait.
    pub(super) fn push(&self, session: &SessionId, job: Job) -> Result<(), Job> {
        let mut state = lock(&self.0);
        if state.waiting >= MAX_WAITING {
            return Err(job);
        }
        state.waiting += 1;
        match state.queues.get_mut(session) {
            Some(queue) => queue.jobs.push_back(job),
            None => {
                // The lock is held, so the task finds its queue.
                let task = task::spawn(work(Arc::downgrade(&self.0), session.clone()));
                state.queues.insert(session.clone(), Queue { jobs: VecDeque::from([job]), _task: task });
            }
        }
        Ok(())
    }
}

/// Runs one session's jobs until there are none. It does not keep the table alive, whose drop ends it.
async fn work(queues: Weak<Mutex<State>>, session: SessionId) {
    loop {
        let next = {
            let Some(queues) = queues.upgrade() else { return };
            let mut state = lock(&queues);
            let Some(queue) = state.queues.get_mut(&session) else { return };
            match queue.jobs.pop_front() {
                Some(job) => {
                    state.waiting -= 1;
                    Ok(job)
                }
                None => Err(state.queues.remove(&session)),
            }
        };
        match next {
            // Contained, as later work of the session waits for this task.
            Ok(job) => {
                if let Err(panic) = task::catch(job).await {
                    tracing::error!(panic, %session, "an operation of the session file system failed");
                }
            }
            // The end of this very task: later work starts another.
            Err(queue) => return drop(queue),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_session_keeps_its_order_and_does_not_delay_another() {
        let (queues, done) = (Queues::default(), Arc::new(Mutex::new(Vec::new())));
        let (go, gate) = oneshot::channel::<()>();
        let note = |what: &'static str| {
            let done = Arc::clone(&done);
            async move { done.lock().unwrap().push(what) }
        };
        let (one, other) = (SessionId::from("one"), SessionId::from("other"));
        let first = note("first");
        let blocked = Box::pin(async move {
            gate.await.unwrap();
            first.await;
        });
        assert!(queues.push(&one, blocked).is_ok());
        assert!(queues.push(&one, Box::pin(note("second"))).is_ok());
        let (sender, finished) = oneshot::channel();
        let elsewhere = note("elsewhere");
        let job = Box::pin(async move {
            elsewhere.await;
            sender.send(()).unwrap();
        });
        assert!(queues.push(&other, job).is_ok());
        finished.await.unwrap();
        let (sender, finished) = oneshot::channel();
        assert!(queues.push(&one, Box::pin(async move { sender.send(()).unwrap() })).is_ok());
        go.send(()).unwrap();
        finished.await.unwrap();
        assert_eq!(*done.lock().unwrap(), ["elsewhere", "first", "second"]);
    }

    #[tokio::test]
    async fn a_job_that_does_not_fit_is_returned_and_the_drop_ends_the_rest() {
        let queues = Queues::default();
        let (held, dropped) = oneshot::channel::<()>();
        let endless = Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        let session = SessionId::from("s");
        assert!(queues.push(&session, endless).is_ok());
        for _ in 1..MAX_WAITING {
            assert!(queues.push(&session, Box::pin(async {})).is_ok());
        }
        assert!(queues.push(&session, Box::pin(async {})).is_err());
        drop(queues);
        assert!(dropped.await.is_err());
    }
}

//! Work that must keep its order: of one session one piece at a time, of different sessions at once.
//!
//! Knows nothing of files. Each session with work has a task, which the table owns and which ends with its last piece.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use futures_core::future::BoxFuture;

use crate::protocol::SessionId;
use crate::task::lock;
use crate::task::{self, Task};

/// How many pieces may wait, those of all sessions together. What comes on top is refused: nobody waits on the reader.
/// The CLI waits for most answers before it asks again, so only a provider that hangs comes near.
const MAX_WAITING: usize = 4096;

type Job = BoxFuture<'static, ()>;

/// The lanes of all sessions; clones share them.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lanes: HashMap<SessionId, Lane>,
    waiting: usize,
}

struct Lane {
    jobs: VecDeque<Job>,
    _task: Task,
}

impl Lanes {
    /// Runs a session's next piece of work after those before it; gives it back when too much waits.
    pub(super) fn push(&self, session: &SessionId, job: Job) -> Result<(), Job> {
        let mut state = lock(&self.0);
        if state.waiting >= MAX_WAITING {
            return Err(job);
        }
        state.waiting += 1;
        match state.lanes.get_mut(session) {
            Some(lane) => lane.jobs.push_back(job),
            None => {
                // The lock is held, so the task finds its lane.
                let task = task::spawn(work(Arc::downgrade(&self.0), session.clone()));
                state.lanes.insert(session.clone(), Lane { jobs: VecDeque::from([job]), _task: task });
            }
        }
        Ok(())
    }
}

/// Does one session's work until there is none. It does not keep the table alive, whose drop ends it.
async fn work(lanes: Weak<Mutex<State>>, session: SessionId) {
    loop {
        let next = {
            let Some(lanes) = lanes.upgrade() else { return };
            let mut state = lock(&lanes);
            let Some(lane) = state.lanes.get_mut(&session) else { return };
            match lane.jobs.pop_front() {
                Some(job) => {
                    state.waiting -= 1;
                    Ok(job)
                }
                None => Err(state.lanes.remove(&session)),
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
            Err(lane) => return drop(lane),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_session_keeps_its_order_and_does_not_delay_another() {
        let (lanes, done) = (Lanes::default(), Arc::new(Mutex::new(Vec::new())));
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
        assert!(lanes.push(&one, blocked).is_ok());
        assert!(lanes.push(&one, Box::pin(note("second"))).is_ok());
        let (told, finished) = oneshot::channel();
        let elsewhere = note("elsewhere");
        let job = Box::pin(async move {
            elsewhere.await;
            told.send(()).unwrap();
        });
        assert!(lanes.push(&other, job).is_ok());
        finished.await.unwrap();
        let (told, finished) = oneshot::channel();
        assert!(lanes.push(&one, Box::pin(async move { told.send(()).unwrap() })).is_ok());
        go.send(()).unwrap();
        finished.await.unwrap();
        assert_eq!(*done.lock().unwrap(), ["elsewhere", "first", "second"]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_given_back_and_the_drop_ends_the_rest() {
        let lanes = Lanes::default();
        let (held, dropped) = oneshot::channel::<()>();
        let endless = Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        let session = SessionId::from("s");
        assert!(lanes.push(&session, endless).is_ok());
        for _ in 1..MAX_WAITING {
            assert!(lanes.push(&session, Box::pin(async {})).is_ok());
        }
        assert!(lanes.push(&session, Box::pin(async {})).is_err());
        drop(lanes);
        assert!(dropped.await.is_err());
    }
}

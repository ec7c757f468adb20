//! One turn at a time, on CLIs whose events do not name their message (before 1.0.92).
//!
//! There the next message that reaches the agent is taken for the turn's own, so a turn holds the right to send until it
//! has ended. A turn that is abandoned holds it until its message has reached the agent or cannot reach it any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};
use tokio::time::{Instant, timeout};

use crate::events::{EventName, EventStream, Subscribers};
use crate::session::link::{TurnGate, TurnPass, Watch};
use crate::task::lock;
use crate::task::{self, Task};

/// Lets one turn of a session pass at a time.
#[derive(Debug, Default)]
pub(super) struct OneByOne {
    lock: Arc<AsyncMutex<()>>,
    holder: Mutex<Option<Holder>>,
}

/// The turn that holds the lock.
#[derive(Debug)]
struct Holder {
    /// Since when it is abandoned.
    abandoned: Arc<Mutex<Option<Instant>>>,
    /// Holds the lock until the turn ends, or until its message can no longer be confused with the next one.
    task: Task,
}

impl OneByOne {
    fn hold(&self, guard: OwnedMutexGuard<()>) -> Box<dyn TurnPass> {
        let (sender, receiver) = oneshot::channel();
        let abandoned = Arc::new(Mutex::new(None));
        let task = task::spawn(async move {
            if let Ok((events, watch)) = receiver.await {
                settle(events, watch).await;
            }
            drop(guard);
        });
        *lock(&self.holder) = Some(Holder { abandoned: Arc::clone(&abandoned), task });
        Box::new(Pass { sender, abandoned })
    }

    /// Releases the lock of a turn that has been abandoned for as long as `patience`: a CLI that has done nothing with a
    /// message for so long does not begin with it any more.
    fn expire(&self, patience: Duration) {
        if let Some(holder) = &*lock(&self.holder)
            && lock(&holder.abandoned).is_some_and(|since| since.elapsed() >= patience)
        {
            holder.task.abort();
        }
    }
}

impl TurnGate for OneByOne {
    fn pass<'a>(
        &'a self,
        subscribers: &'a Subscribers,
        idle_timeout: Option<Duration>,
    ) -> BoxFuture<'a, Box<dyn TurnPass>> {
        Box::pin(async move {
            let mut locked = Box::pin(Arc::clone(&self.lock).lock_owned());
            // Half of the limit, so that the other half is left for this message.
            let Some(patience) = idle_timeout.map(|limit| limit / 2) else { return self.hold(locked.await) };
            loop {
                match timeout(patience, &mut locked).await {
                    Ok(guard) => return self.hold(guard),
                    Err(_) if subscribers.last().is_none_or(|(_, at)| at.elapsed() >= patience) => {
                        self.expire(patience);
                    }
                    Err(_) => {}
                }
            }
        })
    }
}

/// The right of one turn. Its drop ends the task that holds the lock.
struct Pass {
    sender: oneshot::Sender<(EventStream, Watch)>,
    abandoned: Arc<Mutex<Option<Instant>>>,
}

impl TurnPass for Pass {
    fn abandon(self: Box<Self>, events: EventStream, watch: Watch) {
        *lock(&self.abandoned) = Some(Instant::now());
        // Where the task has ended, so has the session.
        drop(self.sender.send((events, watch)));
    }
}

/// Waits until a message has reached the agent or cannot reach it any more.
async fn settle(mut events: EventStream, mut watch: Watch) {
    while !watch(None) {
        match events.next().await {
            Some(event) if event.event_name() != EventName::Disconnected && !watch(Some(&event)) => {}
            _ => return,
        }
    }
}

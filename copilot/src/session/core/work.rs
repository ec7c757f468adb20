//! Work that answers the CLI, each in a task that the table of work in flight owns.

use std::ops::Deref;
use std::sync::Arc;

use super::in_flight::{Cause, Work};
use super::state::SessionCore;
use crate::task;
use crate::tools::CancellationToken;

/// The entry of running work in the table of work in flight; its drop removes it from the table.
pub(crate) struct Entry {
    core: Arc<SessionCore>,
    id: Arc<str>,
    number: u64,
}

impl Deref for Entry {
    type Target = Arc<SessionCore>;

    fn deref(&self) -> &Arc<SessionCore> {
        &self.core
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.core.calls.finish(&self.id, self.number);
    }
}

impl SessionCore {
    /// Starts the work that answers a request, unless the table of work in flight does not admit it: then nothing runs.
    ///
    /// The work owns its entry in that table, so the entry ends with the work in any case.
    pub(in crate::session) fn run<F>(
        self: &Arc<Self>,
        cause: Cause,
        work: Work,
        cancel: CancellationToken,
        future: impl FnOnce(Entry) -> F,
    ) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = Arc::clone(cause.id());
        let Some(number) = self.calls.admit(cause, work, cancel) else { return false };
        let entry = Entry { core: Arc::clone(self), id: Arc::clone(&id), number };
        self.calls.own(&id, number, task::spawn(future(entry)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Peer;
    use crate::session::core::{Settings, ToolPolicy};
    use crate::tools::ToolSet;

    #[tokio::test]
    async fn no_entry_of_running_work_outlives_its_task() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let (tools, states) = (ToolSet::default(), Arc::default());
        let (topics, settings) = (&crate::api::TOPICS, Settings::default());
        let core = SessionCore::new("s".into(), peer, topics, settings, tools, states, ToolPolicy::default());
        let run = |id: &str, panics: bool| {
            let (cause, work) = (Cause::Event(id.into()), Work::Request("q".to_owned()));
            core.run(cause, work, CancellationToken::default(), |entry| async move {
                let _entry = entry;
                assert!(!panics, "the work panics");
                std::future::pending::<()>().await;
            })
        };
        assert!(run("panics", true));
        assert!(run("pending", false));
        tokio::task::yield_now().await;
        assert_eq!(core.calls.describe(), ["q (pending)"]);
        let weak = Arc::downgrade(&core);
        core.calls.abort();
        assert!(core.calls.describe().is_empty());
        tokio::task::yield_now().await;
        // The task of aborted work has ended and has dropped its values.
        assert_eq!(weak.strong_count(), 1);
    }
}

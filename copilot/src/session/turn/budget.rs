//! The budget of a turn, and what the turn has used of it.

use std::sync::Arc;

use super::tracker::TurnTracker;
use super::usage::Usage;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventName};
use crate::protocol::MessageId;
use crate::protocol::ai_units::AiUnits;
use crate::session::core::SessionCore;
use crate::session::handle::Session;
use crate::task::{self, DropGuard, Task};

/// The limits of the tokens, the cost and the tool calls of a turn.
///
/// They are checked each time the agent is about to continue: before a request to the model, and before the tool calls
/// that the model has requested. When a limit is reached, the agent is [aborted](crate::Session::abort), and the turn ends
/// with an error of kind [`Budget`](ErrorKind::Budget); the last message of the agent is in [`Error::partial_reply`]. So
/// the last request to the model may exceed the budget, and an answer that has arrived is never lost.
///
/// Requests and tool calls of sub-agents count.
///
/// # Examples
///
/// ```no_run
/// use copilot::ErrorKind;
/// use copilot::session::Budget;
///
/// # async fn example(session: copilot::Session) -> copilot::Result<()> {
/// let budget = Budget::new().tokens(50_000).tool_calls(10);
/// match session.ask("Find the oldest issue.").budget(budget).await {
///     Ok(reply) => println!("{reply}\n{} tokens", reply.usage().tokens()),
///     Err(error) if error.kind() == ErrorKind::Budget => println!("too expensive: {error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use = "a budget has no effect until it is set"]
pub struct Budget {
    tokens: Option<u64>,
    requests: Option<u64>,
    cost: Option<f64>,
    ai_units: Option<AiUnits>,
    tool_calls: Option<u64>,
}

impl Budget {
    /// Creates a budget without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of tokens, those sent and those received; see [`Usage::tokens`].
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Sets the number of requests to models.
    pub fn requests(mut self, requests: u64) -> Self {
        self.requests = Some(requests);
        self
    }

    /// Sets the cost, in premium requests; see [`Usage::cost`].
    pub fn cost(mut self, premium_requests: f64) -> Self {
        self.cost = Some(premium_requests);
        self
    }

    /// Sets the cost in AI units, for plans that count them; see [`Usage::ai_units`].
    pub fn ai_units(mut self, units: AiUnits) -> Self {
        self.ai_units = Some(units);
        self
    }

    /// Sets the number of tool calls, those of the CLI's own tools included. A call of the program's tools that exceeds
    /// it is not run; one of the CLI's own tools may have begun when the turn is aborted.
    pub fn tool_calls(mut self, calls: u64) -> Self {
        self.tool_calls = Some(calls);
        self
    }

    /// Returns the limit that does not allow a further request to a model.
    fn used_up(&self, usage: &Usage) -> Option<String> {
        let tokens = self.tokens.filter(|limit| usage.tokens() >= *limit);
        let requests = self.requests.filter(|limit| usage.requests >= *limit);
        let cost = self.cost.filter(|limit| usage.cost >= *limit);
        let units = self.ai_units.filter(|limit| usage.ai_units >= *limit);
        if let Some(limit) = tokens {
            return Some(format!("{} tokens of `Budget::tokens({limit})`", usage.tokens()));
        }
        if let Some(limit) = requests {
            return Some(format!("{} requests to models of `Budget::requests({limit})`", usage.requests));
        }
        if let Some(limit) = cost {
            return Some(format!("{} premium requests of `Budget::cost({limit})`", usage.cost));
        }
        units.map(|limit| {
            format!("{} AI units of `Budget::ai_units`, which is {}", usage.ai_units.units(), limit.units())
        })
    }
}

/// Limits the calls of the program's tools while it lives.
type CallLimit = DropGuard<(Arc<SessionCore>, MessageId)>;

/// The part of its budget that a turn has used.
pub(super) struct Spending {
    budget: Budget,
    /// The number of tool calls that the model has requested.
    tool_calls: u64,
    limit: Option<CallLimit>,
    has_begun: bool,
    exceeded: Option<Error>,
    /// Aborts the agent.
    abort: Option<Task>,
}

impl Spending {
    pub(super) fn new(budget: Budget, session: &Session, tracker: &TurnTracker) -> Self {
        let limit = budget.tool_calls.map(|calls| {
            let (core, message) = (Arc::clone(&session.0.core), tracker.message().clone());
            core.call_budgets.begin_turn(message.clone(), calls, !tracker.is_behind());
            let end: fn((Arc<SessionCore>, MessageId)) =
                |(core, message)| core.call_budgets.end_turn(&message);
            DropGuard::new((core, message), end)
        });
        Self { budget, tool_calls: 0, limit, has_begun: false, exceeded: None, abort: None }
    }

    /// Applies an event that the tracker has observed. Aborts the agent if it continues beyond the budget.
    pub(super) fn observe(&mut self, event: &Event, tracker: &TurnTracker, session: &Session) {
        // Work that may be for another message is not counted.
        if !tracker.has_begun() || tracker.is_undecided() || self.exceeded.is_some() {
            return;
        }
        if !self.has_begun {
            self.has_begun = true;
            if let Some(limit) = &self.limit {
                let (core, message) = &**limit;
                core.call_budgets.begun(message);
            }
        }
        let requested = match event.event_name() {
            EventName::AssistantTurnStart => 0,
            EventName::AssistantMessage => match event.assistant_message() {
                Some(Ok(message)) => message.tool_requests.len() as u64,
                _ => 0,
            },
            _ => return,
        };
        let continues = requested > 0 || event.event_name() == EventName::AssistantTurnStart;
        self.tool_calls += requested;
        let used = match self.budget.tool_calls.filter(|limit| self.tool_calls > *limit) {
            Some(limit) => {
                let asked = self.tool_calls;
                Some(format!(
                    "asks for {asked} tool calls, of which `Budget::tool_calls({limit})` allows {limit}"
                ))
            }
            None => {
                let used = self.budget.used_up(&tracker.usage).filter(|_| continues);
                used.map(|used| format!("has come to {used}"))
            }
        };
        if let Some(used) = used {
            self.stop(&used, session.clone());
        }
    }

    fn stop(&mut self, used: &str, session: Session) {
        let message = format!(
            "the turn needs more than its budget and was aborted: it {used}; raise the limit, or give the \
             agent a smaller task"
        );
        self.exceeded = Some(Error::new(ErrorKind::Budget, message));
        self.abort = Some(task::spawn(async move {
            if let Err(error) = session.abort().await {
                tracing::error!(%error, session = %session.id(), "cannot abort a turn that exceeds its budget");
            }
        }));
    }

    /// Ends the turn; returns the error if it has exceeded the budget.
    pub(super) fn end(&mut self) -> Option<Error> {
        self.limit = None;
        self.exceeded.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_allows_no_further_request_when_it_is_reached() {
        let usage = Usage {
            requests: 3,
            input_tokens: 900,
            output_tokens: 100,
            cost: 1.5,
            ai_units: AiUnits::from_nano(2e9),
            ..Usage::default()
        };
        let budget = Budget::new;
        for (budget, used) in [
            (budget().tokens(1000), "1000 tokens of `Budget::tokens(1000)`"),
            (budget().requests(3), "3 requests to models of `Budget::requests(3)`"),
            (budget().cost(1.5), "1.5 premium requests of `Budget::cost(1.5)`"),
            (budget().ai_units(AiUnits::from_nano(2e9)), "2 AI units of `Budget::ai_units`, which is 2"),
        ] {
            assert_eq!(budget.used_up(&usage).as_deref(), Some(used));
        }
        let wide =
            budget().tokens(1001).requests(4).cost(1.6).ai_units(AiUnits::from_nano(2e9 + 1.0)).tool_calls(0);
        assert_eq!(wide.used_up(&usage), None);
    }
}

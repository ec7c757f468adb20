//! How often the agent may call the tools of the program in a turn. Pure.

use std::sync::Mutex;

use crate::protocol::MessageId;
use crate::task::lock;
use crate::tools::{ResultType, Tool, ToolResult};

/// The budgets of calls in one session. Absent until there is one: most sessions need none.
#[derive(Debug, Default)]
pub(in crate::session) struct CallBudgets(Mutex<Option<Box<Table>>>);

#[derive(Debug, Default)]
struct Table {
    /// The turns with a budget.
    turns: Vec<TurnBudget>,
    /// The message that the agent works on, as far as it matters here.
    current: Option<MessageId>,
    /// The number of calls that have run in this turn, by the name of the tool.
    tools: Vec<(Box<str>, usize)>,
}

/// The budget of a turn.
#[derive(Debug)]
struct TurnBudget {
    message: MessageId,
    calls: u64,
    /// The number of calls that are left.
    left: u64,
    /// Whether it is known that the message has reached the agent.
    is_begun: bool,
}

/// A call that a budget admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Admitted {
    /// The budget of the tool, and the number of calls that are left of it; `None` without a budget.
    tool: Option<(usize, usize)>,
}

impl CallBudgets {
    /// Sets the number of calls that may run while the agent works on this message, until [`end_turn`](Self::end_turn).
    /// `is_next` if it works on it already, or next.
    pub(in crate::session) fn begin_turn(&self, message: MessageId, calls: u64, is_next: bool) {
        let mut table = lock(&self.0);
        let table = table.get_or_insert_default();
        if is_next {
            table.current = Some(message.clone());
        }
        let is_begun = table.current.as_ref() == Some(&message);
        table.turns.push(TurnBudget { message, calls, left: calls, is_begun });
    }

    /// Removes the budget of a turn.
    pub(in crate::session) fn end_turn(&self, message: &MessageId) {
        if let Some(table) = &mut *lock(&self.0) {
            table.turns.retain(|turn| turn.message != *message);
        }
    }

    /// A turn has seen its message reach the agent. Usually [`reached`](Self::reached) has said so; it does not where the
    /// budget was set later than that, or the id of the message was not known yet.
    pub(in crate::session) fn begun(&self, message: &MessageId) {
        let Some(table) = &mut *lock(&self.0) else { return };
        let position = |message: &MessageId| table.turns.iter().position(|turn| turn.message == *message);
        let (Some(at), current) = (position(message), table.current.as_ref().and_then(position)) else {
            return;
        };
        let is_begun = std::mem::replace(&mut table.turns[at].is_begun, true);
        // The turn may see it late, when a later one has begun.
        if !is_begun && current < Some(at) {
            table.current = Some(message.clone());
        }
    }

    /// Whether there may be a budget.
    pub(in crate::session) fn is_used(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// A message of the program has reached the agent, from the queue or while it was idle: another turn begins. `None`
    /// where the CLI does not say which message it is.
    pub(in crate::session) fn reached(&self, message: Option<MessageId>) {
        let Some(table) = &mut *lock(&self.0) else { return };
        match (message, &table.turns[..]) {
            (Some(message), _) => {
                if let Some(turn) = table.turns.iter_mut().find(|turn| turn.message == message) {
                    turn.is_begun = true;
                }
                table.current = Some(message);
                table.tools.clear();
            }
            (None, [only]) => table.current = Some(only.message.clone()),
            (None, _) => {}
        }
    }

    /// Begins the budgets of all tools again: the agent is idle.
    pub(in crate::session) fn reset_tools(&self) {
        if let Some(table) = &mut *lock(&self.0) {
            table.tools.clear();
        }
    }

    /// Counts a call of this tool. The error is its result when a budget is used up.
    pub(in crate::session) fn admit(&self, tool: &Tool) -> Result<Admitted, ToolResult> {
        let (name, budget) = (tool.name(), tool.def().budget);
        let mut table = lock(&self.0);
        if budget.is_none() && table.is_none() {
            return Ok(Admitted { tool: None });
        }
        let Table { turns, current, tools } = &mut **table.get_or_insert_default();
        let turn = turns.iter_mut().find(|turn| Some(&turn.message) == current.as_ref());
        if let Some(TurnBudget { calls, left: 0, .. }) = turn {
            return Err(ToolResult::failure(format!(
                "`{name}` was not run: the turn may have at most {calls} tool calls, and has had them. Answer with what \
                 you have."
            )));
        }
        let tool = match budget {
            None => None,
            Some(budget) => {
                let at = tools.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
                    tools.push((name.into(), 0));
                    tools.len() - 1
                });
                let used = &mut tools[at].1;
                if *used >= budget {
                    return Err(ToolResult::failure(format!(
                        "`{name}` was not run: it may be called at most {} a turn, and was. Answer with what you have.",
                        times(budget)
                    )));
                }
                *used += 1;
                Some((budget, budget - *used))
            }
        };
        if let Some(turn) = turn {
            turn.left -= 1;
        }
        Ok(Admitted { tool })
    }
}

impl Admitted {
    /// Adds the number of calls that are left to the text that the model reads.
    pub(in crate::session) fn inform(self, result: ToolResult, name: &str) -> ToolResult {
        match self.tool {
            None => result,
            // The model reads no text of these.
            Some(_) if matches!(result.result_type(), ResultType::Deferred | ResultType::Rejected) => result,
            Some((budget, 0)) => result.content(format!(
                "[This was the last call of `{name}` in this turn, which may have {budget}.]"
            )),
            Some((budget, left)) => {
                result.content(format!("[Calls of `{name}` that are left in this turn: {left} of {budget}.]"))
            }
        }
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Look something up.
    #[crate::tool(budget = 2)]
    fn look_up() {}

    /// Look something up elsewhere.
    #[crate::tool]
    fn look_elsewhere() {}

    fn text(result: Result<Admitted, ToolResult>) -> String {
        match result {
            Ok(admitted) => admitted.inform(ToolResult::success("Found."), "look_up").text().to_owned(),
            Err(refused) => {
                assert!(!refused.is_success());
                refused.text().to_owned()
            }
        }
    }

    #[test]
    fn the_model_reads_how_many_calls_are_left() {
        let budgets = CallBudgets::default();
        for _ in 0..2 {
            let calls = [(); 3].map(|()| text(budgets.admit(&look_up::TOOL)));
            assert_eq!(
                calls,
                [
                    "Found.\n[Calls of `look_up` that are left in this turn: 1 of 2.]",
                    "Found.\n[This was the last call of `look_up` in this turn, which may have 2.]",
                    "`look_up` was not run: it may be called at most twice a turn, and was. Answer with what you have.",
                ]
            );
            assert_eq!(text(budgets.admit(&look_elsewhere::TOOL)), "Found.");
            budgets.reset_tools();
        }
    }

    #[test]
    fn the_budget_of_a_turn_counts_the_calls_of_all_tools() {
        let budgets = CallBudgets::default();
        budgets.begin_turn("m".into(), 2, true);
        assert!(budgets.admit(&look_elsewhere::TOOL).is_ok() && budgets.admit(&look_up::TOOL).is_ok());
        let refused = text(budgets.admit(&look_up::TOOL));
        assert!(
            refused.starts_with("`look_up` was not run: the turn may have at most 2 tool calls"),
            "{refused}"
        );
        budgets.end_turn(&"m".into());
        // The refused call is not counted for its tool.
        assert!(budgets.admit(&look_elsewhere::TOOL).is_ok() && budgets.admit(&look_up::TOOL).is_ok());
    }

    #[test]
    fn the_budget_of_a_turn_counts_the_calls_of_that_turn() {
        let budgets = CallBudgets::default();
        let admits = || budgets.admit(&look_elsewhere::TOOL).is_ok();
        budgets.begin_turn("m".into(), 1, true);
        budgets.begin_turn("n".into(), 2, false);
        assert!(admits() && !admits());
        // The agent begins with the next message before the turn of the first one is dropped.
        budgets.reached(Some("n".into()));
        assert!(admits());
        budgets.end_turn(&"m".into());
        assert!(admits() && !admits());
        budgets.end_turn(&"n".into());
        assert!(admits());
    }

    #[test]
    fn a_turn_whose_message_was_not_noticed_begins_when_it_sees_it() {
        let budgets = CallBudgets::default();
        let admits = || budgets.admit(&look_elsewhere::TOOL).is_ok();
        for message in ["m", "n", "o"] {
            budgets.begin_turn(message.into(), 1, false);
        }
        assert!(admits() && admits());
        budgets.begun(&"n".into());
        assert!(admits() && !admits());
        // An earlier turn that sees its message late changes nothing.
        budgets.begun(&"m".into());
        assert!(!admits());
        budgets.begun(&"o".into());
        assert!(admits() && !admits());
        // Nor does one whose message was noticed, after a message without a budget.
        budgets.reached(Some("without".into()));
        budgets.begun(&"o".into());
        assert!(admits());
    }

    #[test]
    fn a_message_without_an_id_is_that_of_the_only_turn() {
        let budgets = CallBudgets::default();
        budgets.begin_turn("m".into(), 0, false);
        assert!(budgets.admit(&look_elsewhere::TOOL).is_ok());
        budgets.reached(None);
        assert!(budgets.admit(&look_elsewhere::TOOL).is_err());
    }

    #[test]
    fn the_budget_of_a_tool_begins_again_with_the_next_message() {
        let budgets = CallBudgets::default();
        let admits = || budgets.admit(&look_up::TOOL).is_ok();
        assert!(admits() && admits() && !admits());
        budgets.reached(Some("n".into()));
        assert!(admits() && admits() && !admits());
        // A hook that makes the agent continue does not begin a turn, nor does an old CLI say whether one begins.
        budgets.reached(None);
        assert!(!admits());
    }

    #[test]
    fn a_session_without_budgets_has_no_table() {
        let budgets = CallBudgets::default();
        assert_eq!(budgets.admit(&look_elsewhere::TOOL).unwrap(), Admitted { tool: None });
        budgets.reset_tools();
        budgets.end_turn(&"m".into());
        budgets.reached(Some("m".into()));
        assert!(lock(&budgets.0).is_none());
    }
}

//! How often the agent may call the tools of the program in a turn. Pure.

use std::sync::Mutex;

use crate::task::lock;
use crate::tools::{ResultType, Tool, ToolResult};

/// The budgets of calls in one session. Absent until there is one: most sessions need none.
#[derive(Debug, Default)]
pub(in crate::session) struct CallBudgets(Mutex<Option<Box<Table>>>);

#[derive(Debug, Default)]
struct Table {
    /// The budget of the turn, and the number of calls that are left of it.
    turn: Option<(u64, u64)>,
    /// The number of calls that have run in this turn, by the name of the tool.
    tools: Vec<(Box<str>, usize)>,
}

/// A call that a budget admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Admitted {
    /// The budget of the tool, and the number of calls that are left of it; `None` without a budget.
    tool: Option<(usize, usize)>,
}

impl CallBudgets {
    /// Sets the number of calls that may run until [`end_turn`](Self::end_turn).
    pub(in crate::session) fn begin_turn(&self, calls: u64) {
        lock(&self.0).get_or_insert_default().turn = Some((calls, calls));
    }

    /// Removes the budget of the turn.
    pub(in crate::session) fn end_turn(&self) {
        if let Some(table) = &mut *lock(&self.0) {
            table.turn = None;
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
        let turn = table.as_ref().and_then(|table| table.turn);
        if budget.is_none() && turn.is_none() {
            return Ok(Admitted { tool: None });
        }
        let Table { turn, tools } = &mut **table.get_or_insert_default();
        if let Some((calls, 0)) = turn {
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
        if let Some((_, left)) = turn {
            *left -= 1;
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
        budgets.begin_turn(2);
        assert!(budgets.admit(&look_elsewhere::TOOL).is_ok() && budgets.admit(&look_up::TOOL).is_ok());
        let refused = text(budgets.admit(&look_up::TOOL));
        assert!(
            refused.starts_with("`look_up` was not run: the turn may have at most 2 tool calls"),
            "{refused}"
        );
        budgets.end_turn();
        // The refused call is not counted for its tool.
        assert!(budgets.admit(&look_elsewhere::TOOL).is_ok() && budgets.admit(&look_up::TOOL).is_ok());
    }

    #[test]
    fn a_session_without_budgets_has_no_table() {
        let budgets = CallBudgets::default();
        assert_eq!(budgets.admit(&look_elsewhere::TOOL).unwrap(), Admitted { tool: None });
        budgets.reset_tools();
        budgets.end_turn();
        assert!(lock(&budgets.0).is_none());
    }
}

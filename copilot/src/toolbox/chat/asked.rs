//! The questions of the agent and of tools to the person, from the handlers of the session to the loop of the turn, which
//! alone uses the terminal.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use crate::api::interaction::user_input::{UserInputRequest, UserInputResponse};
use crate::protocol::permissions::PermissionKind;
use crate::session::permissions::policy::{OwnTool, Permissions};
use crate::session::permissions::request::PermissionRequest;
use crate::session::{Decision, SessionBuilder};
use crate::toolbox::host;
use crate::toolbox::terminal::{self, BOLD, DIM, YELLOW, one_line, prompt, report, styled};
use crate::tools::Tool;

/// A question that waits for the person. A dropped sender is a refusal.
#[derive(Debug)]
pub(super) enum Question {
    Permission(Box<PermissionRequest>, oneshot::Sender<Decision>),
    Input(UserInputRequest, oneshot::Sender<String>),
}

/// The number of questions that wait; further ones wait in their handlers.
const WAITING: usize = 16;

/// The policy of the session, which is known when it is configured.
pub(super) type Policy = Arc<OnceLock<Permissions>>;

/// Sets the handlers of a session. Requests that the policy decides are not asked. `approves_all` is the option `--yes`.
pub(super) fn with_handlers(
    session: SessionBuilder,
    policy: &Policy,
    tools: &[Tool],
    approves_all: bool,
) -> (SessionBuilder, mpsc::Receiver<Question>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let (policy, tools) = (Arc::clone(policy), tools.to_vec());
    let permissions = sender.clone();
    let session = session.on_permission(move |request| {
        let (policy, sender) = (Arc::clone(&policy), permissions.clone());
        let is_decided = is_decided(&request, policy.get(), &tools);
        async move {
            if is_decided {
                return Decision::Default;
            }
            if approves_all && !request.requests_sandbox_bypass() {
                return Decision::Approve;
            }
            if !terminal::can_ask() {
                return Decision::Default;
            }
            let (reply, decision) = oneshot::channel();
            if sender.send(Question::Permission(Box::new(request), reply)).await.is_err() {
                return Decision::Default;
            }
            decision.await.unwrap_or(Decision::Default)
        }
    });
    let session = session.on_user_input(move |question| {
        let sender = sender.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            if sender.send(Question::Input(question, reply)).await.is_err() {
                return UserInputResponse::dismissed();
            }
            answer.await.map_or_else(|_| UserInputResponse::dismissed(), UserInputResponse::new)
        }
    });
    (session, receiver)
}

/// Returns whether the policy of the session grants the request, or denies it explicitly.
fn is_decided(request: &PermissionRequest, policy: Option<&Permissions>, tools: &[Tool]) -> bool {
    let Some(policy) = policy else { return true };
    let is_own = *request.kind() == PermissionKind::CustomTool;
    let tool = tools.iter().find(|tool| is_own && request.tool_name() == Some(tool.name()));
    let needs_approval =
        |tool: &Tool| crate::contain::run(|| tool.needs_approval(&request.arguments())).unwrap_or(true);
    let own = tool.map(|tool| OwnTool { needs_approval: needs_approval(tool) });
    policy.denies(request.kind()) || matches!(policy.decide(request, own), Decision::Approve)
}

impl Question {
    /// Whether the question was settled elsewhere, or its turn was stopped, before the person was asked.
    fn is_settled(&self) -> bool {
        match self {
            Self::Permission(_, reply) => reply.is_closed(),
            Self::Input(_, reply) => reply.is_closed(),
        }
    }
}

/// Asks the person, and answers. Returns whether the person has pressed Ctrl-C instead.
pub(super) async fn ask(question: Question) -> io::Result<bool> {
    match question {
        settled if settled.is_settled() => Ok(false),
        Question::Permission(request, reply) => {
            prompt(&described(&request))?;
            let key = terminal::key().await;
            let (decision, word) = match key {
                Some('y' | 'Y') if request.requests_sandbox_bypass() => {
                    (Decision::ApproveSandboxBypass, "yes")
                }
                Some('y' | 'Y') => (Decision::Approve, "yes"),
                Some('a' | 'A') if !request.requests_sandbox_bypass() => {
                    (request.approve_for_session(), "always")
                }
                _ => (Decision::reject("the person at the terminal declined"), "no"),
            };
            report(&format!("{word}\n"))?;
            // The request has ended meanwhile, as when the turn was stopped.
            let _ = reply.send(decision);
            Ok(key.is_none())
        }
        Question::Input(question, reply) => {
            match host::ask(&question.question, &question.choices).await {
                // As above.
                Ok(answer) => drop(reply.send(answer)),
                Err(error) => report(&format!("{}\n", styled(DIM, &error.to_string())))?,
            }
            Ok(false)
        }
    }
}

/// Returns the text of a request for a permission.
pub(in crate::toolbox) fn described(request: &PermissionRequest) -> String {
    let subject = [request.command(), request.path(), request.url(), request.tool_name()];
    let subject = subject.into_iter().flatten().next().unwrap_or_default();
    let mut text = match request.kind() {
        PermissionKind::CustomTool => styled(BOLD, &one_line(subject)),
        kind => format!("{} {}", styled(BOLD, &one_line(kind.as_str())), one_line(subject)),
    };
    text.insert_str(0, &format!("{} ", styled(YELLOW.bold(), "!")));
    let arguments = request.arguments();
    if request.command().is_none() && arguments.as_object().is_some_and(|arguments| !arguments.is_empty()) {
        text.push_str(&format!(" {}", one_line(&arguments.to_string())));
    }
    text.push('\n');
    if let Some(intention) = request.intention().filter(|intention| *intention != subject) {
        text.push_str(&styled(DIM, &format!("  {}\n", one_line(intention))));
    }
    let keys = if request.requests_sandbox_bypass() {
        let reason = request.sandbox_bypass_reason().unwrap_or_default();
        text.push_str(&styled(YELLOW, &format!("  It leaves the sandbox. {}\n", one_line(reason))));
        "Allow? [y]es, [n]o "
    } else {
        "Allow? [y]es, [n]o, [a]lways in this session "
    };
    text.push_str(keys);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    #[tokio::test]
    async fn a_question_that_is_settled_while_it_waits_is_not_asked() {
        let request = to_raw_value(&serde_json::json!({"kind": "shell", "fullCommandText": "ls"})).unwrap();
        let request = PermissionRequest::read(&"s".into(), &request).unwrap();
        // Without a terminal, a question that is asked counts as stopped.
        let (reply, decision) = oneshot::channel();
        drop(decision);
        assert!(!ask(Question::Permission(Box::new(request), reply)).await.unwrap());
        let (reply, answer) = oneshot::channel();
        drop(answer);
        assert!(!ask(Question::Input(UserInputRequest::default(), reply)).await.unwrap());
    }
}

//! The handler of one connection, or of one request over HTTP.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ServerConfig, SubscriptionFilter,
};
#[expect(deprecated, reason = "clients of older revisions set the level of log messages")]
use rmcp::model::{LoggingLevel, SetLevelRequestParams};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};

use super::call::call;
use super::core::Core;
use super::questions::unless_cancelled;
use crate::task::{self, Task, lock};

pub(super) struct Connection {
    core: Arc<Core>,
    /// The least important level of log messages that the client of an older revision reads, as a number.
    level: AtomicU8,
    /// Notifies the client of an older revision of changes of the tools.
    changes: Mutex<Option<Task>>,
}

impl Connection {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, level: AtomicU8::new(0), changes: Mutex::new(None) }
    }

    /// Returns whether the client reads log messages of the level `info`. Since the revision 2026-07-28 it requests them
    /// with each call.
    #[expect(deprecated, reason = "clients of older revisions, and those that request it, read log messages")]
    fn reads_logs(&self, context: &RequestContext<RoleServer>) -> bool {
        let least = match context.protocol_version() {
            Some(version) if version >= ProtocolVersion::V_2026_07_28 => match context.meta.log_level() {
                Some(level) => level as u8,
                None => return false,
            },
            _ => self.level.load(Ordering::Relaxed),
        };
        least <= LoggingLevel::Info as u8
    }
}

impl ServerHandler for Connection {
    fn get_info(&self) -> ServerConfig {
        self.core.info.clone()
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = self.core.listed();
        // The cursor is the last name of the page before, so that it means the same on every replica and after a change.
        let after = request.and_then(|request| request.cursor);
        let start = after.map_or(0, |after| listed.definitions.partition_point(|tool| *tool.name <= *after));
        let rest = &listed.definitions[start..];
        let page = &rest[..rest.len().min(self.core.policy.page)];
        let mut result = ListToolsResult::with_all_items(page.to_vec());
        if page.len() < rest.len() {
            result.next_cursor = page.last().map(|tool| tool.name.to_string());
        }
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let logs = self.reads_logs(&context);
        call(&self.core, request, context, logs).await
    }

    /// `rmcp` compares the headers of a request with the schema of its tool.
    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        self.core.listed().definition(name).cloned()
    }

    #[expect(deprecated, reason = "clients of older revisions set the level")]
    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.level.store(request.level as u8, Ordering::Relaxed);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut changes = self.core.changes();
        let notify = async move {
            while changes.changed().await.is_ok() {
                if let Err(error) = context.peer.notify_tool_list_changed().await {
                    tracing::debug!(%error, "an MCP client was not notified of a change of the tools");
                    return;
                }
            }
        };
        *lock(&self.changes) = Some(task::spawn(notify));
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.core.changes();
        let notify = async {
            while changes.changed().await.is_ok() {
                if let Err(error) = context.sink().notify_tool_list_changed().await {
                    tracing::debug!(%error, "an MCP client was not notified of a change of the tools");
                }
            }
        };
        let changes = first_of(notify, self.core.closing.cancelled());
        unless_cancelled(context.request_context(), changes).await;
        Ok(())
    }
}

/// Waits until one of the futures ends.
async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}

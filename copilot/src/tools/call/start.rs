//! The ways to start a function; the expansion of a tool calls one of them.

use std::future::Future;

use crate::contain::{self, UserValue};
use crate::tools::def::Started;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;

/// The return value of a function, converted.
type Returned = Result<ToolResult, ToolError>;

/// Starts an asynchronous tool. The compiler shows the bound and its comment for a future that is not `Send`.
pub fn run<F>(future: F) -> Option<Started>
where
    F: Future<Output = Returned> + Send + 'static, // or `#[copilot::tool(local)]`, for a future that is not `Send`
{
    Some(Box::pin(future))
}

/// Starts a synchronous tool that runs on the async thread.
pub fn inline<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Box::pin(async move { function() }))
}

/// Starts a synchronous tool on the pool for blocking work.
pub fn blocking<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Box::pin(on_blocking_pool(function)))
}

/// Starts an asynchronous tool whose future stays on one thread.
pub fn local<F, Fut>(function: F) -> Option<Started>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<ToolResult, ToolError>>,
{
    blocking(move || tokio::runtime::Handle::current().block_on(function()))
}

/// Runs a function on the pool for blocking work. A panic is a hidden error.
pub(super) async fn on_blocking_pool<F, T>(function: F) -> Result<T, ToolError>
where
    F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    T: Send + 'static,
{
    let function = UserValue::new(function);
    match tokio::task::spawn_blocking(move || contain::run(function.into_inner())).await {
        Ok(Ok(returned)) => returned,
        Ok(Err(panic)) => Err(panicked(&panic)),
        Err(error) => Err(ToolError::hidden(error)),
    }
}

/// Returns the error of a tool that panicked with this message.
pub(super) fn panicked(message: &str) -> ToolError {
    ToolError::hidden(format!("panicked: {message}"))
}

//! The ways to start a function; the expansion of a tool calls one of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, LocalSet};

use crate::contain::{self, UserValue};
use crate::tools::def::Started;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;
use crate::tools::serial::Place;

/// The return value of a function, converted.
type Returned = Result<ToolResult, ToolError>;

/// Starts an asynchronous tool. The compiler shows the bound and its comment for a future that is not `Send`.
pub fn run<F>(future: F) -> Option<Started>
where
    F: Future<Output = Returned> + Send + 'static, // or `#[copilot::tool(local)]`, for a future that is not `Send`
{
    Some(Started::Future(Box::pin(future)))
}

/// Starts a synchronous tool that runs on the async thread.
pub fn inline<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Started::Future(Box::pin(async move { function() })))
}

/// Starts a synchronous tool on the pool for blocking work.
pub fn blocking<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Started::Blocking(Box::new(function)))
}

/// Starts an asynchronous tool whose future stays on one thread, where it may call `spawn_local`.
pub fn local<F, Fut>(function: F) -> Option<Started>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<ToolResult, ToolError>>,
{
    blocking(move || {
        let tasks = LocalSet::new();
        Handle::current().block_on(tasks.run_until(function()))
    })
}

/// A function that runs on the pool for blocking work. A panic is a hidden error. The drop does not stop the function.
pub(super) struct Blocking<T>(JoinHandle<Result<Result<T, ToolError>, String>>);

/// The permit and the place in a queue of a tool that runs.
pub(super) type Held = (Option<OwnedSemaphorePermit>, Option<Arc<Place>>);

/// Runs a function on the pool for blocking work. `held` is dropped when the function has ended.
pub(super) fn on_blocking_pool<F, T>(function: F, held: Held) -> Blocking<T>
where
    F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    T: Send + 'static,
{
    let function = UserValue::new(function);
    Blocking(tokio::task::spawn_blocking(move || {
        let _held = held;
        contain::run(function.into_inner())
    }))
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, ToolError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(Ok(returned)) => returned,
            Ok(Err(panic)) => Err(panicked(&panic)),
            Err(error) => Err(ToolError::hidden(error)),
        })
    }
}

/// Returns the error of a tool that panicked with this message.
pub(super) fn panicked(message: &str) -> ToolError {
    ToolError::hidden(format!("panicked: {message}"))
}

//! The time that a tool call waits, as a field of its span.

use tokio::time::Instant;
use tracing::Span;

/// A wait of the call whose span is the current one. It ends with its drop.
#[derive(Debug)]
pub(crate) struct Wait(Option<(Span, Instant)>);

impl Wait {
    /// Begins to wait for the call's turn and for a permit.
    pub(crate) fn begin() -> Self {
        let span = Span::current();
        Self((!span.is_disabled()).then(|| (span, Instant::now())))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some((span, since)) = &self.0 {
            span.record("copilot.tool.permit_wait", since.elapsed().as_secs_f64());
        }
    }
}

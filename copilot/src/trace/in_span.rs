//! A future inside of a span.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

pin_project! {
    /// Polls and drops a future inside of a span. Smaller than that of `tracing`: a future without a span has only a pointer
    /// more.
    pub(crate) struct InSpan<F> {
        span: Option<Box<Span>>,
        // `None` after the drop of the future.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.span.as_deref().map(Span::enter);
            this.future.set(None);
        }
    }
}

impl<F: Future> InSpan<F> {
    /// Without an enabled span, the future runs in the span of its caller.
    pub(crate) fn new(span: Span, future: F) -> Self {
        Self { span: (!span.is_disabled()).then(|| Box::new(span)), future: Some(future) }
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.as_deref().map(Span::enter);
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => unreachable!("the future is dropped with its owner"),
        }
    }
}

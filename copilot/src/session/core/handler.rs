//! Handlers of the program, and what they may return.
//!
//! Knows neither the questions nor how an answer reaches the CLI.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::contain::UserValue;

/// Why a handler gave no answer.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a handler may return where an answer `T` is wanted: a `T`, or a `Result` of it.
///
/// An error is logged, published as [`EventKind::HandlerFailed`](crate::EventKind::HandlerFailed), and the CLI gets
/// the safe answer; the same is done with a panic.
#[diagnostic::on_unimplemented(
    message = "this handler must return `{T}` or `Result<{T}, E>`, not `{Self}`",
    note = "`E` may be any error, or a `String` or `&str`"
)]
pub trait IntoAnswer<T>: sealed::Sealed<T> {
    #[doc(hidden)]
    fn into_answer(self) -> Result<T, BoxError>;
}

impl<T> IntoAnswer<T> for T {
    fn into_answer(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

impl<T, E: Into<BoxError>> IntoAnswer<T> for Result<T, E> {
    fn into_answer(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

pub(crate) mod sealed {
    pub trait Sealed<T> {}
    impl<T> Sealed<T> for T {}
    impl<T, E> Sealed<T> for Result<T, E> {}
}

/// A closure of the program that answers a question `Q` with an `A`.
pub(crate) struct Handler<Q, A>(Arc<Answering<Q, A>>);

type Answering<Q, A> = dyn Fn(Q) -> BoxFuture<'static, Result<A, BoxError>> + Send + Sync;

impl<Q, A> Handler<Q, A> {
    pub(crate) fn new<F, R>(handler: impl Fn(Q) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<A>,
    {
        let handler = UserValue::new(handler);
        Self(Arc::new(move |question| {
            let answer = handler(question);
            Box::pin(async move { answer.await.into_answer() })
        }))
    }

    /// Asks the handler. All that the program has written runs while the future is polled.
    pub(crate) async fn ask(self, question: Q) -> Result<A, BoxError> {
        (self.0)(question).await
    }
}

impl<Q, A> Clone for Handler<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, A> fmt::Debug for Handler<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handler_returns_the_answer_or_a_result_of_it() {
        let plain: Handler<u8, String> = Handler::new(|n: u8| async move { n.to_string() });
        assert_eq!(plain.ask(7).await.unwrap(), "7");
        let failing: Handler<u8, String> = Handler::new(|_| async { Err::<String, _>("no seven") });
        assert_eq!(failing.ask(7).await.unwrap_err().to_string(), "no seven");
    }
}

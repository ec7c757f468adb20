//! Containment of the program's code and values: no panic of theirs leaves this file.
//!
//! All code of the program runs through [`run`] or [`catch`], all text of its values through [`text`] and [`debug`], and
//! a value that outlives such a call is kept in a [`UserValue`]. A panic becomes its message. The payload of a panic is
//! a value of the program too: its drop may panic, with a payload whose drop panics.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem::{forget, needs_drop};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// How many payloads are dropped, each of the panic that dropping the one before has caused. The next one is leaked.
const PAYLOADS: usize = 8;

/// Runs code of the program; a panic becomes its message.
pub(crate) fn run<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    let (mut code, mut output) = (Some(code), None);
    run_any(&mut || output = code.take().map(|code| code()))?;
    Ok(output.expect("code that has not panicked has returned"))
}

/// Runs code of any type, so that the code around it is compiled once.
fn run_any(code: &mut dyn FnMut()) -> Result<(), String> {
    // The code is not run again, so it cannot observe what its panic left half done.
    catch_unwind(AssertUnwindSafe(code)).map_err(message_of)
}

/// Drops the payload of a panic, and returns its message.
#[cold]
fn message_of(payload: Box<dyn Any + Send>) -> String {
    let message = panic_message(&*payload);
    bury(payload);
    message
}

/// Runs a future of the program; a panic becomes its message. The future is dropped as soon as it has ended, and its
/// drop cannot panic.
pub(crate) fn catch<F: Future>(future: F) -> Contained<F> {
    Contained { future: Some(future) }
}

/// Drops a value of the program.
pub(crate) fn discard<T>(value: T) {
    if needs_drop::<T>() {
        report(run(move || drop(value)));
    }
}

/// Runs code that may reach a waker, a subscriber or a drop of the program: a panic is logged and stops nothing else.
pub(crate) fn logged(what: &str, code: impl FnOnce()) {
    if let Err(panic) = run(code) {
        tracing::error!(panic, "{what} panicked");
    }
}

/// The text of a value of the program, on which its `Display` decides.
pub(crate) fn text(value: &(impl fmt::Display + ?Sized)) -> String {
    run(|| value.to_string()).unwrap_or_else(|panic| unprintable(&panic))
}

/// The same for its `Debug`.
pub(crate) fn debug(value: &(impl fmt::Debug + ?Sized), alternate: bool) -> String {
    run(|| if alternate { format!("{value:#?}") } else { format!("{value:?}") })
        .unwrap_or_else(|panic| unprintable(&panic))
}

/// The text of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

fn unprintable(panic: &str) -> String {
    format!("<not printable: {panic}>")
}

fn report(dropped: Result<(), String>) {
    if let Err(panic) = dropped {
        tracing::error!(panic, "a value of the program panicked while it was dropped");
    }
}

/// Drops the payload of a panic, and those of the panics that this causes.
fn bury(mut payload: Box<dyn Any + Send>) {
    for _ in 0..PAYLOADS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    // Each of them panics, so this one is leaked.
    forget(payload);
}

pin_project! {
    /// A future of the program. Made by [`catch`].
    pub(crate) struct Contained<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Contained<F> {
        fn drop(this: Pin<&mut Self>) {
            end(this.project().future);
        }
    }
}

/// Drops the future in its place.
fn end<F>(mut future: Pin<&mut Option<F>>) {
    if future.is_some() {
        report(run(|| future.set(None)));
    }
}

impl<F> Contained<F> {
    /// Whether the future has ended, and is dropped.
    pub(crate) fn has_ended(&self) -> bool {
        self.future.is_none()
    }
}

impl<F: Future> Future for Contained<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project().future;
        // As `run`, without its call: the reader and every tool are polled here, and there are few types of futures.
        let poll = || future.as_mut().as_pin_mut().map(|future| future.poll(cx));
        let polled = catch_unwind(AssertUnwindSafe(poll)).map_err(message_of);
        let output = match polled {
            Ok(Some(Poll::Ready(output))) => Ok(output),
            Ok(Some(Poll::Pending) | None) => return Poll::Pending,
            Err(panic) => Err(panic),
        };
        end(future);
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Contained<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contained").field("has_ended", &self.has_ended()).finish()
    }
}

/// A value of the program that is kept here: its drop cannot panic, wherever it happens.
pub(crate) struct UserValue<T>(Option<T>);

/// There is a value until `into_inner` or the drop takes it, and both end the wrapper.
const PRESENT: &str = "the value is there until its wrapper ends";

impl<T> UserValue<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect(PRESENT)
    }
}

impl<T> Deref for UserValue<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(PRESENT)
    }
}

impl<T> DerefMut for UserValue<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(PRESENT)
    }
}

impl<T> Drop for UserValue<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            discard(value);
        }
    }
}

impl<T> fmt::Debug for UserValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<T>())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Panics when it is dropped, with another one while some are left.
    struct Bomb {
        left: usize,
        dropped: Arc<AtomicUsize>,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            match self.left {
                0 => panic!("the last one"),
                left => panic_any(Self { left: left - 1, dropped: Arc::clone(&self.dropped) }),
            }
        }
    }

    struct Unprintable;

    impl fmt::Display for Unprintable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic_any(bomb(0).0)
        }
    }

    impl fmt::Debug for Unprintable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no words")
        }
    }

    fn bomb(left: usize) -> (Bomb, Arc<AtomicUsize>) {
        let dropped = Arc::new(AtomicUsize::new(0));
        (Bomb { left, dropped: Arc::clone(&dropped) }, dropped)
    }

    #[test]
    fn a_payload_whose_drop_panics_is_dropped_or_leaked() {
        let (payload, dropped) = bomb(2);
        assert_eq!(run(|| panic_any(payload)).map(|()| 0), Err("a panic without a message".to_owned()));
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        let (payload, dropped) = bomb(usize::MAX);
        run(|| panic_any(payload)).map(|()| 0).unwrap_err();
        assert_eq!(dropped.load(Ordering::Relaxed), PAYLOADS);
    }

    #[tokio::test]
    async fn a_future_is_dropped_inside_of_its_containment() {
        // Ended, with its output; in progress; never polled.
        let (held, dropped) = bomb(1);
        let ready = std::future::poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(7)
        });
        assert_eq!(catch(ready).await, Ok(7));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);

        let (held, dropped) = bomb(1);
        let mut pending = Box::pin(catch(async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        std::future::poll_fn(|cx| Poll::Ready(pending.as_mut().poll(cx).is_pending())).await;
        drop(pending);
        assert_eq!(dropped.load(Ordering::Relaxed), 2);

        let (held, dropped) = bomb(1);
        drop(catch(async move { drop(held) }));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);

        let (held, dropped) = bomb(1);
        assert_eq!(catch(async move { drop(held) }).await, Err("a panic without a message".to_owned()));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn values_and_their_texts_do_not_panic() {
        let (value, dropped) = bomb(3);
        drop(UserValue::new(value));
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        // Also while the thread unwinds already, where another panic would end the process.
        let (value, dropped) = bomb(0);
        let value = UserValue::new(value);
        run(move || {
            let _value = value;
            panic!("first")
        })
        .map(|()| 0)
        .unwrap_err();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert_eq!(text(&Unprintable), "<not printable: a panic without a message>");
        assert_eq!(debug(&Unprintable, false), "<not printable: no words>");
    }
}

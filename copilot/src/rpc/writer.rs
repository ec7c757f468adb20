//! Outgoing frames: they are encoded into one buffer, and written by the caller or by the writer task.
//!
//! When no other request is pending the caller writes its frame itself, which saves a task switch; otherwise one writer
//! task writes all queued frames together. Both use the same buffer and the same cursor, so a frame is never cut, whichever
//! future is dropped.
//!
//! A frame may be held: it is written after [`HOLD`], or before the next frame, and discarded if the connection is closed
//! first. Held frames are the last ones of the buffer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::encode::check_nesting;
use crate::task::{DropGuard, lock};
use crate::transport::WriteHalf;

/// Requests wait while more than this is queued (4 MiB), so that a CLI that does not read stops the callers instead of
/// filling the memory. Answers to the CLI's requests do not wait: they are fewer than the messages that it sent.
const HIGH_WATER: usize = 4 << 20;
/// Reading pauses while more than this is queued (64 MiB), which bounds the bytes of answers.
const HARD_LIMIT: usize = 64 << 20;
/// A buffer that has grown past this is freed once it is empty.
const KEEP_CAPACITY: usize = 1 << 20;
/// How long a held frame waits for the end of the connection.
const HOLD: Duration = Duration::from_millis(100);

/// When a queued frame is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Write {
    /// By the caller if the pipe accepts it, otherwise by the writer task.
    Now,
    /// By the writer task, together with the other queued frames.
    Queued,
    /// After [`HOLD`] or before the next frame; never if the connection is closed first.
    Held,
}

pub(super) struct Outbox {
    queue: Mutex<Queue>,
    /// Wakes the writer task.
    work: Notify,
    /// Wakes the callers that wait for room.
    shrunk: Notify,
}

struct Queue {
    buf: Vec<u8>,
    /// How many bytes of `buf` are written.
    sent: usize,
    /// How many bytes at the end of `buf` are held, and until when.
    held: Option<(usize, Instant)>,
    /// `None` once the connection is closed.
    writer: Option<WriteHalf>,
    /// Whether the writer task waits for the pipe. Then no caller may poll it, because a pipe wakes only the last waker.
    waited_for: bool,
}

impl Outbox {
    pub(super) fn new(writer: WriteHalf) -> Self {
        let buf = Vec::with_capacity(1024);
        let queue = Queue { buf, sent: 0, held: None, writer: Some(writer), waited_for: false };
        Self { queue: Mutex::new(queue), work: Notify::new(), shrunk: Notify::new() }
    }

    /// Queues one message, which `encode` appends.
    pub(super) fn push(
        &self,
        write: Write,
        encode: &dyn Fn(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        let mut queue = self.queue();
        if queue.writer.is_none() {
            // The table of pending requests reports the closed connection.
            return Ok(());
        }
        let (was_empty, before) = (queue.len() == 0, queue.buf.len());
        write_frame(&mut queue.buf, |buf| {
            let body = buf.len();
            encode(buf)?;
            check_nesting(&buf[body..])
        })?;
        if write == Write::Held {
            let frame = queue.buf.len() - before;
            let (held, until) = queue.held.unwrap_or_else(|| (0, Instant::now() + HOLD));
            queue.held = Some((held + frame, until));
        } else {
            queue.held = None;
        }
        if write == Write::Now && was_empty && !queue.waited_for {
            // The writer task gets the same error, and closes the queue.
            if let Poll::Ready(Ok(())) = queue.poll_write(&mut Context::from_waker(Waker::noop())) {
                return Ok(());
            }
        }
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// Returns the number of bytes that wait.
    #[cfg(feature = "metrics")]
    pub(super) fn len(&self) -> usize {
        self.queue().len()
    }

    /// Waits until the queue is below its high-water mark.
    pub(super) async fn room(&self) {
        self.below(HIGH_WATER).await;
    }

    /// Waits until all queued bytes are written, held ones too, or are discarded by the end of the connection.
    pub(super) async fn written(&self) {
        self.release_held();
        self.below(0).await;
    }

    /// Waits until the queue is below the mark at which reading pauses.
    pub(super) async fn room_to_read(&self) {
        self.below(HARD_LIMIT).await;
    }

    async fn below(&self, mark: usize) {
        while self.queue().len() > mark {
            let shrunk = self.shrunk.notified();
            if self.queue().len() <= mark {
                return;
            }
            shrunk.await;
        }
    }

    /// Writes queued frames until the queue is closed or a write fails.
    pub(super) async fn run(&self) -> io::Result<()> {
        loop {
            self.wait_for_work().await;
            behind_the_queue().await;
            let written = poll_fn(|cx| {
                let polled = {
                    let mut queue = self.queue();
                    let polled = queue.poll_write(cx);
                    queue.waited_for = polled.is_pending();
                    polled
                };
                // Callers that wait for room check again after each write, so a queue that is never empty starves none.
                self.shrunk.notify_waiters();
                polled
            })
            .await;
            if let Err(error) = written {
                // No frame may be queued while the connection is being closed.
                self.close();
                return Err(error);
            }
            if self.queue().writer.is_none() {
                return Ok(());
            }
        }
    }

    /// Waits until there is a frame to write.
    async fn wait_for_work(&self) {
        let held = self.queue().held;
        match held {
            None => self.work.notified().await,
            Some((_, until)) => {
                if timeout_at(until, self.work.notified()).await.is_err() {
                    self.queue().held = None;
                }
            }
        }
    }

    /// Lets the writer task write held frames now.
    pub(super) fn release_held(&self) {
        if self.queue().held.take().is_some() {
            self.work.notify_one();
        }
    }

    /// Writes what the pipe accepts now, held frames too, before the connection is closed.
    pub(super) fn write_held(&self) {
        let mut queue = self.queue();
        if queue.held.take().is_some() && !queue.waited_for {
            // Best effort: an error is that of a connection that is being closed.
            drop(queue.poll_write(&mut Context::from_waker(Waker::noop())));
        }
    }

    /// Drops the queued frames and the writing half.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        queue.buf = Vec::new();
        queue.sent = 0;
        queue.held = None;
        queue.writer = None;
        drop(queue);
        self.shrunk.notify_waiters();
        self.work.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A caller's value may panic while it is encoded; `write_frame` then removes the bytes that it appended.
        lock(&self.queue)
    }
}

impl Queue {
    /// Returns the number of bytes to write.
    fn len(&self) -> usize {
        self.end() - self.sent
    }

    /// Returns where the held frames begin.
    fn end(&self) -> usize {
        self.buf.len() - self.held.map_or(0, |(held, _)| held)
    }

    /// Writes until the pipe is full or the queue is empty.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end();
        let Some(writer) = &mut self.writer else { return Poll::Ready(Ok(())) };
        while self.sent < end {
            match Pin::new(&mut *writer).poll_write(cx, &self.buf[self.sent..end]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.sent += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.forget_sent();
                    return Poll::Pending;
                }
            }
        }
        self.buf.drain(..end);
        self.sent = 0;
        if self.buf.is_empty() && self.buf.capacity() > KEEP_CAPACITY {
            self.buf = Vec::new();
        }
        Pin::new(writer).poll_flush(cx)
    }

    /// Moves the rest to the front when most of a large buffer is written.
    fn forget_sent(&mut self) {
        if self.sent > KEEP_CAPACITY && self.sent > self.buf.len() / 2 {
            self.buf.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// Yields once to the tasks that are ready.
///
/// A woken task runs next on many runtimes, before others that are ready too. Those may be about to queue frames, which
/// then leave in the same write. Unlike with `yield_now` any worker may run the task, so a blocked worker does not delay
/// frames.
async fn behind_the_queue() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Room for the longest header that [`write_frame`] writes: 16 letters, 20 digits and two line ends.
const HEADER_ROOM: usize = 40;

/// Appends one frame whose body `write` produces; when that fails or panics, `buf` is as before.
pub(crate) fn write_frame<E>(
    buf: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let base = buf.len();
    // Dropped early, it removes the bytes that were written.
    let mut buf = DropGuard::new(buf, |buf: &mut Vec<u8>| buf.truncate(base));
    // The body is written after a gap, then the header directly before the body, so the body is encoded once.
    let body = base + HEADER_ROOM;
    buf.resize(body, b' ');
    write(&mut buf)?;
    let mut length = buf.len() - body;
    let mut begin = body;
    let mut prepend = |bytes: &[u8]| {
        begin -= bytes.len();
        buf[begin..begin + bytes.len()].copy_from_slice(bytes);
    };
    prepend(b"\r\n\r\n");
    loop {
        prepend(&[b'0' + (length % 10) as u8]);
        length /= 10;
        if length == 0 {
            break;
        }
    }
    prepend(b"Content-Length: ");
    buf.drain(base..begin);
    buf.dismiss();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde::Serialize;
    use serde_json::value::RawValue;

    use super::*;
    use crate::rpc::encode;

    fn push<V: Serialize + Sync>(outbox: &Outbox, message: &V, write: Write) {
        let id = RawValue::NULL;
        outbox.push(write, &|body| encode::result(body, id, message)).unwrap();
    }

    /// A pipe like that of a child on Windows: it accepts bytes immediately, and is busy until they are written.
    #[derive(Clone, Default)]
    struct Busy(Arc<Mutex<(bool, Option<Waker>)>>);

    impl Busy {
        fn idle(&self) {
            let mut state = self.0.lock().unwrap();
            state.0 = false;
            let waker = state.1.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }

        fn poll_idle(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                state.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }
    }

    impl tokio::io::AsyncWrite for Busy {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            std::task::ready!(self.poll_idle(cx))?;
            self.0.lock().unwrap().0 = true;
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_idle(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_writer_that_waits_for_a_busy_pipe_is_woken_although_another_one_writes() {
        let (pipe, woken) = (Busy::default(), Arc::new(Woken(AtomicUsize::new(0))));
        let outbox = Outbox::new(Box::new(pipe.clone()));
        let mut writer = std::pin::pin!(outbox.run());
        let waker = Waker::from(Arc::clone(&woken));
        let mut poll_writer = || {
            // Until it does not wake itself.
            loop {
                let before = woken.0.load(Ordering::Relaxed);
                assert!(writer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                if before == woken.0.load(Ordering::Relaxed) {
                    return before;
                }
            }
        };
        poll_writer();
        push(&outbox, &1, Write::Now);
        let waiting = poll_writer();
        push(&outbox, &2, Write::Now);
        assert_eq!(woken.0.load(Ordering::Relaxed), waiting, "it waits for the pipe");
        pipe.idle();
        assert!(woken.0.load(Ordering::Relaxed) > waiting, "the pipe is idle, and the writer sleeps");
        poll_writer();
        assert_eq!(outbox.queue().len(), 0);
    }

    #[test]
    fn a_frame_is_written_with_its_length_in_bytes() {
        let mut buf = b"before".to_vec();
        write_frame(&mut buf, |buf| {
            buf.extend_from_slice("\"é\"".as_bytes());
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(buf, "beforeContent-Length: 4\r\n\r\n\"é\"".as_bytes());
        let before = buf.clone();
        write_frame(&mut buf, |buf| {
            buf.push(b'x');
            Err(())
        })
        .unwrap_err();
        assert_eq!(buf, before);
    }

    /// A pipe whose other end is closed.
    struct Broken;

    impl tokio::io::AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn no_frame_is_queued_after_a_write_error() {
        let outbox = Outbox::new(Box::new(Broken));
        push(&outbox, &1, Write::Now);
        assert_eq!(outbox.run().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        for _ in 0..3 {
            push(&outbox, &"more", Write::Queued);
        }
        let queue = outbox.queue();
        assert_eq!((queue.len(), queue.buf.capacity()), (0, 0));
    }

    #[test]
    fn a_large_buffer_is_freed() {
        let outbox = Outbox::new(Box::new(tokio::io::sink()));
        push(&outbox, &"x".repeat(3 * KEEP_CAPACITY), Write::Now);
        let queue = outbox.queue();
        assert!(queue.len() == 0 && queue.buf.capacity() <= KEEP_CAPACITY, "{}", queue.buf.capacity());
    }

    /// A pipe that takes so many bytes and is full then.
    struct Full(usize);

    impl tokio::io::AsyncWrite for Full {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn the_part_of_a_large_buffer_that_was_written_is_given_back() {
        let outbox = Outbox::new(Box::new(Full(2 * KEEP_CAPACITY)));
        push(&outbox, &"x".repeat(3 * KEEP_CAPACITY), Write::Now);
        let queue = outbox.queue();
        assert!((KEEP_CAPACITY..KEEP_CAPACITY + 100).contains(&queue.len()), "{}", queue.len());
        assert_eq!((queue.sent, queue.buf.len()), (0, queue.len()));
        // Less is not worth moving the rest.
        let outbox = Outbox::new(Box::new(Full(1000)));
        push(&outbox, &"x".repeat(2000), Write::Now);
        let queue = outbox.queue();
        assert_eq!((queue.sent, queue.len()), (1000, queue.buf.len() - 1000));
    }

    async fn written(far: &mut tokio::io::DuplexStream) -> String {
        let mut bytes = vec![0; 1024];
        let read = tokio::io::AsyncReadExt::read(far, &mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_frame_is_written_after_a_while_or_before_the_next_one() {
        let (near, mut far) = tokio::io::duplex(1024);
        let outbox = Arc::new(Outbox::new(Box::new(near)));
        let _writer = crate::task::spawn({
            let outbox = Arc::clone(&outbox);
            async move { outbox.run().await }
        });
        let begun = Instant::now();
        push(&outbox, &"one", Write::Held);
        tokio::time::sleep(HOLD / 2).await;
        push(&outbox, &"two", Write::Held);
        assert_eq!(outbox.queue().len(), 0);
        let frames = written(&mut far).await;
        assert!(frames.contains("one") && frames.ends_with("\"two\"}"), "{frames}");
        let waited = begun.elapsed();
        assert!((HOLD..HOLD + Duration::from_millis(2)).contains(&waited), "{waited:?}");
        for write in [Write::Now, Write::Queued] {
            push(&outbox, &"first", Write::Held);
            push(&outbox, &"second", write);
            let begun = Instant::now();
            let frames = written(&mut far).await;
            assert!(frames.contains("first") && frames.ends_with("\"second\"}"), "{frames}");
            assert_eq!(begun.elapsed(), Duration::ZERO);
        }
        push(&outbox, &"third", Write::Held);
        let begun = Instant::now();
        outbox.written().await;
        assert!(written(&mut far).await.contains("third"));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_frame_is_discarded_with_the_connection_unless_it_is_asked_for() {
        for keep in [false, true] {
            let (near, mut far) = tokio::io::duplex(1024);
            let outbox = Outbox::new(Box::new(near));
            push(&outbox, &"held", Write::Held);
            if keep {
                outbox.write_held();
            }
            outbox.close();
            assert_eq!(written(&mut far).await.contains("held"), keep);
        }
    }
}

//! The connection to one client: bytes in and out.
//!
//! The output queue has no bound, because the test decides how much it sends.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, watch};

use super::exchange::Shared;
use crate::task::lock;
use crate::task::{self, Task};
use crate::transport::framing::{DEFAULT_MAX_FRAME, Decoder, Next};
use crate::transport::{ReadHalf, WriteHalf};

pub(super) struct Connection {
    pub(super) output: Arc<Output>,
    reader: Option<Task>,
    _writer: Task,
}

impl Connection {
    pub(super) fn start(
        shared: Weak<Shared>,
        reading: watch::Receiver<bool>,
        reader: ReadHalf,
        writer: WriteHalf,
    ) -> Self {
        let output = Arc::new(Output::default());
        let write = {
            let output = Arc::clone(&output);
            async move { output.run(writer).await }
        };
        let reader = Some(task::spawn(read(shared, reading, reader)));
        Self { output, reader, _writer: task::spawn(write) }
    }

    pub(super) fn close_input(&mut self) {
        self.reader = None;
    }
}

/// The output queue.
#[derive(Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    work: Notify,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    pub(super) fn push(&self, bytes: &[u8]) {
        lock(&self.queue).bytes.extend_from_slice(bytes);
        self.work.notify_one();
    }

    /// Closes the output after the queued bytes.
    pub(super) fn end(&self) {
        lock(&self.queue).ended = true;
        self.work.notify_one();
    }

    async fn run(&self, mut writer: WriteHalf) {
        loop {
            let (bytes, ended) = {
                let mut queue = lock(&self.queue);
                (std::mem::take(&mut queue.bytes), queue.ended)
            };
            if bytes.is_empty() {
                if ended {
                    return;
                }
                self.work.notified().await;
            } else if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                // The client has disconnected; the reader reports it.
                return;
            }
        }
    }
}

async fn read(shared: Weak<Shared>, mut reading: watch::Receiver<bool>, mut reader: ReadHalf) {
    let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
    while reading.wait_for(|reading| *reading).await.is_ok() {
        let read = {
            let mut changed = pin!(reading.changed());
            let mut read = pin!(reader.read_buf(decoder.room()));
            // Both are cancel safe: a dropped future consumes neither a change nor bytes.
            poll_fn(|cx| match changed.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => read.as_mut().poll(cx).map(Some),
            })
            .await
        };
        let Some(read) = read else { continue };
        let Some(shared) = shared.upgrade() else { return };
        if !matches!(read, Ok(1..)) {
            return shared.client_gone();
        }
        loop {
            match decoder.next() {
                Next::More => break,
                Next::Skipped(malformed, _) => shared.unreadable(&malformed.to_string()),
                Next::Frame(body) => shared.receive(body),
            }
        }
    }
}

//! The first bytes of the other side, for the error about a program that is not a CLI.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::ReadHalf;
use crate::task::lock;

/// The number of bytes that are kept.
const KEPT: usize = 256;

/// The first bytes that were read.
#[derive(Debug)]
pub(crate) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    /// Wraps a reader, and keeps its first bytes.
    pub(crate) fn record(reader: ReadHalf) -> (ReadHalf, Self) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder { reader, kept: Some(Arc::clone(&kept)) };
        (Box::new(recorder), Self(kept))
    }

    /// Returns the bytes that were read until now.
    pub(crate) fn take(self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0))
    }
}

struct Recorder {
    reader: ReadHalf,
    /// `None` once [`KEPT`] bytes are kept.
    kept: Option<Arc<Mutex<Vec<u8>>>>,
}

impl AsyncRead for Recorder {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.reader).poll_read(cx, buffer);
        if let Some(kept) = &this.kept {
            let mut first = lock(kept);
            let new = &buffer.filled()[before..];
            let room = KEPT.saturating_sub(first.len());
            first.extend_from_slice(&new[..new.len().min(room)]);
            // Recording also stops when the owner of the bytes is dropped.
            if first.len() == KEPT || Arc::strong_count(kept) == 1 {
                drop(first);
                this.kept = None;
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_are_kept_up_to_a_limit_and_read_all_the_same() {
        for length in [0, 1, KEPT - 1, KEPT, KEPT + 1, 10 * KEPT] {
            let sent: Vec<u8> = (0..=u8::MAX).cycle().skip(3).take(length).collect();
            let (mut near, far) = tokio::io::duplex(100);
            let (mut reader, first) = FirstBytes::record(Box::new(far));
            let (_, read) = tokio::join!(
                async move { tokio::io::AsyncWriteExt::write_all(&mut near, &sent).await },
                async {
                    let (mut read, mut piece) = (Vec::new(), [0; 100]);
                    loop {
                        match reader.read(&mut piece).await.unwrap() {
                            0 => return read,
                            length => read.extend_from_slice(&piece[..length]),
                        }
                    }
                }
            );
            assert_eq!(read.len(), length);
            assert_eq!(first.take(), read[..length.min(KEPT)]);
        }
    }
}

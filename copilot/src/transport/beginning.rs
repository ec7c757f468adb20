//! The first bytes that the other side sends, for the error about a program that is not a CLI.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::ReadHalf;

/// A first line fits.
const KEPT: usize = 256;

/// The first bytes that were read.
#[derive(Debug)]
pub(crate) struct Beginning(Arc<Mutex<Vec<u8>>>);

impl Beginning {
    /// Keeps the beginning of what is read.
    pub(crate) fn of(reader: ReadHalf) -> (ReadHalf, Self) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder { reader, kept: Some(Arc::clone(&kept)) };
        (Box::new(recorder), Self(kept))
    }

    /// Returns the bytes that are here.
    pub(crate) fn take(self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Recorder {
    reader: ReadHalf,
    /// `None` once the beginning is complete.
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
            let mut beginning = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let new = &buffer.filled()[before..];
            let room = KEPT.saturating_sub(beginning.len());
            beginning.extend_from_slice(&new[..new.len().min(room)]);
            // Without its owner, too, there is nothing to keep it for.
            if beginning.len() == KEPT || Arc::strong_count(kept) == 1 {
                drop(beginning);
                this.kept = None;
            }
        }
        read
    }
}

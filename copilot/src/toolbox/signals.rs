//! Ctrl-C, and the request of the system to end, as a stream.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

/// The Ctrl-C signals since its creation. From then on Ctrl-C does not end the process.
pub(super) struct Interrupts {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
    /// SIGTERM, where it counts too.
    #[cfg(unix)]
    terminations: Option<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    signals: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        let signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        #[cfg(windows)]
        let signals = tokio::signal::windows::ctrl_c()?;
        Ok(Self {
            signals,
            #[cfg(unix)]
            terminations: None,
        })
    }

    /// As [`new`](Self::new), with SIGTERM, by which service managers and containers end a program.
    #[cfg(feature = "toolbox-http")]
    pub(super) fn with_terminations() -> io::Result<Self> {
        let interrupts = Self::new()?;
        #[cfg(unix)]
        let interrupts = Self {
            terminations: Some(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?),
            ..interrupts
        };
        Ok(interrupts)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        poll_fn(|cx| {
            #[cfg(unix)]
            if let Some(terminations) = &mut self.terminations
                && let Poll::Ready(Some(())) = terminations.poll_recv(cx)
            {
                return Poll::Ready(());
            }
            match self.signals.poll_recv(cx) {
                Poll::Ready(Some(())) => Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
    }
}

//! What a person at a terminal sees while the CLI is fetched; nobody else sees anything.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on stderr when that is a terminal; otherwise nothing. Clones share the line.
#[derive(Clone, Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Draws on stderr, if it is a terminal.
    pub(super) fn on_terminal() -> Self {
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
    }

    /// Draws nothing.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Says that something of unknown length is going on.
    pub(super) fn step(&self, what: &str) {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        self.begin(what, style.expect("the template is valid"));
        if !self.0.is_hidden() {
            self.0.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Says that `bytes` are being worked on.
    pub(super) fn bytes(&self, what: &str, bytes: u64) {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}");
        self.0.disable_steady_tick();
        self.0.set_length(bytes);
        self.begin(what, style.expect("the template is valid").progress_chars("=> "));
    }

    fn begin(&self, what: &str, style: ProgressStyle) {
        tracing::info!("{what}");
        // The style last: it is what shows the rest.
        self.0.set_position(0);
        self.0.set_message(what.to_owned());
        self.0.set_style(style);
    }

    /// Says that `bytes` more are done.
    pub(super) fn advance(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

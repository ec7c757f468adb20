//! The progress line on a terminal while the CLI is fetched.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress line on stderr if it is a terminal. Clones share the line.
#[derive(Clone, Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Creates a progress line on stderr, if it is a terminal.
    pub(super) fn on_terminal() -> Self {
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
    }

    /// Creates a progress line without output.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Shows a step of unknown length.
    pub(super) fn step(&self, what: &str) {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        self.begin(what, style.expect("the template is valid"));
        if !self.0.is_hidden() {
            self.0.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Shows a step that processes `bytes`.
    pub(super) fn bytes(&self, what: &str, bytes: u64) {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}");
        self.0.disable_steady_tick();
        self.0.set_length(bytes);
        self.begin(what, style.expect("the template is valid").progress_chars("=> "));
    }

    fn begin(&self, what: &str, style: ProgressStyle) {
        tracing::info!("{what}");
        // The style is last, because it makes the line visible.
        self.0.set_position(0);
        self.0.set_message(what.to_owned());
        self.0.set_style(style);
    }

    /// Advances the current step by `bytes`.
    pub(super) fn advance(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

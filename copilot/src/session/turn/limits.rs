//! The limits of a turn, and their setters.

use std::time::Duration;

/// How long a turn may take, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the message to the end.
    pub(super) total: Option<Duration>,
    /// Without any event.
    pub(super) idle: Option<Duration>,
    /// Without any event, until that is reported.
    pub(super) silence: Option<Duration>,
    /// Whether the reply has the events.
    pub(super) keep_events: bool,
}

impl Limits {
    pub(super) const DEFAULT: Self =
        Self { total: None, idle: Some(IDLE), silence: Some(SILENCE), keep_events: true };
}

/// How long a turn may be silent unless its request says otherwise: five minutes.
const IDLE: Duration = Duration::from_secs(300);
/// How long a turn may be silent before that is reported, unless its request says otherwise: one minute.
const SILENCE: Duration = Duration::from_secs(60);
/// The time limits of a turn.
macro_rules! turn_options {
    () => {
        /// How long the turn may take from the message to its end; no limit unless set.
        ///
        /// The error says what the session was doing. The agent continues; [`Session::abort`] stops it.
        pub fn timeout(mut self, limit: Duration) -> Self {
            self.limits.total = Some(limit);
            self
        }

        /// How long nothing happens in the turn before all subscribers of the session get an
        /// [`EventKind::TurnStalled`](crate::EventKind::TurnStalled), which says what the session waits for; one minute
        /// unless set. `Duration::MAX` disables it. While a tool of this program runs the clock stands still.
        pub fn report_silence(mut self, after: Duration) -> Self {
            self.limits.silence = (after != Duration::MAX).then_some(after);
            self
        }

        /// Keeps no event of the turn for the [`Reply`](crate::Reply). Without this a turn keeps all that the
        /// history does until it has ended, which in one that takes hours is a lot.
        pub fn without_events(mut self) -> Self {
            self.limits.keep_events = false;
            self
        }

        /// How long nothing may happen in the turn; five minutes unless set. While a tool of this program runs the
        /// clock stands still; while a handler waits for a person, as one that is asked for a permission may, it does
        /// not.
        pub fn idle_timeout(mut self, limit: Duration) -> Self {
            self.limits.idle = Some(limit);
            self
        }
    };
}

pub(super) use turn_options;

//! A program under a pseudo-terminal, and the screen as a person sees it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The time after which a screen that does not appear is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program and its screen.
pub struct Terminal {
    pty: Pty,
    child: Child,
    parser: vt100::Parser,
    written: Vec<u8>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("screen", &self.screen()).finish_non_exhaustive()
    }
}

impl Terminal {
    /// Starts a program in a terminal of this size.
    pub fn start(command: Command, rows: u16, columns: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("the system has pseudo-terminals");
        pty.resize(pty_process::Size::new(rows, columns)).expect("a terminal can be resized");
        let command = command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("COLUMNS");
        let child = command.spawn(pts).expect("the program starts");
        Self { pty, child, parser: parser(rows, columns), written: Vec::new() }
    }

    /// Returns the lines of the screen.
    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Returns the parsed screen, with colours.
    pub fn parsed(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Returns all bytes that the program has written.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Waits until the screen contains the text.
    ///
    /// # Panics
    ///
    /// Panics if it does not appear within a minute, or the program ends before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen fulfils a condition.
    ///
    /// # Panics
    ///
    /// As [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn wait_until(&mut self, condition: &str, is_met: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_met(&self.screen()) {
            let is_open = start.elapsed() < PATIENCE && self.read(PATIENCE.saturating_sub(start.elapsed()));
            assert!(
                is_open || is_met(&self.screen()),
                "{condition:?} is not on the screen:\n{}",
                self.screen()
            );
        }
    }

    /// Types keys.
    ///
    /// # Panics
    ///
    /// Panics if the program has ended.
    pub fn keys(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("the program reads the terminal");
    }

    /// Waits for the end of the program, and returns its status.
    ///
    /// # Panics
    ///
    /// Panics if it does not end within a minute.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        while self.read(PATIENCE.saturating_sub(start.elapsed())) {
            assert!(start.elapsed() < PATIENCE, "the program does not end:\n{}", self.screen());
        }
        self.child.wait().expect("the program is a child")
    }

    /// Reads what the program writes next. `false` at the end, and if nothing comes in time.
    fn read(&mut self, patience: Duration) -> bool {
        let timeout = Timespec::try_from(patience).expect("a minute fits");
        let ready = poll(&mut [PollFd::new(&self.pty, PollFlags::IN)], Some(&timeout));
        if !ready.is_ok_and(|ready| ready > 0) {
            return false;
        }
        let mut buffer = [0; 4096];
        match self.pty.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.parser.process(&buffer[..length]);
                self.written.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            // The last process has closed the terminal.
            Err(_) => false,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail for a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parser(rows: u16, columns: u16) -> vt100::Parser {
    let size = |number| NonZeroU16::new(number).expect("a terminal has rows and columns");
    vt100::Parser::new(size(rows), size(columns), 0)
}

//! Nothing is left running, however a program ends: neither the CLI, nor the shells that it has started.
//!
//! Each test has a program of its own end in the middle of a turn, with a shell command running. Every process that it
//! has started is known by a variable in its environment, which only Linux shows.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use copilot_tests::real::Real;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Only so that a test that fails ends.
const LONG: Duration = Duration::from_secs(60);

/// A program that has a session, in the middle of a turn.
struct Holder {
    program: Child,
    output: BufReader<ChildStdout>,
    directory: TempDir,
}

impl Holder {
    fn start(transport: &str, end: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_session-holder"));
        program.arg(directory.path()).args([transport, end]);
        let mut program = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        if line != "ready\n" {
            let mut said = String::new();
            program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("the program is not ready: {line:?} {said}");
        }
        Self { program, output, directory }
    }

    fn said(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// The processes that it has started, with their command lines.
    fn started(&self) -> Vec<(i32, String)> {
        started(self.directory.path())
    }

    fn cli(&self) -> Pid {
        let is_cli = |(_, command): &&(i32, String)| command.contains("--server");
        Pid::from_raw(self.started().iter().find(is_cli).expect("the CLI runs").0).unwrap()
    }

    fn nothing_is_left(&self, what: &str) {
        let since = Instant::now();
        while !self.started().is_empty() {
            assert!(since.elapsed() < LONG, "{what}: {:?}", self.started());
            sleep(Duration::from_millis(10));
        }
    }

    /// A process that has ended and was not waited for has no environment, but it has a parent.
    fn no_zombie_is_left(&self, what: &str) {
        let children = || {
            let tasks = format!("/proc/{}/task", self.program.id());
            let children = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
            let all = std::fs::read_dir(tasks).unwrap().flatten();
            all.flat_map(children).collect::<String>().trim().to_owned()
        };
        let since = Instant::now();
        while !children().is_empty() {
            assert!(since.elapsed() < LONG, "{what}: {}", children());
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        self.program.kill().ok();
        self.program.wait().ok();
        for (process, _) in self.started() {
            kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).ok();
        }
    }
}

fn started(directory: &Path) -> Vec<(i32, String)> {
    let mark = format!("SESSION_HOLDER={}", directory.display());
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    // A process may end while it is looked at.
    let of_ours = ids.filter(|id| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
    });
    let command = |id: i32| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        (id, String::from_utf8_lossy(&command).replace('\0', " "))
    };
    of_ours.map(command).collect()
}

/// Runs the check on each transport that the CLI has.
fn on_each(check: impl Fn(&str)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check("stdio");
    if !runtime.block_on(Real::is_refused_over_tcp()) {
        check("tcp");
    }
}

/// Whether this process was started with the signal ignored, as a shell does with Ctrl-C for what it starts in the
/// background; its children ignore it as well.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn a_program_that_is_killed_leaves_nothing() {
    let signals = [Signal::KILL, Signal::INT, Signal::TERM];
    for signal in signals.into_iter().filter(|signal| !is_ignored(*signal)) {
        on_each(|transport| {
            let mut holder = Holder::start(transport, "wait");
            assert!(holder.started().len() >= 2, "{:?}", holder.started());
            kill_process(Pid::from_child(&holder.program), signal).unwrap();
            holder.program.wait().unwrap();
            holder.nothing_is_left(&format!("{transport}, {signal:?}"));
        });
    }
}

#[test]
fn a_program_that_panics_or_exits_leaves_nothing() {
    for end in ["panic", "exit"] {
        on_each(|transport| {
            let mut holder = Holder::start(transport, end);
            assert!(!holder.program.wait().unwrap().success());
            holder.nothing_is_left(&format!("{transport}, {end}"));
        });
    }
}

#[test]
fn a_program_that_goes_on_leaves_nothing_and_no_zombie() {
    for end in ["drop", "drop-on-current-thread", "drop-the-runtime", "shutdown"] {
        on_each(|transport| {
            let mut holder = Holder::start(transport, end);
            assert_eq!(holder.said(), "ended\n");
            let what = format!("{transport}, {end}");
            holder.nothing_is_left(&what);
            holder.no_zombie_is_left(&what);
        });
    }
}

#[test]
fn what_a_killed_cli_has_started_is_killed_after_it() {
    on_each(|transport| {
        let holder = Holder::start(transport, "wait");
        let before = holder.started();
        kill_process(holder.cli(), Signal::KILL).unwrap();
        // Another CLI is started, and has the same variable.
        let left = || {
            let after = holder.started();
            before.iter().filter(|process| after.contains(process)).cloned().collect::<Vec<_>>()
        };
        let since = Instant::now();
        while !left().is_empty() {
            assert!(since.elapsed() < LONG, "{transport}: {:?}", left());
            sleep(Duration::from_millis(10));
        }
    });
}

//! The toolbox: the command line of a program with tools, under a pseudo-terminal and without one.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod calls;
mod chats;
mod checks;
mod inbox;
mod lists;
mod serving;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use copilot_tests::terminal::Terminal;

/// The program, without a terminal.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolbox-program"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs the program in a directory, with an input.
fn run_in(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program(arguments);
    command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs the program without an input.
fn run(arguments: &[&str]) -> Output {
    run_in(Path::new("."), arguments, "")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The program in a terminal of 24 rows.
fn terminal(arguments: &[&str], columns: u16) -> Terminal {
    terminal_with(arguments, columns, &[])
}

fn terminal_with(arguments: &[&str], columns: u16, variables: &[(&str, &str)]) -> Terminal {
    let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_toolbox-program"));
    // The harness removes `NO_COLOR`, so that it is set in a shell.
    let mut command = command.args(arguments);
    for (name, value) in variables {
        command = command.env(name, value);
    }
    Terminal::start(command, 24, columns)
}

//! A deferred call outlives the end of its program and of the CLI, at every point between the request and the settlement.
//!
//! A separate program files the request of a call, or settles it, and is killed with its CLI at a point that it reports,
//! or some milliseconds later. Then this program resumes the session on another CLI: the call is answered exactly once,
//! or its settlement is an error, and a function that has returned does not run again.
//!
//! `cargo test` runs some of the points; `tests/scripts/outlive.sh` runs all of them and prints the figures.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use copilot::deferred::{Deferred, Ticket};
use copilot::resume::Resume;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{DynTool, ErrorKind, EventKind, Session, ToolContext, ToolError};
use copilot_tests::events::within;
use copilot_tests::tested;
use rustix::process::{Pid, Signal, kill_process};

/// How a program and its CLI end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Kill,
    Terminate,
    Close,
}

const ENDS: [End; 3] = [End::Kill, End::Terminate, End::Close];

/// The program that is ended, the point that it has reached, and the time after that in milliseconds; `None` where the
/// program stops at the point.
type Point = (&'static str, &'static str, Option<u64>);

const POINTS: [Point; 24] = [
    ("file", "requested", Some(0)),
    ("file", "requested", Some(1)),
    ("file", "requested", Some(3)),
    ("file", "requested", Some(10)),
    ("file", "requested", Some(40)),
    ("file", "entered", None),
    ("file", "draft", None),
    ("file", "filed", None),
    ("file", "filed", Some(0)),
    ("file", "filed", Some(1)),
    ("file", "filed", Some(3)),
    ("file", "filed", Some(10)),
    ("file", "filed", Some(40)),
    ("file", "deferred", None),
    ("settle", "open", None),
    ("settle", "settling", Some(0)),
    ("settle", "settling", Some(2)),
    ("settle", "settling", Some(5)),
    ("settle", "settling", Some(10)),
    ("settle", "settling", Some(20)),
    ("settle", "settling", Some(40)),
    ("settle", "settled", None),
    ("settle", "settled", Some(20)),
    ("settle", "idle", None),
];

/// A running program, and the points that it has reported.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    reached: Vec<String>,
    directory: PathBuf,
}

impl Program {
    fn start(directory: &Path, model: &str, mode: &str, point: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deferred-program"));
        command.arg(directory).args([model, mode, point]);
        let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, reached: Vec::new(), directory: directory.to_owned() }
    }

    /// Reads until the program reaches the point.
    fn wait_for(&mut self, point: &str) {
        while !self.reached.iter().any(|reached| reached == point) {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            let log = || fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(read > 0, "the program ended before {point:?}: {:?}\n{}", self.reached, log());
            self.reached.push(line.trim_end().to_owned());
        }
    }

    /// Ends the program and its CLI, and returns the points that it has reported.
    fn end(mut self, end: End) -> Vec<String> {
        let signal = match end {
            End::Kill => Some(Signal::KILL),
            End::Terminate => Some(Signal::TERM),
            End::Close => None,
        };
        match signal {
            Some(signal) => {
                kill_process(Pid::from_child(&self.child), signal).unwrap();
                for process in started(&self.directory) {
                    // It may have ended already.
                    kill_process(Pid::from_raw(process).unwrap(), signal).ok();
                }
            }
            None => self.child.stdin.take().unwrap().write_all(b"end\n").unwrap(),
        }
        self.child.wait().unwrap();
        let rest = self.output.lines().map_while(Result::ok);
        self.reached.extend(rest);
        let since = Instant::now();
        while !started(&self.directory).is_empty() {
            assert!(since.elapsed() < Duration::from_secs(30), "the CLI ends");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.reached
    }
}

/// The processes with the mark of a test in their environment.
fn started(directory: &Path) -> Vec<i32> {
    let mark = format!("DEFERRED={}", directory.display());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
    })
    .collect()
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The CLI had not persisted the call, and its settlement is an error.
    Lost,
    /// The function had not returned, and ran again with the same ticket.
    RanAgain,
    /// The function had returned, and the call was settled here.
    SettledHere,
    /// The second program had settled it, and a second settlement is an error.
    SettledBefore,
}

/// Runs one point with one end.
async fn outlive((mode, point, delay): Point, end: End) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let script =
        Script::new().call("order", serde_json::json!({})).expect_tool_result("order", |_| true).say("Done.");
    let model = ScriptedModel::start(script).await.unwrap();
    let (path, url) = (directory.path().to_owned(), model.base_url());
    let first_and_second = tokio::task::spawn_blocking(move || {
        let stop = if delay.is_none() { point } else { "-" };
        let ends_first = mode == "file";
        let mut program = Program::start(&path, &url, "file", if ends_first { stop } else { "deferred" });
        program.wait_for(if ends_first { point } else { "deferred" });
        if ends_first {
            std::thread::sleep(Duration::from_millis(delay.unwrap_or_default()));
            return (program.end(end), Vec::new());
        }
        let first = program.end(end);
        let mut program = Program::start(&path, &url, "settle", stop);
        program.wait_for(point);
        std::thread::sleep(Duration::from_millis(delay.unwrap_or_default()));
        (first, program.end(end))
    });
    let (first, second) = first_and_second.await.unwrap();
    let what = format!("{mode} {point} {delay:?} {end:?}: {first:?} {second:?}");

    let client = hermetic_client(directory.path().join("home")).cwd(directory.path()).start().await.unwrap();
    let tool = order(directory.path());
    let session = client
        .resume("s")
        .scripted_model(&model)
        .with_tools([tool])
        .resume_options(Resume::new().continue_pending_work(true))
        .start()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let turn = session.current_turn();
    let pending = session.pending().await.unwrap();
    if let [call] = pending.tool_calls()
        && call.ticket().is_none()
    {
        within(until_filed(&session)).await;
    }
    let filed = fs::read_to_string(directory.path().join("filed")).ok();
    let ticket: Option<Ticket<String>> = filed.map(|text| serde_json::from_str(&text).unwrap());
    let settled = match &ticket {
        Some(ticket) => Some(session.settle(ticket, "settled here".to_owned()).await),
        None => None,
    };
    let runs = fs::read_to_string(directory.path().join("runs")).unwrap_or_default();
    let runs: Vec<&str> = runs.lines().collect();
    let reports = |reached: &[String], word: &str| reached.iter().any(|point| point == word);
    let outcome = match settled {
        None => {
            assert!(pending.tool_calls().is_empty(), "{what}");
            Outcome::Lost
        }
        Some(Ok(())) => {
            assert!(!reports(&second, "settled"), "{what}: a reported settlement is lost");
            assert_eq!(within(turn.reply()).await.unwrap().text(), "Done.", "{what}");
            if runs.len() > 1 { Outcome::RanAgain } else { Outcome::SettledHere }
        }
        Some(Err(error)) => {
            assert_eq!(error.kind(), ErrorKind::Session, "{what}: {error}");
            let is_settled = error.to_string().contains("it has a result already");
            assert!(is_settled || second.is_empty(), "{what}: {error}");
            if is_settled { Outcome::SettledBefore } else { Outcome::Lost }
        }
    };
    // One request is filed, whatever the number of runs.
    let ids = ticket.iter().map(|ticket| ticket.id().as_str());
    assert!(
        runs.iter().all(|id| ids.clone().any(|filed| filed == *id)) || outcome == Outcome::Lost,
        "{what}"
    );
    if reports(&first, "deferred") {
        assert_eq!(runs.len(), 1, "{what}: a function that has returned ran again");
    }
    if reports(&first, "entered") {
        assert_ne!(outcome, Outcome::Lost, "{what}: a call with a ticket is lost");
    }
    if mode == "settle" {
        assert_eq!(runs.len(), 1, "{what}");
    }
    if outcome != Outcome::Lost {
        let results = session.history().events().await.unwrap();
        let results = results.iter().filter(|event| match event.kind() {
            EventKind::ToolExecutionComplete(complete) => complete.success,
            _ => false,
        });
        assert_eq!(results.count(), 1, "{what}: exactly one result");
    }
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    outcome
}

/// The tool of the program, as it runs after a resumption.
fn order(directory: &Path) -> copilot::Tool {
    let directory = Arc::new(directory.to_owned());
    DynTool::new("order", "Order a part.").run(move |_, cx: ToolContext| {
        let directory = Arc::clone(&directory);
        async move {
            let ticket: Ticket<String> = cx.ticket().await?;
            let mut runs = fs::OpenOptions::new().create(true).append(true).open(directory.join("runs"))?;
            writeln!(runs, "{}", ticket.id())?;
            if !directory.join("filed").exists() {
                fs::write(directory.join("filed"), serde_json::to_string(&ticket)?)?;
            }
            Ok::<Deferred<String>, ToolError>(ticket.defer())
        }
    })
}

/// Waits until the only call of the session is deferred.
async fn until_filed(session: &Session) {
    loop {
        let pending = session.pending().await.unwrap();
        if pending.tool_calls().iter().all(|call| call.ticket().is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs these points with these ends, and prints the number of each outcome.
async fn run(cases: impl IntoIterator<Item = (Point, End)>) -> BTreeMap<(String, Outcome), u32> {
    let mut outcomes = BTreeMap::new();
    for (point, end) in cases {
        let since = Instant::now();
        let outcome = outlive(point, end).await;
        println!("{point:?} {end:?}: {outcome:?} ({:.1?})", since.elapsed());
        *outcomes.entry((format!("{end:?}"), outcome)).or_default() += 1;
    }
    outcomes
}

#[tokio::test]
async fn a_deferred_call_outlives_its_program_and_the_cli() {
    if !tested::since([1, 0, 102]) {
        return tested::not_supported("calls cannot be deferred");
    }
    let all = ENDS.into_iter().flat_map(|end| POINTS.into_iter().map(move |point| (point, end)));
    let cases: Vec<(Point, End)> = match std::env::var("OUTLIVE").as_deref() {
        Ok("all") => all.collect(),
        // A few points in which something different happens.
        _ => vec![
            (POINTS[0], End::Kill),
            (POINTS[6], End::Kill),
            (POINTS[8], End::Terminate),
            (POINTS[13], End::Close),
            (POINTS[16], End::Kill),
            (POINTS[21], End::Kill),
        ],
    };
    // Most of the time of a case is the start of its CLIs.
    let (first, second) = cases.split_at(cases.len() / 2);
    let (mut outcomes, second) = tokio::join!(run(first.to_vec()), run(second.to_vec()));
    for (outcome, number) in second {
        *outcomes.entry(outcome).or_default() += number;
    }
    for ((end, outcome), number) in &outcomes {
        println!("{end:<10} {outcome:?}: {number}");
    }
    assert_eq!(outcomes.values().sum::<u32>() as usize, cases.len());
}

//! Processes that fight for one session in a store, and the referee that stops, kills and restarts them.
//!
//! A fighter appends lines to a file of the session and prints each line that was answered. The referee then
//! reads the file: every answered line stands there once, the lines of one holder follow one another, and no
//! holder writes after the next one has begun.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use copilot::SessionId;
use copilot::host::object_store::BucketFs;
use copilot::host::object_store::object_store::ObjectStore;
use copilot::host::session_fs::{FsLayout, SessionFs};
use copilot::testing::FakeCli;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::random::Random;

/// The lease of the first fighter; that of the second is half as long again.
const LEASE: Duration = Duration::from_millis(300);

const FILE: &str = "/workspace/log";

fn say(line: &str) {
    let mut out = std::io::stdout();
    // The referee may be gone, and then this process is about to be killed.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Takes the session, writes, pauses and releases it, until the process is killed. Runs on one thread, so
/// that a blocked thread stops the renewal of the lease as well.
pub async fn fight(store: impl ObjectStore, session: &str, name: &str, seed: u64) {
    let lease = LEASE * (2 + u32::from(name.starts_with('b'))) / 2;
    let files = BucketFs::new(store).layout(FsLayout::posix()).lease(lease).holder_name(name);
    let (session, mut random) = (SessionId::from(session), Random::new(seed));
    // The lease that it had last, and the number of its next line under it.
    let (mut last, mut next) = (0, 0);
    let cli = FakeCli::new();
    let _client = cli.client_builder().session_fs(files.clone()).start().await.expect("a fake CLI starts");
    loop {
        let held = match files.acquire(&session).await {
            Ok(held) => held,
            Err(error) => {
                say(&format!("refused {}", if error.is_held() { "held" } else { "other" }));
                if !error.is_held() {
                    // A loss is forgotten, and a failure of the store may have been one.
                    let _ = files.release(&session).await;
                }
                tokio::time::sleep(lease * random.below(50) as u32 / 100).await;
                continue;
            }
        };
        let epoch = held.epoch();
        if epoch != last {
            say(&format!("took {epoch} {name}"));
            (last, next) = (epoch, 0);
        }
        let mut lost = false;
        for _ in 0..=random.below(6) {
            let number = next;
            next += 1;
            let line = format!("{epoch} {number} {name}");
            lost = !append(&cli, &session, &format!("{line}\n")).await;
            if lost {
                say(&format!("lost {epoch} {name}"));
                break;
            }
            say(&format!("wrote {line}"));
            match random.below(12) {
                // A pause in which the lease is not renewed, perhaps longer than it.
                0 => thread::sleep(lease * (60 + random.below(120) as u32) / 100),
                1..=4 => tokio::time::sleep(lease * random.below(40) as u32 / 100).await,
                _ => {}
            }
        }
        // Some are not released: the others wait for the end of the lease, or take them from a paused one.
        if lost || random.below(4) > 0 {
            if files.release(&session).await.is_err() {
                let _ = files.release(&session).await;
            }
        } else {
            thread::sleep(lease * 2);
        }
    }
}

/// Appends as the CLI does; returns whether it was answered without an error.
async fn append(cli: &FakeCli, session: &SessionId, text: &str) -> bool {
    let params = json!({"sessionId": session, "path": FILE, "content": text});
    cli.request("sessionFs.appendFile", params).await.is_ok_and(|answer| answer.is_null())
}

/// How a fight went.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How often the session was taken.
    pub rounds: usize,
    /// Lines that were answered.
    pub answered: usize,
    /// Lines in the file that were not answered: the process was killed, or the answer was lost.
    pub unanswered: usize,
    /// How often a fighter found out that it had lost the session.
    pub losses: usize,
    /// Processes that were killed.
    pub kills: usize,
    /// Processes that were stopped for a while.
    pub stops: usize,
    /// From the kill of a holder to the next round of the other one.
    pub takeovers: Vec<Duration>,
    /// Whether the clocks of the fighters differ by a day.
    pub clocks_differ: bool,
    /// The time that it took.
    pub elapsed: Duration,
}

struct Fighter {
    child: Child,
    name: String,
}

impl Drop for Fighter {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of all fighters, with the time of each.
type Heard = Arc<Mutex<Vec<(Instant, String)>>>;

/// Whether a process can have a clock that differs by a day, which needs Linux and its permission.
fn can_shift_clocks() -> bool {
    let mut shifted = Command::new("unshare");
    shifted.args(["--time", "--monotonic", "86400", "--boottime", "86400", "true"]);
    shifted.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Lets two processes fight until the session was taken `rounds` times. `command` starts a fighter whose last
/// arguments are a name and a seed.
///
/// # Panics
///
/// When a process cannot be started or controlled, or the fight takes longer than `limit`.
pub fn referee(command: &[String], rounds: usize, limit: Duration, seed: u64) -> (Outcome, Vec<String>) {
    let (began, heard, mut random) = (Instant::now(), Heard::default(), Random::new(seed));
    let mut outcome = Outcome { clocks_differ: can_shift_clocks(), ..Outcome::default() };
    let start = |side: usize, number: usize| {
        let name = format!("{}{number}", ["a", "b"][side]);
        let mut words = Vec::new();
        if outcome.clocks_differ && side == 1 {
            words.extend(
                ["unshare", "--time", "--monotonic", "86400", "--boottime", "86400"].map(str::to_owned),
            );
        }
        words.extend(command.iter().cloned());
        let mut program = Command::new(&words[0]);
        program.args(&words[1..]).arg(&name).arg((number * 2 + side).to_string());
        let mut child = program.stdout(Stdio::piped()).spawn().expect("a fighter starts");
        let (lines, heard) = (BufReader::new(child.stdout.take().expect("it is piped")), Arc::clone(&heard));
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                heard.lock().expect("no reader panics").push((Instant::now(), line));
            }
        });
        Fighter { child, name }
    };
    let mut fighters = [start(0, 0), start(1, 0)];
    let mut number = 0;
    let mut pending: Option<(Instant, String)> = None;
    loop {
        thread::sleep(Duration::from_millis(20 + random.below(120) as u64));
        let lines = heard.lock().expect("no reader panics").clone();
        let taken: Vec<_> = lines.iter().filter(|(_, line)| line.starts_with("took ")).collect();
        if let Some((killed, name)) = &pending
            && let Some((at, _)) =
                taken.iter().find(|(at, line)| at > killed && !line.ends_with(name.as_str()))
        {
            outcome.takeovers.push(*at - *killed);
            pending = None;
        }
        outcome.rounds = taken.len();
        if outcome.rounds >= rounds {
            break;
        }
        assert!(began.elapsed() < limit, "only {} rounds after {:?}", outcome.rounds, began.elapsed());
        let side = random.below(2);
        match random.below(12) {
            0 => {
                let name = fighters[side].name.clone();
                let holds = taken.last().is_some_and(|(_, line)| line.ends_with(&format!(" {name}")));
                number += 1;
                let killed = Instant::now();
                fighters[side].child.kill().expect("a fighter can be killed");
                fighters[side].child.wait().expect("a killed fighter ends");
                fighters[side] = start(side, number);
                outcome.kills += 1;
                if holds && pending.is_none() {
                    pending = Some((killed, format!(" {name}")));
                }
            }
            1 => {
                let id = Pid::from_child(&fighters[side].child);
                kill_process(id, Signal::STOP).expect("a fighter can be stopped");
                thread::sleep(LEASE * (50 + random.below(200) as u32) / 100);
                kill_process(id, Signal::CONT).expect("a fighter can continue");
                outcome.stops += 1;
            }
            _ => {}
        }
    }
    drop(fighters);
    // The readers end with their pipes; a line that is on the way then was not heard, and counts as not
    // answered.
    thread::sleep(Duration::from_millis(100));
    outcome.elapsed = began.elapsed();
    let lines = heard.lock().expect("no reader panics").iter().map(|(_, line)| line.clone()).collect();
    (outcome, lines)
}

/// Reads the session after a fight, and compares it with the lines of the fighters.
///
/// # Errors
///
/// The first rule that is broken.
pub async fn judge(
    store: impl ObjectStore,
    session: &str,
    heard: &[String],
    mut outcome: Outcome,
) -> Result<Outcome, String> {
    let files = BucketFs::new(store).layout(FsLayout::posix()).lease(LEASE).holder_name("judge");
    let session = SessionId::from(session);
    files.acquire(&session).await.map_err(|error| error.to_string())?;
    let file = files.read_file(&session, FILE).await.map_err(|error| error.to_string())?;
    files.release(&session).await.map_err(|error| error.to_string())?;
    let file = String::from_utf8(file).map_err(|error| error.to_string())?;
    let mut seen = BTreeSet::new();
    let mut holders = BTreeMap::new();
    let mut last = (0, 0);
    for line in file.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [epoch, number, name] = words[..] else { return Err(format!("{line:?} is not whole")) };
        let (epoch, number): (u64, u64) = epoch
            .parse()
            .and_then(|epoch| Ok((epoch, number.parse()?)))
            .map_err(|error| format!("{line}: {error}"))?;
        let follows = if epoch == last.0 { number == last.1 + 1 } else { epoch > last.0 && number == 0 };
        if !follows {
            return Err(format!("{line:?} follows {last:?}: two processes have written"));
        }
        if *holders.entry(epoch).or_insert(name) != name {
            return Err(format!("{line:?}: lease {epoch} has two holders"));
        }
        last = (epoch, number);
        seen.insert(line);
    }
    for line in heard {
        if let Some(written) = line.strip_prefix("wrote ") {
            outcome.answered += 1;
            if !seen.remove(written) {
                return Err(format!("{written:?} was answered, and is lost"));
            }
        }
        outcome.losses += usize::from(line.starts_with("lost "));
        if line == "refused other" {
            outcome.losses += 1;
        }
    }
    outcome.unanswered = seen.len();
    let mut taken: Vec<_> = heard.iter().filter_map(|line| line.strip_prefix("took ")).collect();
    let count = taken.len();
    taken.sort_unstable_by_key(|line| line.split(' ').next().map(str::to_owned));
    taken.dedup_by_key(|line| line.split(' ').next().map(str::to_owned));
    if taken.len() != count {
        return Err("two processes have had one lease".into());
    }
    Ok(outcome)
}

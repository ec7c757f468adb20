//! The orphans of a CLI that has exited: shells and servers that it started, in other process sessions.
//!
//! A mark in the environment of the CLI, which its child processes inherit, identifies them. Only Linux shows the
//! environments of other processes; on other systems orphans survive.

#[cfg(target_os = "linux")]
use std::fs::{self, File};
#[cfg(target_os = "linux")]
use std::io::Read as _;
#[cfg(target_os = "linux")]
use std::time::Duration;

/// The variable that holds the mark.
pub(super) const VARIABLE: &str = "COPILOT_TOOLS_PROCESS";

/// Kills every process that has the mark.
#[cfg(target_os = "linux")]
pub(super) fn kill_marked(mark: &str) {
    /// A process may start another one during the search.
    const ROUNDS: usize = 8;
    /// Enough for the kernel to replace a program.
    const PAUSE: Duration = Duration::from_millis(1);
    let entry = format!("{VARIABLE}={mark}");
    let mut environment = vec![0; 256 << 10];
    for _ in 0..ROUNDS {
        let Ok(processes) = fs::read_dir("/proc") else { return };
        let ids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
        let (mut killed, mut unclear) = (false, false);
        for process in ids {
            match has_mark(process, &entry, &mut environment) {
                Some(true) => {
                    tracing::debug!(process, "killing an orphan of the CLI");
                    super::sys::kill_process(process);
                    killed = true;
                }
                Some(false) => {}
                None => unclear = true,
            }
        }
        if !killed && !unclear {
            return;
        }
        if !killed {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn kill_marked(_mark: &str) {}

/// Returns whether a process has the entry in its environment, `None` while its program is being replaced. One whose
/// environment is not readable does not have it. `environment` is the memory for it.
#[cfg(target_os = "linux")]
fn has_mark(process: u32, entry: &str, environment: &mut Vec<u8>) -> Option<bool> {
    let Ok(mut file) = File::open(format!("/proc/{process}/environ")) else { return Some(false) };
    // In one call, because further ones return nothing once the program is replaced.
    let mut end = file.read(environment).unwrap_or(0);
    while end == environment.len() {
        environment.resize(2 * end, 0);
        end += file.read(&mut environment[end..]).unwrap_or(0);
    }
    if end > 0 {
        return Some(environment[..end].split(|byte| *byte == 0).any(|one| one == entry.as_bytes()));
    }
    // A thread of the kernel, and a process that has ended, have no program.
    let has_program = fs::read_link(format!("/proc/{process}/exe")).is_ok();
    (!has_program || environment_is_empty(process)).then_some(false)
}

/// Returns whether a process has an empty environment. While the kernel replaces its program, the old environment cannot
/// be read any more and the new one is not set.
#[cfg(target_os = "linux")]
fn environment_is_empty(process: u32) -> bool {
    /// `env_start`, counted from the state behind the name; `env_end` follows.
    const START: usize = 47;
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let Some((_, fields)) = status.rsplit_once(") ") else { return true };
    let mut fields = fields.split_whitespace().skip(START);
    let bounds = (fields.next(), fields.next());
    bounds.0 == bounds.1 && bounds.1 != Some("0")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    #[test]
    fn only_processes_with_the_mark_are_killed() {
        let sleep = |mark: &str| {
            let mut sleep = Command::new("sleep");
            sleep.arg("100000").env(VARIABLE, mark).process_group(0);
            sleep.spawn().unwrap()
        };
        let (ours, others) = (crate::random::id(), crate::random::id());
        let (mut left, mut other) = (sleep(&ours), sleep(&others));
        kill_marked(&ours);
        assert_eq!(left.wait().unwrap().signal(), Some(libc::SIGKILL));
        assert!(other.try_wait().unwrap().is_none());
        kill_marked(&others);
        other.wait().unwrap();
    }

    #[test]
    fn a_process_whose_program_is_being_replaced_is_killed() {
        let mut script = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut script, b"exec sh \"$0\"").unwrap();
        for _ in 0..100 {
            let mark = crate::random::id();
            let mut replaced = Command::new("sh");
            replaced.arg(script.path()).env(VARIABLE, &mark).process_group(0);
            let mut replaced = replaced.spawn().unwrap();
            kill_marked(&mark);
            let ended = replaced.try_wait().unwrap();
            let ended = ended.or_else(|| {
                std::thread::sleep(Duration::from_millis(500));
                replaced.try_wait().unwrap()
            });
            replaced.kill().unwrap();
            replaced.wait().unwrap();
            assert_eq!(ended.and_then(|ended| ended.signal()), Some(libc::SIGKILL));
        }
    }

    #[test]
    fn an_entry_is_found_in_an_environment_of_any_size() {
        let mut sleep = Command::new("sleep");
        sleep.arg("100000").env_clear().env("A", "x".repeat(1000)).env("B", "c");
        let mut sleep = sleep.spawn().unwrap();
        for size in [1, 1003, 1004, 4096] {
            assert_eq!(has_mark(sleep.id(), "B=c", &mut vec![0; size]), Some(true));
            assert_eq!(has_mark(sleep.id(), "B=d", &mut vec![0; size]), Some(false));
        }
        sleep.kill().unwrap();
        sleep.wait().unwrap();
    }

    #[test]
    fn an_empty_environment_differs_from_one_that_is_not_set() {
        let mut sleep = Command::new("sleep").arg("100000").env_clear().spawn().unwrap();
        while fs::read(format!("/proc/{}/cmdline", sleep.id())).unwrap() != b"sleep\x00100000\0" {}
        assert_eq!(has_mark(sleep.id(), "A=b", &mut vec![0; 8]), Some(false));
        sleep.kill().unwrap();
        sleep.wait().unwrap();
    }
}

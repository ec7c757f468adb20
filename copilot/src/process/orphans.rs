//! The orphans of a CLI that has exited: shells and servers that it started, in other process sessions.
//!
//! A mark in the environment of the CLI, which its child processes inherit, identifies them. Only Linux shows the
//! environments of other processes; on other systems orphans survive.

/// The variable that holds the mark.
pub(super) const VARIABLE: &str = "COPILOT_TOOLS_PROCESS";

/// Kills every process that has the mark.
#[cfg(target_os = "linux")]
pub(super) fn kill_marked(mark: &str) {
    /// A process may start another one during the search.
    const ROUNDS: usize = 5;
    for _ in 0..ROUNDS {
        let marked = marked(mark);
        if marked.is_empty() {
            return;
        }
        for process in marked {
            tracing::debug!(process, "killing an orphan of the CLI");
            super::sys::kill_process(process);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn kill_marked(_mark: &str) {}

/// Returns the processes that have the mark. Those whose environment is not readable do not have it.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> Vec<u32> {
    let entry = format!("{VARIABLE}={mark}");
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
    let has_mark = |id: &u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ"));
        environment.is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == entry.as_bytes()))
    };
    ids.filter(has_mark).collect()
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
}

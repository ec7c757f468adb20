//! The only `unsafe` code: system calls for which the standard library has no safe function.

use std::process::Command;

/// Sends SIGKILL to a process group and SIGTERM with `gentle`; a group that does not exist is ignored.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std cannot signal a process group")]
pub(super) fn signal_group(group: u32, gentle: bool) {
    let Ok(group) = libc::pid_t::try_from(group) else { return };
    if group <= 1 {
        // -1 and 0 mean other groups than that of the child.
        return;
    }
    let signal = if gentle { libc::SIGTERM } else { libc::SIGKILL };
    // SAFETY: kill takes two integers, touches no memory, and the group was created for a child of this process.
    unsafe { libc::kill(-group, signal) };
}

#[cfg(not(unix))]
pub(super) fn signal_group(_group: u32, _gentle: bool) {
    // The thread that owns the child kills it; other systems have no such process groups.
}

/// Sends SIGKILL to one process; one that does not exist is ignored.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std cannot signal a process that it has not started")]
pub(super) fn kill_process(process: u32) {
    let Ok(process) = libc::pid_t::try_from(process) else { return };
    if process <= 1 {
        return;
    }
    // SAFETY: kill takes two integers and touches no memory.
    unsafe { libc::kill(process, libc::SIGKILL) };
}

/// Returns the effective user id of this process.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std has no function for the user id")]
pub(super) fn effective_user() -> u32 {
    // SAFETY: geteuid cannot fail and touches no memory.
    unsafe { libc::geteuid() }
}

/// Discards the input of the terminal that no program has read, if stdin is a terminal.
#[cfg(all(unix, feature = "toolbox"))]
#[expect(unsafe_code, reason = "std cannot discard the input of a terminal")]
pub(crate) fn discard_typed_ahead() {
    // SAFETY: tcflush takes two integers, touches no memory, and fails where stdin is not a terminal.
    unsafe { libc::tcflush(libc::STDIN_FILENO, libc::TCIFLUSH) };
}

/// As on Unix; stdin is a console.
#[cfg(all(windows, feature = "toolbox"))]
#[expect(unsafe_code, reason = "std cannot discard the input of a console")]
pub(crate) fn discard_typed_ahead() {
    use std::os::windows::io::{AsRawHandle as _, RawHandle};

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn FlushConsoleInputBuffer(console: RawHandle) -> i32;
    }
    // SAFETY: the handle is open as long as the program runs, and the call fails where it is not that of a console.
    unsafe { FlushConsoleInputBuffer(std::io::stdin().as_raw_handle()) };
}

#[cfg(all(not(any(unix, windows)), feature = "toolbox"))]
pub(crate) fn discard_typed_ahead() {
    // Other systems have no terminal.
}

/// Waits until a child has exited, and does not reap it, so that its id stays reserved. Returns `false` if another process
/// may have the id: the program lets the system reap its children, or has reaped this one.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std waits for a child only by reaping it")]
pub(super) fn wait_for_end(child: u32) -> bool {
    loop {
        // SAFETY: all zeros is a valid siginfo_t, which is a plain C structure.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a local that outlives the call.
        let waited = unsafe {
            libc::waitid(libc::P_PID, child as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        // Every other error is reported by the call that reaps the child.
        if waited == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return waited == 0;
        }
    }
}

/// Makes the kernel send SIGTERM to the process when the thread that starts it ends, at the latest with this program.
/// SIGTERM, because the CLI then stops its child processes too.
///
/// The standard library then starts the process with `fork`, which copies the page tables of this program: about 50 ms
/// for each GiB that it uses.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std cannot set the parent-death signal")]
pub(super) fn end_with_this_thread(command: &mut Command) {
    use std::io::{Error, ErrorKind};
    use std::os::unix::process::CommandExt as _;

    let parent = std::process::id();
    let prepare = move || {
        // SAFETY: prctl with these arguments takes integers only and touches no memory.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } == -1 {
            return Err(Error::last_os_error());
        }
        // SAFETY: getppid cannot fail and touches no memory.
        let now = unsafe { libc::getppid() };
        // The parent may have ended in between.
        if u32::try_from(now) == Ok(parent) { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls that are safe there, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn end_with_this_thread(_command: &mut Command) {
    // A CLI over stdio exits at the end of its input; for one over TCP, macOS and Windows have no such mechanism.
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::super::Program;
    use super::super::child::Child;
    use super::super::launch::{Channel, Launch, LaunchOptions};
    use super::*;

    fn sleep(seconds: &str) -> Command {
        let mut command = Command::new("sleep");
        command.arg(seconds);
        command
    }

    #[test]
    fn the_effective_user_owns_new_files() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(effective_user(), file.metadata().unwrap().uid());
    }

    #[test]
    fn the_end_of_a_child_is_waited_for_and_left_to_be_reaped() {
        let mut child = sleep("0.2").spawn().unwrap();
        let began = Instant::now();
        assert!(wait_for_end(child.id()));
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert!(child.wait().unwrap().success());
        assert!(!wait_for_end(child.id()), "it is reaped, and its id is free");
    }

    #[test]
    fn a_process_ends_with_the_thread_that_has_started_it() {
        /// Ends the process in any case.
        struct Ended(std::process::Child);

        impl Drop for Ended {
            fn drop(&mut self) {
                drop(self.0.kill());
                drop(self.0.wait());
            }
        }

        let started = std::thread::spawn(|| {
            let mut command = sleep("600");
            end_with_this_thread(&mut command);
            Ended(command.spawn().unwrap())
        });
        let mut started = started.join().unwrap();
        let began = Instant::now();
        let ended = loop {
            if let Some(ended) = started.0.try_wait().unwrap() {
                break ended;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it runs without the thread");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(ended.signal(), Some(libc::SIGTERM));
    }

    /// The number of `fork` calls by threads that start a CLI.
    static FORKS: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        /// Whether this thread starts a CLI, which is a separate thread only over TCP.
        static STARTS_A_CLI: Cell<bool> = const { Cell::new(false) };
    }

    extern "C" fn before_fork() {
        if STARTS_A_CLI.get() || std::thread::current().name() == Some("copilot-cli") {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Starts a program that exits immediately, and returns the number of `fork` calls that this took.
    async fn forks_of(channel: Channel) -> usize {
        let program = Program::Native("true".into());
        let options = LaunchOptions { cwd: Some("/".into()), ..LaunchOptions::default() };
        let before = FORKS.load(Ordering::Relaxed);
        let launch = Launch { program, channel, connection_token: None, options: &options };
        STARTS_A_CLI.set(true);
        let started = Child::spawn(&launch);
        STARTS_A_CLI.set(false);
        let (child, ..) = started.expect("`true` starts");
        child.exited().await;
        FORKS.load(Ordering::Relaxed) - before
    }

    #[tokio::test]
    #[expect(unsafe_code, reason = "std cannot observe a fork")]
    async fn the_memory_of_this_program_is_not_copied_to_start_a_cli_over_stdio() {
        // SAFETY: the handler only adds to a counter, and lives as long as the program.
        assert_eq!(unsafe { libc::pthread_atfork(Some(before_fork), None, None) }, 0);
        assert_eq!(forks_of(Channel::Tcp(0)).await, 1, "a fork is seen");
        assert_eq!(forks_of(Channel::Stdio).await, 0);
    }
}

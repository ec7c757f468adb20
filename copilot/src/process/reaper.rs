//! The thread that owns the process of a CLI: it waits for the exit of the process, reaps it, and kills the orphans.
//!
//! It is a thread instead of a task, because the process must be reaped also without a runtime. A process that ends by the
//! parent-death signal is also started there: Linux sends that signal when the *thread* that started the process ends, and
//! this one lives as long as the process or the program.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use tokio::sync::watch;

use super::{orphans, sys};
use crate::task::{DropGuard, lock};

/// The stack of the thread, in bytes.
const STACK: usize = 256 << 10;
/// How long a dropped CLI may take to stop its child processes, before its group is killed.
#[cfg(unix)]
const GRACE: Duration = Duration::from_secs(2);
/// The interval of the checks for its exit.
const POLL: Duration = Duration::from_millis(20);

/// The exit status of the process, or the error of the wait for it.
pub(super) type Exit = Result<ExitStatus, Arc<io::Error>>;

/// A started process and its pipes.
pub(super) struct Started {
    pub(super) process: Arc<Process>,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

/// A process that runs, or has exited.
pub(super) struct Process {
    pub(super) pid: u32,
    exit: watch::Receiver<Option<Exit>>,
    /// Closed once the orphans of the process are killed.
    cleaned_up: watch::Receiver<()>,
    /// Whether the termination has begun.
    terminating: AtomicBool,
    control: Arc<Control>,
}

/// The state that the thread shares with the [`Process`].
#[derive(Default)]
struct Control {
    /// Requests that the thread kills the process, on systems without process groups.
    kill_requested: AtomicBool,
    /// Whether the process was reaped, so that another process may have its id. Locked while the process is signalled.
    reaped: Mutex<bool>,
}

/// Starts a process that ends with this program: with its input, or by a signal where `by_signal` is set, which only Linux
/// has. The `mark` in its environment identifies the processes that it leaves behind when it is killed.
///
/// Without `by_signal` the start costs the same whatever memory this program uses.
pub(super) fn start(mut command: Command, mark: String, by_signal: bool) -> io::Result<Started> {
    let thread = thread::Builder::new().name("copilot-cli".to_owned()).stack_size(STACK);
    if !by_signal {
        // On this thread: to wait for another one takes nearly as long as to start a process.
        let (started, owned) = own(command.spawn()?, mark);
        thread.spawn(move || owned.watch())?;
        return Ok(started);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    thread.spawn(move || {
        sys::end_with_this_thread(&mut command);
        match command.spawn() {
            // The receiver below waits for exactly one message.
            Err(error) => drop(sender.send(Err(error))),
            Ok(child) => {
                let (started, owned) = own(child, mark);
                drop(sender.send(Ok(started)));
                owned.watch();
            }
        }
    })?;
    receiver.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that starts the process has ended")))
}

/// A process and what its thread needs.
struct Owned {
    /// With its mark. Killed where no thread could be started.
    child: DropGuard<(Child, String)>,
    exited: watch::Sender<Option<Exit>>,
    cleaning_up: watch::Sender<()>,
    control: Arc<Control>,
}

fn own(mut child: Child, mark: String) -> (Started, Owned) {
    let ((exited, exit), (cleaning_up, cleaned_up)) = (watch::channel(None), watch::channel(()));
    let control = Arc::<Control>::default();
    let process = Process {
        pid: child.id(),
        exit,
        cleaned_up,
        terminating: AtomicBool::new(false),
        control: Arc::clone(&control),
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let started = Started { process: Arc::new(process), stdin, stdout, stderr };
    let child = DropGuard::new((child, mark), kill as fn((Child, String)));
    (started, Owned { child, exited, cleaning_up, control })
}

/// Kills a process with its child processes, and reaps it.
fn kill((mut child, mark): (Child, String)) {
    sys::signal_group(child.id(), false);
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        tracing::debug!(%error, pid = child.id(), "the exit of a killed process was not observed");
    }
    orphans::kill_marked(&mark);
}

impl Owned {
    /// Waits for the exit of the process, and kills what it leaves behind.
    fn watch(self) {
        let Self { child, exited, cleaning_up, control } = self;
        let (mut child, mark) = child.dismiss();
        let status = wait(&mut child, &control);
        // Before the search for orphans, which takes a while on a busy machine. There may be no receiver any more.
        drop(exited.send(Some(status.map_err(Arc::new))));
        // Also after a clean exit: a CLI that exits while it detaches a session leaves its shells.
        orphans::kill_marked(&mark);
        drop(cleaning_up);
    }
}

/// Waits for the exit, and kills the rest of the process group before the id of the process is free.
#[cfg(unix)]
fn wait(child: &mut Child, control: &Control) -> io::Result<ExitStatus> {
    let is_ours = sys::wait_for_end(child.id());
    let mut reaped = lock(&control.reaped);
    if is_ours {
        sys::signal_group(child.id(), false);
    }
    *reaped = true;
    // Within the lock, although it does not block: the id is free after it.
    child.wait()
}

/// Waits for the exit, and kills the process on request.
#[cfg(not(unix))]
fn wait(child: &mut Child, control: &Control) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            *lock(&control.reaped) = true;
            return Ok(status);
        }
        if control.kill_requested.load(Ordering::Relaxed) {
            child.kill()?;
        }
        thread::sleep(POLL);
    }
}

impl Process {
    /// Waits for the exit, and until the orphans of the process are killed.
    pub(super) async fn ended(&self) -> Option<Exit> {
        let exit = self.exited().await;
        // No value is sent, so this waits until the sender is dropped.
        drop(self.cleaned_up.clone().changed().await);
        exit
    }

    /// Waits for the exit.
    pub(super) async fn exited(&self) -> Option<Exit> {
        let mut exit = self.exit.clone();
        // The sender is dropped without a value only if the thread panicked.
        exit.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone())
    }

    /// Sends SIGTERM to the process group; with `force`, SIGKILL.
    pub(super) fn kill(&self, force: bool) {
        let reaped = lock(&self.control.reaped);
        if !*reaped {
            self.control.kill_requested.fetch_or(force, Ordering::Relaxed);
            sys::signal_group(self.pid, !force);
        }
    }

    /// Terminates the process without waiting: with SIGTERM, and with SIGKILL after the grace period. A CLI that is killed
    /// immediately would leave its child processes running.
    pub(super) fn terminate(self: &Arc<Self>) {
        if self.terminating.swap(true, Ordering::Relaxed) || self.has_ended() {
            return;
        }
        #[cfg(not(unix))]
        self.kill(true);
        #[cfg(unix)]
        {
            self.kill(false);
            let process = Arc::clone(self);
            // A task would end with the runtime.
            let killer = thread::Builder::new().name("copilot-cli-kill".to_owned()).spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < GRACE && !process.has_ended() {
                    thread::sleep(POLL);
                }
                process.kill(true);
            });
            if let Err(error) = killer {
                tracing::debug!(%error, "cannot start a thread to wait for the CLI, which is killed");
                self.kill(true);
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }
}

/// A process that is terminated when this is dropped.
pub(super) type TerminateOnDrop = DropGuard<Arc<Process>>;

pub(super) fn terminate_on_drop(process: Arc<Process>) -> TerminateOnDrop {
    DropGuard::new(process, |process| process.terminate())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};

    use super::*;

    #[test]
    fn an_id_that_another_process_may_have_is_not_signalled() {
        let mut other = Command::new("sleep").arg("100000").process_group(0).spawn().unwrap();
        // Between the reaping of a process and the report of its exit, another process may get its id.
        let (_exited, exit) = watch::channel(None);
        let control = Control { reaped: Mutex::new(true), ..Control::default() };
        let (_cleaning_up, cleaned_up) = watch::channel(());
        let process = Process {
            pid: other.id(),
            exit,
            cleaned_up,
            terminating: AtomicBool::new(false),
            control: Arc::new(control),
        };
        process.kill(true);
        sys::signal_group(other.id(), true);
        assert_eq!(other.wait().unwrap().signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn a_process_that_no_thread_could_be_started_for_is_killed_and_reaped() {
        let child = Command::new("sleep").arg("5").process_group(0).spawn().unwrap();
        let id = child.id();
        let (started, owned) = own(child, "none".to_owned());
        drop(owned);
        assert!(!sys::wait_for_end(id), "it is not a child any more");
        assert!(!started.process.has_ended(), "its exit was not observed");
    }

    #[test]
    fn the_id_of_a_child_stays_reserved_until_it_is_reaped() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(sys::wait_for_end(child.id()));
        child.wait().unwrap();
        assert!(!sys::wait_for_end(child.id()));
    }
}

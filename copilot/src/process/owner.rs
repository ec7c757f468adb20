//! The thread that owns a CLI's process: it starts it, waits for its end, and cleans up behind it.
//!
//! It is a thread and no task, because the process must be reaped although the runtime may be gone, and because Linux
//! sends the signal that ends an orphan when the *thread* that has started it ends: this one lives as long as the
//! process, or as long as the program.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use tokio::sync::watch;

use super::{sweep, sys};

/// What the thread needs, which is little.
const STACK: usize = 256 << 10;
/// How long a CLI that nobody wants any more may take to end what it has started.
#[cfg(unix)]
const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether it has ended meanwhile.
const POLL: Duration = Duration::from_millis(20);

/// How the process ended, or that its end could not be seen.
pub(super) type Exit = Result<ExitStatus, Arc<io::Error>>;

/// A process that was started, and its pipes.
pub(super) struct Started {
    pub(super) process: Arc<Process>,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

/// A process that runs, or has run.
pub(super) struct Process {
    pub(super) pid: u32,
    exit: watch::Receiver<Option<Exit>>,
    /// Its sender is gone once nothing is left of it.
    swept: watch::Receiver<()>,
    /// It was told to end.
    ending: AtomicBool,
    hold: Arc<Hold>,
}

/// What the thread and whoever wants the process to end tell each other.
#[derive(Default)]
struct Hold {
    /// The thread is to kill it, on systems where nobody else can.
    killed: AtomicBool,
    /// Whether its number may be anybody's. Locked while it is signalled, so that it is not reaped meanwhile.
    gone: Mutex<bool>,
}

impl Hold {
    fn gone(&self) -> MutexGuard<'_, bool> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a process that ends with this program. What it leaves running when it is killed is told by the `mark` in its
/// environment.
pub(super) fn start(mut command: Command, mark: String) -> io::Result<Started> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new().name("copilot-cli".to_owned()).stack_size(STACK).spawn(move || {
        sys::end_with_this_thread(&mut command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            // Whoever waits below is there until it is told.
            Err(error) => return drop(tell.send(Err(error))),
        };
        let ((exited, exit), (sweeping, swept)) = (watch::channel(None), watch::channel(()));
        let hold = Arc::<Hold>::default();
        let process =
            Process { pid: child.id(), exit, swept, ending: AtomicBool::new(false), hold: Arc::clone(&hold) };
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        drop(tell.send(Ok(Started { process: Arc::new(process), stdin, stdout, stderr })));
        let status = wait(&mut child, &hold);
        let leaves_processes = !status.as_ref().is_ok_and(ExitStatus::success);
        // Before the sweep, which takes a while on a busy machine. There may be no receiver any more.
        drop(exited.send(Some(status.map_err(Arc::new))));
        if leaves_processes {
            sweep::kill_marked(&mark);
        }
        drop(sweeping);
    })?;
    told.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that starts the process has ended")))
}

/// Waits for the end, and ends what is left of the process group before its number is free for others.
#[cfg(unix)]
fn wait(child: &mut Child, hold: &Hold) -> io::Result<ExitStatus> {
    let is_ours = sys::wait_for_end(child.id());
    let mut gone = hold.gone();
    if is_ours {
        sys::signal_group(child.id(), false);
    }
    *gone = true;
    // Within the lock, though it takes no time: from here on the number is free.
    child.wait()
}

/// Waits for the end, and brings it about when somebody wants it.
#[cfg(not(unix))]
fn wait(child: &mut Child, hold: &Hold) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            *hold.gone() = true;
            return Ok(status);
        }
        if hold.killed.load(Ordering::Relaxed) {
            child.kill()?;
        }
        thread::sleep(POLL);
    }
}

impl Process {
    /// Waits for the exit, and until what the process has left is killed.
    pub(super) async fn ended(&self) -> Option<Exit> {
        let exit = self.exited().await;
        // Nothing is ever sent, so this waits for the sender's end.
        drop(self.swept.clone().changed().await);
        exit
    }

    /// Waits for the exit.
    pub(super) async fn exited(&self) -> Option<Exit> {
        let mut exit = self.exit.clone();
        // The other end is gone only when the thread was not able to tell.
        exit.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone())
    }

    /// Asks the whole group to end; with `force`, ends it.
    pub(super) fn kill(&self, force: bool) {
        let gone = self.hold.gone();
        if !*gone {
            self.hold.killed.fetch_or(force, Ordering::Relaxed);
            sys::signal_group(self.pid, !force);
        }
    }

    /// Has it end without waiting for that: it is asked to, and made to after a while. A CLI that is killed leaves
    /// running what it has started.
    pub(super) fn end(self: &Arc<Self>) {
        if self.ending.swap(true, Ordering::Relaxed) || self.has_ended() {
            return;
        }
        #[cfg(not(unix))]
        self.kill(true);
        #[cfg(unix)]
        {
            self.kill(false);
            let process = Arc::clone(self);
            // A task would end with the runtime.
            let forcing = thread::Builder::new().name("copilot-cli-end".to_owned()).spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < GRACE && !process.has_ended() {
                    thread::sleep(POLL);
                }
                process.kill(true);
            });
            if let Err(error) = forcing {
                tracing::debug!(%error, "no thread to wait for the CLI, which is killed");
                self.kill(true);
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }
}

/// Ends the process when it is dropped.
pub(super) struct EndOnDrop(pub(super) Arc<Process>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};

    use super::*;

    #[test]
    fn a_number_that_may_be_anybodys_is_not_signalled() {
        let mut other = Command::new("sleep").arg("100000").process_group(0).spawn().unwrap();
        // As between the reaping of a process and the telling of its end, with its number taken anew.
        let (_exited, exit) = watch::channel(None);
        let hold = Hold { gone: Mutex::new(true), ..Hold::default() };
        let (_sweeping, swept) = watch::channel(());
        let process =
            Process { pid: other.id(), exit, swept, ending: AtomicBool::new(false), hold: Arc::new(hold) };
        process.kill(true);
        sys::signal_group(other.id(), true);
        assert_eq!(other.wait().unwrap().signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn the_number_of_a_child_is_its_own_until_it_is_reaped() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(sys::wait_for_end(child.id()));
        child.wait().unwrap();
        assert!(!sys::wait_for_end(child.id()));
    }
}

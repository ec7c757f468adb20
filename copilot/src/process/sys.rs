//! The one place with `unsafe` code: what the standard library has no safe call for.

/// Sends SIGKILL to a process group and SIGTERM with `gentle`; a group that is gone is no error.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std cannot signal a process group")]
pub(super) fn signal_group(group: u32, gentle: bool) {
    let Ok(group) = libc::pid_t::try_from(group) else { return };
    if group <= 1 {
        // -1 and 0 would mean other groups than the child's own.
        return;
    }
    let signal = if gentle { libc::SIGTERM } else { libc::SIGKILL };
    // SAFETY: kill takes two integers, touches no memory, and the group is one that we made for our own child.
    unsafe { libc::kill(-group, signal) };
}

#[cfg(not(unix))]
pub(super) fn signal_group(_group: u32, _gentle: bool) {
    // The child itself is killed by its handle; other systems have no process groups of this kind.
}

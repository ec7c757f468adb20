//! Figures of a process, read from `/proc`.

use std::fs;

/// Memory of this process in use, in KiB; 0 where the system does not report it.
pub fn rss_kib() -> i64 {
    of("self", "VmRSS:")
}

/// The most memory of this process in use so far, in KiB; 0 where the system does not report it.
pub fn peak_rss_kib() -> i64 {
    of("self", "VmHWM:")
}

/// Memory of another process in use, in KiB; 0 where the system does not report it.
pub fn rss_kib_of(process: u32) -> i64 {
    of(&process.to_string(), "VmRSS:")
}

fn of(process: &str, name: &str) -> i64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

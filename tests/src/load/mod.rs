//! Load: each scenario counts what it does, panics when something is lost or left, and gives a row of figures.
//!
//! The short forms run with every `cargo test`. The figures of the full ones stand in `RELIABILITY.md`, between two
//! marks, and [`Table::write`] renews them. Memory is what [`crate::counting`] counts, where the program declares it.

pub mod kills;
pub mod played;
pub mod real;
pub mod wire;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// The result of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The work, and how often it was done.
    pub what: String,
    /// How much of it was lost.
    pub lost: usize,
    /// The memory that it used.
    pub memory: String,
    /// The tasks that it used.
    pub tasks: String,
    /// How long it took.
    pub time: String,
}

/// The rows of all scenarios.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a row, and prints it.
    pub fn add(&mut self, row: Row) {
        println!("{}", line(&row));
        self.0.push(row);
    }

    /// Puts the rows into `RELIABILITY.md` in place of the ones that are there.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or has no marks.
    pub fn write(&self, machine: &str) -> io::Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../RELIABILITY.md");
        let text = fs::read_to_string(&path)?;
        let (before, rest) = text.split_once(BEGIN).ok_or_else(|| io::Error::other(format!("no {BEGIN}")))?;
        let (_, after) =
            rest.split_once(END).ok_or_else(|| io::Error::other(format!("no {END} after it")))?;
        let rows: String = self.0.iter().map(|row| line(row) + "\n").collect();
        let head = "| Load | Lost | Memory | Tasks | Time |\n|---|---|---|---|---|";
        fs::write(path, format!("{before}{BEGIN}\n{machine}\n\n{head}\n{rows}{END}{after}"))
    }
}

fn line(Row { what, lost, memory, tasks, time }: &Row) -> String {
    format!("| {what} | {lost} | {memory} | {tasks} | {time} |")
}

/// The machine of the measurement.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "a debug build" } else { "a release build" };
    format!("Measured with {build} on {cores} cores of {} {}.", std::env::consts::OS, std::env::consts::ARCH)
}

/// Bytes for people.
fn bytes(bytes: i64) -> String {
    match bytes {
        ..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// A time for people.
fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.001 => format!("{} µs", time.as_micros()),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}

/// A large number for people.
fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        write!(shown, "{digit}").expect("writing to a string cannot fail");
    }
    shown
}

//! Wall time, this process's own CPU time, memory and allocations, as members of a JSON object.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use copilot_tests::counting::{self, Allocated};
use rustix::time::{ClockId, clock_gettime};

/// Measures from [`Meter::start`] to [`Meter::finish`].
pub(crate) struct Meter {
    allocated: Allocated,
    cpu: Duration,
    wall: Instant,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { allocated: counting::of_process(), cpu: cpu(), wall: Instant::now() }
    }

    /// The cost of each of `n` operations.
    pub(crate) fn finish(&self, n: usize) -> String {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), (cpu() - self.cpu).as_secs_f64());
        let allocated = counting::of_process() - self.allocated;
        let each = n as f64;
        let mut figures = format!(
            r#""n":{n},"wall_ms":{:.3},"per_s":{:.0},"wall_us_per_op":{:.3},"cpu_us_per_op":{:.3}"#,
            wall * 1e3,
            each / wall,
            wall * 1e6 / each,
            cpu * 1e6 / each,
        );
        if cfg!(feature = "count-allocations") {
            let (count, bytes) = (allocated.count as f64 / each, allocated.bytes as f64 / each);
            write!(figures, r#","allocs_per_op":{count:.2},"alloc_bytes_per_op":{bytes:.0}"#)
                .expect("writing to a string cannot fail");
        }
        figures
    }
}

/// How long single operations took.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    pub(crate) fn of(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    pub(crate) fn add(&mut self, since: Instant) {
        self.0.push(since.elapsed().as_nanos() as u64);
    }

    pub(crate) fn join(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn figures(mut self) -> String {
        self.0.sort_unstable();
        let at = |share: f64| {
            let index = (self.0.len() as f64 * share) as usize;
            self.0[index.min(self.0.len() - 1)] as f64 / 1e3
        };
        format!(
            r#""p50_us":{:.2},"p90_us":{:.2},"p99_us":{:.2},"max_us":{:.1}"#,
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        )
    }
}

/// User and system time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

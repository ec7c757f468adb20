//! Load and faults, in full: takes minutes and renews the figures in `RELIABILITY.md`.
//! `cargo bench -p copilot-tests --bench figures`. The short form is `tests/load.rs`. The variable
//! `COPILOT_SOAK_MINUTES`, such as `30`, has the soak on the real CLI last that long.

use std::time::Duration;

use copilot_tests::counting::Counting;
use copilot_tests::faulty::Carrier;
use copilot_tests::load::{Table, kills, machine, played, real, wire};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Where a subscriber's turn comes does not depend on the machine.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn many_threads() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime can be made")
}

/// How long the soak lasts at least.
fn soak() -> Duration {
    let minutes = std::env::var("COPILOT_SOAK_MINUTES").ok();
    let minutes =
        minutes.map(|minutes| minutes.parse().expect("COPILOT_SOAK_MINUTES is a number of minutes"));
    Duration::from_secs(60 * minutes.unwrap_or(0))
}

fn main() {
    let mut table = Table::default();
    // First, because afterwards the allocator holds what the others have used.
    table.add(one_thread().block_on(real::soak(10, soak(), 10, 20)));
    table.add(many_threads().block_on(real::parallel(50, 4)));
    table.add(many_threads().block_on(played::sessions(1_000)));
    table.add(many_threads().block_on(played::calls(256, 256 * 100, Duration::from_secs(60))));
    table.add(one_thread().block_on(played::deltas(1_000_000, 32 << 20)));
    table.add(many_threads().block_on(played::results(16, 4, 64 << 20)));
    table.add(many_threads().block_on(kills::kills(env!("CARGO_BIN_EXE_fake-cli"), 1_000)));
    for carrier in Carrier::all(env!("CARGO_BIN_EXE_relay")) {
        table.add(many_threads().block_on(wire::faults(carrier, 100, 200)));
        table.add(many_threads().block_on(wire::endings(carrier, 20)));
    }
    table.write(&machine()).expect("RELIABILITY.md has a place for the figures");
}

//! Load, in a short form. The full one is `benches/figures.rs`.
//!
//! A separate binary: it installs a global allocator that counts for the whole process.

use std::time::Duration;

use copilot_tests::counting::Counting;
use copilot_tests::faulty::Carrier;
use copilot_tests::load::{kills, played, real, wire};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RELAY: &str = env!("CARGO_BIN_EXE_relay");

/// Where a subscriber's turn comes does not depend on the machine.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn many_threads() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime can be made")
}

#[test]
fn many_sessions_with_ten_tools_each_lose_no_call() {
    many_threads().block_on(played::sessions(100));
}

#[test]
fn of_256_concurrent_calls_each_is_answered_once() {
    many_threads().block_on(played::calls(256, 1024, Duration::ZERO));
}

#[test]
fn a_slow_subscriber_receives_the_exact_count_of_missed_events_and_delays_no_other() {
    one_thread().block_on(played::deltas(60_000, 12 << 20));
}

#[test]
fn a_result_of_64_mib_arrives_whole() {
    many_threads().block_on(played::results(1, 1, 64 << 20));
}

#[test]
fn the_real_cli_serves_sessions_in_parallel() {
    many_threads().block_on(real::parallel(4, 2));
}

#[test]
fn nothing_grows_from_round_to_round_on_the_real_cli() {
    one_thread().block_on(real::soak(3, Duration::ZERO, 2, 2));
}

#[test]
fn a_cli_that_is_killed_with_calls_under_way_loses_none_of_them() {
    many_threads().block_on(kills::kills(env!("CARGO_BIN_EXE_fake-cli"), 6));
}

#[test]
fn faults_and_ends_of_connections_are_counted() {
    for carrier in Carrier::all(RELAY) {
        many_threads().block_on(wire::faults(carrier, 2, 30));
        many_threads().block_on(wire::endings(carrier, 1));
    }
}

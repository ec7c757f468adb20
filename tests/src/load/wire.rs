//! Faults on the wire, many times over.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Row, bytes, count, time};
use crate::counting::of_process;
use crate::faulty::endings::{Ending, noticed};
use crate::faulty::mix::{Mixed, mixed};
use crate::faulty::{Carrier, tasks, tasks_fall_to};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// Conversations full of faults.
///
/// # Panics
///
/// When a good message is lost or a task is left.
pub async fn faults(carrier: Carrier, conversations: usize, rounds: usize) -> Row {
    let (before, tasks_before, begun) = (of_process().live, tasks(), Instant::now());
    let mut all = Mixed::default();
    for seed in 0..conversations {
        let Mixed { faults, good, lost } =
            timeout(PATIENCE, mixed(carrier, seed as u64, rounds)).await.expect("everything comes");
        all = Mixed { faults: all.faults + faults, good: all.good + good, lost: all.lost + lost };
    }
    timeout(PATIENCE, tasks_fall_to(tasks_before)).await.expect("no task is left");
    assert_eq!(all.lost, 0, "{carrier:?}: good messages are lost");
    Row {
        what: format!(
            "{} faults among {} good messages over {}",
            count(all.faults),
            count(all.good),
            name(carrier)
        ),
        lost: all.lost,
        memory: format!("{} more after it", bytes(of_process().live - before)),
        tasks: format!("{tasks_before} before, {} after", tasks()),
        time: time(begun.elapsed()),
    }
}

/// Ends of connections, each so often.
///
/// # Panics
///
/// Panics if a waiter does not receive the end, or a task is left.
pub async fn endings(carrier: Carrier, times: usize) -> Row {
    let tasks_before = tasks();
    let mut took = Vec::new();
    for ending in Ending::of(carrier) {
        for _ in 0..times {
            took.push(noticed(carrier, *ending).await);
        }
    }
    took.sort_unstable();
    let kinds: Vec<_> = Ending::of(carrier).iter().map(|ending| format!("{ending:?}")).collect();
    Row {
        what: format!("{} ends of a connection over {} ({})", took.len(), name(carrier), kinds.join(", ")),
        lost: 0,
        memory: String::new(),
        tasks: format!("{tasks_before} before, {} after", tasks()),
        time: format!(
            "all ended after {}, half of them after {}",
            time(took[took.len() - 1]),
            time(took[took.len() / 2])
        ),
    }
}

fn name(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Memory => "memory",
        Carrier::Pipes(_) => "pipes",
        Carrier::Tcp => "TCP",
    }
}

//! Random operations, releases, crashes and faults, compared with files in memory.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use proptest::prelude::*;

use super::super::BucketFs;
use super::store::{Fate, Way};
use crate::host::session_fs::{FsError, FsLayout, FsMkdir, FsRm, FsWrite, MemoryFs, SessionFs};
use crate::protocol::SessionId;

#[derive(Clone, Debug)]
enum Step {
    Write(usize, String),
    Append(usize, String),
    Mkdir(usize, bool),
    Rm(usize, bool, bool),
    Rename(usize, usize),
    Read(usize),
    Stat(usize),
    Readdir(usize),
    /// A flush, a crash, and another process.
    Crash,
    Release,
    Faults(Vec<Fate>),
}

const PATHS: [&str; 9] =
    ["/", "/a", "/a/x", "/a/b", "/a/b/y", "/workspace", "/workspace/z", "/c", "/a/b/../x"];

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    let fate = prop_oneof![
        Just(Fate::Refused),
        Just(Fate::AnswerLost),
        (1u64..200).prop_map(|ms| Fate::Late(Duration::from_millis(ms))),
    ];
    prop_oneof![
        4 => (path(), "[a-z\n]{0,6}").prop_map(|(at, text)| Step::Write(at, text)),
        6 => (path(), "[a-z\n]{0,6}").prop_map(|(at, text)| Step::Append(at, text)),
        3 => (path(), any::<bool>()).prop_map(|(at, all)| Step::Mkdir(at, all)),
        2 => (path(), any::<bool>(), any::<bool>()).prop_map(|(at, all, force)| Step::Rm(at, all, force)),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => path().prop_map(Step::Read),
        1 => path().prop_map(Step::Stat),
        2 => path().prop_map(Step::Readdir),
        1 => Just(Step::Crash),
        1 => Just(Step::Release),
        2 => proptest::collection::vec(fate, 1..4).prop_map(Step::Faults),
    ]
}

/// The outcome of an operation, without the times.
async fn outcome(files: &impl SessionFs, id: &SessionId, step: &Step) -> Result<String, FsError> {
    let at = |at: &usize| PATHS[*at];
    match step {
        Step::Write(path, text) | Step::Append(path, text) => {
            let write = FsWrite { path: at(path), content: text.as_bytes(), mode: None };
            match step {
                Step::Write(..) => files.write_file(id, write).await?,
                _ => files.append_file(id, write).await?,
            }
        }
        Step::Mkdir(path, recursive) => {
            files.mkdir(id, FsMkdir { path: at(path), recursive: *recursive, mode: None }).await?;
        }
        Step::Rm(path, recursive, force) => {
            files.rm(id, FsRm { path: at(path), recursive: *recursive, force: *force }).await?;
        }
        Step::Rename(from, to) => files.rename(id, at(from), at(to)).await?,
        Step::Read(path) => return Ok(format!("{:?}", files.read_file(id, at(path)).await?)),
        Step::Stat(path) => {
            let stat = files.stat(id, at(path)).await?;
            return Ok(format!("{:?} {}", stat.kind, stat.size));
        }
        Step::Readdir(path) => {
            let mut entries = files.readdir(id, at(path)).await?;
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(format!("{entries:?}"));
        }
        Step::Crash | Step::Release | Step::Faults(_) => {}
    }
    Ok(String::new())
}

async fn compare(steps: &[Step]) {
    let store = Arc::new(InMemory::new());
    let way = Way::to(&store);
    let start = || BucketFs::new(way.clone()).layout(FsLayout::posix());
    let (mut files, memory) = (start(), MemoryFs::new().layout(FsLayout::posix()));
    let id = SessionId::from("s");
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Faults(fates) => way.fates(fates.iter().copied()),
            Step::Release => files.release(&id).await.unwrap(),
            Step::Crash => {
                files.flush(&id).await.unwrap();
                files = start();
            }
            _ => {}
        }
        let (found, expected) = (outcome(&files, &id, step).await, outcome(&memory, &id, step).await);
        assert_eq!(found, expected, "step {number}: {step:?}");
    }
    way.fates([]);
    files.release(&id).await.unwrap();
    let last = start();
    for path in 0..PATHS.len() {
        for step in [Step::Read(path), Step::Readdir(path)] {
            let (found, expected) = (outcome(&last, &id, &step).await, outcome(&memory, &id, &step).await);
            assert_eq!(found, expected, "in the end: {step:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_has_what_memory_has(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(compare(&steps));
    }
}

//! Sessions in a store: one writer, what a crash loses, takeovers, failures of the store. Time is paused.

mod clones;
mod gaps;
mod model;
mod sizes;
mod store;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use tokio::time::{Instant, sleep, timeout};

use super::{BucketError, BucketFs};
use crate::host::session_fs::{FsError, FsLayout, FsMkdir, FsRm, FsWrite, SessionFs};
use crate::protocol::SessionId;
use store::{Fate, Way};

const LEASE: Duration = Duration::from_secs(6);
const LOG: &str = "/workspace/log";

/// A process with a separate way to the store.
struct Process {
    way: Way,
    files: BucketFs,
    id: SessionId,
}

impl Process {
    fn new(store: &Arc<InMemory>, name: &str) -> Self {
        Self::with(store, name, |files| files)
    }

    fn with(store: &Arc<InMemory>, name: &str, set: impl FnOnce(BucketFs) -> BucketFs) -> Self {
        let way = Way::to(store);
        let files = BucketFs::new(way.clone()).layout(FsLayout::posix()).lease(LEASE).holder_name(name);
        Self { way, files: set(files), id: "s".into() }
    }

    async fn append(&self, text: &str) -> Result<(), FsError> {
        let write = FsWrite { path: LOG, content: text.as_bytes(), mode: None };
        self.files.append_file(&self.id, write).await
    }

    async fn write(&self, path: &str, text: &str) -> Result<(), FsError> {
        let write = FsWrite { path, content: text.as_bytes(), mode: None };
        self.files.write_file(&self.id, write).await
    }

    async fn read(&self, path: &str) -> Result<String, FsError> {
        self.files.read_file(&self.id, path).await.map(|content| String::from_utf8(content).unwrap())
    }

    async fn requests(&self, act: impl Future<Output = ()>) -> usize {
        let before = self.way.requests.load(Ordering::Relaxed);
        act.await;
        self.way.requests.load(Ordering::Relaxed) - before
    }

    /// Ends as a process that is killed.
    fn crash(self) {
        drop(self.files);
    }
}

async fn paths(store: &InMemory) -> Vec<String> {
    let mut found = Vec::new();
    let mut objects = store.list(Some(&Path::from("sessions")));
    while let Some(object) = super::journal::next(&mut objects).await.unwrap() {
        found.push(object.location.to_string());
    }
    found
}

fn store() -> Arc<InMemory> {
    Arc::new(InMemory::new())
}

#[tokio::test(start_paused = true)]
async fn a_released_session_is_taken_immediately_with_all_its_files() {
    let store = store();
    let one = Process::new(&store, "one");
    one.files.mkdir(&one.id, FsMkdir { path: "/a/b", recursive: true, mode: None }).await.unwrap();
    one.write("/a/b/x", "first").await.unwrap();
    one.write("/a/b/x", "second").await.unwrap();
    one.files.rename(&one.id, "/a/b/x", "/a/y").await.unwrap();
    one.append("1\n").await.unwrap();
    one.write("/a/waits", "for nothing").await.unwrap();
    one.files.release(&one.id).await.unwrap();
    let (two, began) = (Process::new(&store, "two"), Instant::now());
    assert_eq!(two.read("/a/y").await.unwrap(), "second");
    assert_eq!(two.read("/a/waits").await.unwrap(), "for nothing");
    assert_eq!(two.read(LOG).await.unwrap(), "1\n");
    assert!(two.read("/a/b/x").await.unwrap_err().is_not_found());
    assert_eq!(began.elapsed(), Duration::ZERO);
    // The first one may have it back, and begins with what is there then.
    two.append("2\n").await.unwrap();
    two.files.release(&two.id).await.unwrap();
    assert_eq!(one.read(LOG).await.unwrap(), "1\n2\n");
}

#[tokio::test(start_paused = true)]
async fn a_lease_and_a_delay_may_be_longer_than_any_time() {
    let (store, longest) = (store(), Duration::MAX);
    let endless = |name| Process::with(&store, name, |files| files.lease(longest).coalesce_for(longest));
    for name in ["one", "two"] {
        let process = endless(name);
        process.append("1\n").await.unwrap();
        process.write("/workspace/x", name).await.unwrap();
        process.files.flush(&process.id).await.unwrap();
        process.files.release(&process.id).await.unwrap();
    }
    assert_eq!(endless("three").read(LOG).await.unwrap(), "1\n1\n");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_keeps_its_session() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    one.append("1\n").await.unwrap();
    // Idle, or busy: it shows that it lives within a third of its lease.
    for busy in [false, true] {
        let began = Instant::now();
        let refused = async {
            let error = two.files.acquire(&two.id).await.unwrap_err();
            assert!(
                matches!(&error, BucketError::Held { holder, .. } if holder.starts_with("one/")),
                "{error}"
            );
        };
        tokio::select! {
            () = refused => {}
            () = async { loop {
                sleep(Duration::from_millis(500)).await;
                if busy { one.append("more\n").await.unwrap(); }
            }} => unreachable!("it does not end"),
        }
        assert!(began.elapsed() <= LEASE / 2, "{:?}", began.elapsed());
    }
    sleep(LEASE * 10).await;
    one.append("last\n").await.unwrap();
    assert!(!one.files.acquire(&one.id).await.unwrap().is_lost());
}

#[tokio::test(start_paused = true)]
async fn a_slow_holder_is_replaced_after_its_lease_and_finds_out_at_its_next_write() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    let lease = one.files.acquire(&one.id).await.unwrap();
    one.append("1\n").await.unwrap();
    one.way.pause(true);
    let began = Instant::now();
    let taken = two.files.acquire(&two.id).await.unwrap();
    assert!(began.elapsed() >= LEASE, "{:?}", began.elapsed());
    assert!(began.elapsed() <= LEASE + LEASE / 3, "{:?}", began.elapsed());
    assert_eq!((lease.epoch(), taken.epoch()), (1, 2));
    two.append("2\n").await.unwrap();
    one.way.pause(false);
    let error = one.append("never\n").await.unwrap_err();
    assert!(error.to_string().contains("taken over by two/"), "{error}");
    let loss = timeout(Duration::ZERO, lease.lost()).await.unwrap();
    assert!(loss.is_lost() && lease.is_lost());
    // Nothing works until it is released; then it is a session that another one holds.
    assert!(one.read(LOG).await.is_err() && one.files.acquire(&one.id).await.unwrap_err().is_lost());
    assert!(one.files.flush(&one.id).await.unwrap_err().is_lost());
    one.files.release(&one.id).await.unwrap();
    assert!(one.files.acquire(&one.id).await.unwrap_err().is_held());
    assert_eq!(two.read(LOG).await.unwrap(), "1\n2\n");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_finds_the_session_lost_reports_it_and_forgets_it() {
    let store = store();
    let one = Process::new(&store, "one");
    one.append("1\n").await.unwrap();
    // The next number is that of another process.
    let next = Path::from("sessions/s/log/0000000000000003");
    store.put_opts(&next, "{}\n".into(), object_store::PutOptions::default()).await.unwrap();
    assert!(one.files.release(&one.id).await.unwrap_err().is_lost());
    one.files.release(&one.id).await.unwrap();
    // It is read again, and that record is not one.
    assert!(one.read(LOG).await.unwrap_err().to_string().contains("cannot read"));
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_that_was_replaced_finds_out_by_itself() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    let lease = one.files.acquire(&one.id).await.unwrap();
    one.way.pause(true);
    two.files.acquire(&two.id).await.unwrap();
    one.way.pause(false);
    timeout(LEASE / 2, lease.lost()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_that_arrives_long_after_the_takeover_changes_nothing() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    one.append("1\n").await.unwrap();
    one.way.fates([Fate::Late(LEASE * 20)]);
    let late = async {
        sleep(Duration::from_millis(1)).await;
        one.way.pause(true);
        two.files.acquire(&two.id).await.unwrap();
        // Enough that the records of the first holder are removed.
        for number in 0..300 {
            two.append(&format!("two {number}\n")).await.unwrap();
        }
        sleep(LEASE * 30).await;
        one.way.pause(false);
    };
    let (written, ()) = tokio::join!(one.append("never\n"), late);
    assert!(written.is_err());
    assert!(one.append("never\n").await.unwrap_err().to_string().contains("taken over"));
    two.files.release(&two.id).await.unwrap();
    let three = Process::new(&store, "three");
    let text = three.read(LOG).await.unwrap();
    assert!(text.starts_with("1\ntwo 0\n") && text.ends_with("two 299\n") && !text.contains("never"));
}

#[tokio::test(start_paused = true)]
async fn an_answered_append_survives_a_crash_and_other_changes_survive_after_their_delay() {
    let store = store();
    let one = Process::new(&store, "one");
    one.write("/workspace/before", "x").await.unwrap();
    one.append("1\n").await.unwrap();
    one.write("/workspace/early", "x").await.unwrap();
    sleep(Duration::from_millis(201)).await;
    one.write("/workspace/late", "x").await.unwrap();
    sleep(Duration::from_millis(199)).await;
    one.crash();
    let two = Process::new(&store, "two");
    assert_eq!(two.read(LOG).await.unwrap(), "1\n");
    assert!(two.read("/workspace/before").await.is_ok() && two.read("/workspace/early").await.is_ok());
    assert!(two.read("/workspace/late").await.unwrap_err().is_not_found());
}

#[tokio::test(start_paused = true)]
async fn written_behind_a_crash_loses_at_most_the_delay_or_a_quarter_of_a_mebibyte() {
    let store = store();
    let one = Process::with(&store, "one", BucketFs::write_behind);
    for number in 0..30 {
        one.append(&format!("{number}\n")).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    // A large one goes immediately, with those before it.
    one.append(&"x".repeat(256 * 1024)).await.unwrap();
    one.append("after it\n").await.unwrap();
    one.crash();
    let two = Process::new(&store, "two");
    let text = two.read(LOG).await.unwrap();
    assert!(text.contains("29\nxxx") && !text.contains("after it"));
    let two_and_three = two.files.write_behind();
    drop(two_and_three);
    let three = Process::with(&store, "three", BucketFs::write_behind);
    three.append("soon\n").await.unwrap();
    sleep(Duration::from_millis(201)).await;
    three.append("too late\n").await.unwrap();
    three.crash();
    let text = Process::new(&store, "four").read(LOG).await.unwrap();
    assert!(text.ends_with("soon\n"), "{}", &text[text.len() - 20..]);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_refusals_write_each_append_once() {
    let store = store();
    let one = Process::new(&store, "one");
    one.append("begin\n").await.unwrap();
    let mut expected = "begin\n".to_owned();
    let ms = Duration::from_millis;
    for fates in [
        vec![Fate::AnswerLost],
        vec![Fate::Refused],
        vec![Fate::Refused, Fate::Refused, Fate::AnswerLost],
        vec![Fate::Late(ms(20))],
        vec![Fate::Late(ms(120)), Fate::Late(ms(60))],
        vec![Fate::Late(ms(3_000)), Fate::Done],
    ] {
        let line = format!("{fates:?}\n");
        one.way.fates(fates);
        one.append(&line).await.unwrap();
        expected += &line;
    }
    sleep(LEASE).await;
    assert_eq!(one.read(LOG).await.unwrap(), expected);
    one.crash();
    assert_eq!(Process::new(&store, "two").read(LOG).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn while_an_outcome_is_unknown_nothing_is_answered() {
    let store = store();
    let one = Process::new(&store, "one");
    one.append("1\n").await.unwrap();
    let began = Instant::now();
    one.way.fates(vec![Fate::Refused; 1000]);
    let error = one.append("2\n").await.unwrap_err();
    assert!(error.to_string().contains("the connection was cut"), "{error}");
    assert!(began.elapsed() <= LEASE, "{:?}", began.elapsed());
    // The CLI reads the file after a failure, to see whether its append stands.
    assert!(one.read(LOG).await.is_err());
    one.way.fates([]);
    assert_eq!(one.read(LOG).await.unwrap(), "1\n2\n");
    one.append("3\n").await.unwrap();
    one.crash();
    assert_eq!(Process::new(&store, "two").read(LOG).await.unwrap(), "1\n2\n3\n");
}

#[tokio::test(start_paused = true)]
async fn a_session_with_an_unknown_outcome_that_is_taken_over_is_lost_or_whole() {
    let store = store();
    for (fate, stands) in [(Fate::Refused, false), (Fate::Late(LEASE), true)] {
        let mut one = Process::new(&store, "one");
        let mut two = Process::new(&store, "two");
        let id = SessionId::from(format!("s-{stands}"));
        (one.id, two.id) = (id.clone(), id);
        one.append("1\n").await.unwrap();
        one.way.fates([fate]);
        let paused = async {
            sleep(Duration::from_millis(1)).await;
            one.way.pause(true);
            sleep(LEASE * 2).await;
            two.files.acquire(&two.id).await.unwrap();
            one.way.pause(false);
        };
        let (written, ()) = tokio::join!(one.append("2\n"), paused);
        let text = two.read(LOG).await.unwrap();
        assert_eq!(text, if stands { "1\n2\n" } else { "1\n" });
        // The store was not reached for longer than the lease, and after that the other process had the
        // session.
        assert!(written.is_err());
        assert!(one.append("3\n").await.unwrap_err().to_string().contains("taken over"));
        assert_eq!(two.read(LOG).await.unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_log_is_shortened_and_keeps_its_fences() {
    let store = store();
    let mut expected = String::new();
    let paused = Process::new(&store, "paused");
    paused.append("0\n").await.unwrap();
    expected += "0\n";
    paused.way.pause(true);
    for round in 0..5 {
        let process = Process::new(&store, &format!("p{round}"));
        for number in 0..200 {
            let line = format!("{round} {number}\n");
            process.append(&line).await.unwrap();
            expected += &line;
        }
        process.files.release(&process.id).await.unwrap();
    }
    let left = paths(&store).await;
    assert!(left.len() < 80, "{} objects", left.len());
    // Its next number is that of a takeover whose other records are long gone.
    paused.way.pause(false);
    assert!(paused.append("never\n").await.unwrap_err().to_string().contains("taken over"));
    assert_eq!(Process::new(&store, "last").read(LOG).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_often_costs_no_more_than_its_size() {
    let store = store();
    let one = Process::new(&store, "one");
    let content = "y".repeat(300 * 1024);
    for _ in 0..40 {
        one.write("/workspace/large", &content).await.unwrap();
    }
    one.files.release(&one.id).await.unwrap();
    let [session] = &one.files.sessions().await.unwrap()[..] else { panic!("one session") };
    assert_eq!(session.bytes, 300 * 1024);
    assert!(session.stored_bytes < 2 * 1024 * 1024, "{session:?}");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_listed_and_deleted() {
    let store = store();
    let mut one = Process::new(&store, "one");
    for name in ["b", "a", "c"] {
        one.id = name.into();
        one.append(name).await.unwrap();
    }
    one.files.release(&"a".into()).await.unwrap();
    one.files.release(&"b".into()).await.unwrap();
    let two = Process::new(&store, "two");
    let found = two.files.sessions().await.unwrap();
    let line: Vec<_> = found.iter().map(|s| (s.id.as_str(), s.bytes, s.holder.is_some(), s.epoch)).collect();
    assert_eq!(line, [("a", 1, false, 1), ("b", 1, false, 1), ("c", 1, true, 1)]);
    assert!(found[2].holder.as_ref().unwrap().starts_with("one/"));
    // One that another process holds is not deleted.
    assert!(two.files.delete(&"c".into()).await.unwrap_err().is_held());
    two.files.delete(&"a".into()).await.unwrap();
    two.files.delete(&"nothing".into()).await.unwrap();
    one.files.delete(&"c".into()).await.unwrap();
    let found = two.files.sessions().await.unwrap();
    assert_eq!(found.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let left = paths(&store).await;
    for id in ["a", "c"] {
        let of = left.iter().filter(|path| path.starts_with(&format!("sessions/{id}/"))).count();
        assert!((2..=3).contains(&of), "{left:?}");
    }
    assert!(!left.iter().any(|path| path.contains("nothing")));
    // Its id is free for another one.
    one.id = "a".into();
    assert!(one.read(LOG).await.unwrap_err().is_not_found());
    one.append("again").await.unwrap();
    one.files.release(&one.id).await.unwrap();
    let found = two.files.sessions().await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].bytes), ("a", 5));
}

#[tokio::test(start_paused = true)]
async fn a_holder_of_a_deleted_session_cannot_write_it() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    one.append("secret\n").await.unwrap();
    one.way.pause(true);
    two.files.delete(&two.id).await.unwrap();
    one.way.pause(false);
    assert!(one.append("secret\n").await.is_err());
    for path in paths(&store).await {
        let object = store.get_opts(&Path::from(path.as_str()), object_store::GetOptions::default()).await;
        let object = object.unwrap().bytes().await.unwrap();
        assert!(!String::from_utf8_lossy(&object).contains("secret"), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_that_create_a_session_one_gets_it() {
    for _ in 0..20 {
        let store = store();
        let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
        // Both have seen that there is none.
        assert!(one.read(LOG).await.unwrap_err().is_not_found());
        assert!(two.read(LOG).await.unwrap_err().is_not_found());
        assert!(paths(&store).await.is_empty(), "reading creates nothing");
        let (first, second) = tokio::join!(one.append("x"), two.append("x"));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let held = first.and(second).unwrap_err();
        assert!(held.to_string().contains("is held by"), "{held}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_requests_is_as_documented() {
    let store = store();
    let one = Process::new(&store, "one");
    let open = async {
        assert!(one.read("/session-state/settings.json").await.unwrap_err().is_not_found());
        one.append("0\n").await.unwrap();
    };
    // A list each for the read and the write, the lease, the record.
    assert_eq!(one.requests(open).await, 4);
    let turn = async {
        one.write("/workspace/a", "x").await.unwrap();
        one.append("1\n").await.unwrap();
        one.read(LOG).await.unwrap();
        one.files.mkdir(&one.id, FsMkdir { path: "/workspace", recursive: true, mode: None }).await.unwrap();
        one.append("2\n").await.unwrap();
    };
    assert_eq!(one.requests(turn).await, 2);
    // Two in each third of the lease.
    assert_eq!(one.requests(sleep(LEASE * 10 + LEASE / 6)).await, 60);
    assert_eq!(one.requests(async { one.files.release(&one.id).await.unwrap() }).await, 1);
    assert_eq!(one.requests(sleep(LEASE * 10)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_without_conditional_writes_is_an_error_immediately() {
    let (store, began) = (store(), Instant::now());
    let one = Process::new(&store, "one");
    one.way.fates(vec![Fate::NotImplemented; 1000]);
    let error = one.files.acquire(&one.id).await.unwrap_err();
    assert!(error.to_string().contains("a condition not yet implemented by a test"), "{error}");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn bounds_and_ids_are_errors() {
    let store = store();
    let mut one = Process::with(&store, "one", |files| files.max_session_bytes(10));
    one.append("12345678").await.unwrap();
    let error = one.append("123").await.unwrap_err();
    assert!(error.to_string().contains("11 bytes, and the limit is 10"), "{error}");
    one.append("90").await.unwrap();
    let all = FsRm { path: LOG, recursive: false, force: false };
    one.files.rm(&one.id, all).await.unwrap();
    one.append("1234567890").await.unwrap();
    for id in ["", "..", "a/b", "a b"] {
        one.id = id.into();
        let error = one.append("x").await.unwrap_err();
        assert!(error.to_string().contains("cannot be the name"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_is_named() {
    let store = store();
    let one = Process::new(&store, "one");
    one.append("1\n").await.unwrap();
    one.files.release(&one.id).await.unwrap();
    let path = Path::from("sessions/s/log/0000000000000002");
    let put = |text: &'static str| store.put_opts(&path, text.into(), object_store::PutOptions::default());
    put("{}").await.unwrap();
    let two = Process::new(&store, "two");
    let error = two.read(LOG).await.unwrap_err();
    assert!(error.to_string().contains("cannot read sessions/s/log/0000000000000002"), "{error}");
    assert!(two.files.acquire(&two.id).await.is_err());
}

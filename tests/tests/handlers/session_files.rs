//! Sessions whose files the program keeps, on the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::host::object_store::BucketFs;
use copilot::host::object_store::object_store::local::LocalFileSystem;
use copilot::host::session_fs::{
    DirectoryFs, FsEntry, FsError, FsLayout, FsMkdir, FsRm, FsStat, FsWrite, MemoryFs, SessionFs,
    WithWorkspace,
};
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::tool_filter::ToolFilter;
use copilot::{Client, Permissions, Session, SessionBuilder, SessionId, State};
use copilot_tests::tested;
use serde_json::json;

/// Every file below a directory.
fn on_disk(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(on_disk(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found
}

/// Whether a real CLI of the version under test keeps whole sessions there; if not, that it is said.
async fn is_offered(state: &Path) -> bool {
    if tested::since([1, 0, 92]) {
        return true;
    }
    let files = MemoryFs::new().layout(FsLayout::posix());
    let started = hermetic_client(state).session_fs(files).start().await;
    if !tested::since([1, 0, 32]) {
        let error = started.unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains("1.0.32"), "{error:?}");
        tested::not_supported("it has no session file systems, and the library says so");
        return false;
    }
    let opened = started.unwrap().session().start().await;
    if tested::since([1, 0, 57]) {
        assert!(opened.unwrap_err().to_string().contains("/workspace"));
        tested::not_supported("a working directory must exist on the real machine");
    } else {
        assert_ne!(opened.unwrap().workspace_path(), Some("/session-state"));
        tested::not_supported("it keeps only what was said in a session file system");
    }
    false
}

/// A conversation that writes a file, is closed, and continues in another client; the id of its session.
async fn write_and_resume<F: SessionFs + Clone>(state: &Path, files: F, dir: &str) -> SessionId {
    let path = format!("{dir}/poem.txt");
    let script = Script::new()
        .call("create", json!({"path": path, "file_text": "Roses are red.\n"}))
        .say("Written.")
        .call("view", json!({"path": path}))
        .expect_tool_result("view", |text| text.contains("Roses are red."))
        .say("They are red.");
    let model = ScriptedModel::start(script).await.unwrap();
    let open = |session: SessionBuilder| {
        session.scripted_model(&model).permissions(Permissions::approve_all()).start()
    };
    let client = hermetic_client(state).session_fs(files.clone()).start().await.unwrap();
    let session = open(client.session()).await.unwrap();
    assert_eq!(session.ask("Write a poem.").await.unwrap().text(), "Written.");
    assert_eq!(session.workspace_path(), Some("/session-state"));
    let id = session.id().clone();
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    // Another CLI, with a separate state directory.
    let other = state.join("other");
    std::fs::create_dir(&other).unwrap();
    let client = hermetic_client(&other).session_fs(files).start().await.unwrap();
    let session = open(client.resume(id.clone())).await.unwrap();
    let before = session.history().events().await.unwrap();
    assert!(before.iter().any(|event| event.raw_data().contains("Write a poem.")));
    assert_eq!(session.ask("What colour are they?").await.unwrap().text(), "They are red.");
    client.shutdown().await.unwrap();
    model.finish().unwrap();
    id
}

#[tokio::test]
async fn a_session_in_memory_leaves_nothing_on_disk_and_is_resumed_by_another_client() {
    let state = tempfile::tempdir().unwrap();
    if !is_offered(state.path()).await {
        return;
    }
    let files = MemoryFs::new().layout(FsLayout::posix());
    let id = write_and_resume(state.path(), files.clone(), "/workspace").await;
    let events = files.content(&id, "/session-state/events.jsonl").unwrap();
    assert!(String::from_utf8(events).unwrap().contains("What colour are they?"));
    assert_eq!(files.content(&id, "/workspace/poem.txt").unwrap(), b"Roses are red.\n");
    // The files on disk belong to the CLI: settings, logs, an index of sessions that does not have this one.
    let kept = on_disk(state.path());
    for path in &kept {
        assert!(!path.contains("session-state") && !path.contains(id.as_str()), "{path}");
        let content = std::fs::read(path).unwrap();
        let said = b"Roses are red.".as_slice();
        let is_log = path.contains("/logs/");
        assert!(is_log || !content.windows(said.len()).any(|part| part == said), "{path}");
    }
    println!("left on disk: {kept:#?}");
}

#[tokio::test]
async fn a_session_in_a_directory_is_resumed_by_another_client() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if !is_offered(state.path()).await {
        return;
    }
    let files = DirectoryFs::new(root.path()).layout(FsLayout::posix());
    let id = write_and_resume(state.path(), files, "/workspace").await;
    let tree = root.path().join(id.as_str());
    assert_eq!(std::fs::read_to_string(tree.join("workspace/poem.txt")).unwrap(), "Roses are red.\n");
    assert!(tree.join("session-state/events.jsonl").is_file());
    assert!(!on_disk(state.path()).iter().any(|path| path.contains("session-state")));
}

#[tokio::test]
async fn with_a_workspace_files_are_real_and_the_session_is_not() {
    let (state, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if !is_offered(state.path()).await {
        return;
    }
    let memory = MemoryFs::new().layout(FsLayout::posix());
    let directory = project.path().canonicalize().unwrap();
    let files = WithWorkspace::new(memory.clone(), &directory);
    let id = write_and_resume(state.path(), files, directory.to_str().unwrap()).await;
    assert_eq!(std::fs::read_to_string(directory.join("poem.txt")).unwrap(), "Roses are red.\n");
    assert!(memory.paths(&id).iter().any(|path| path == "/session-state/events.jsonl"));
    assert_eq!(on_disk(&directory).len(), 1);
}

#[tokio::test]
async fn two_sessions_have_trees_of_their_own_and_an_empty_one_needs_no_state_directory() {
    let home = tempfile::tempdir().unwrap();
    if !is_offered(home.path()).await {
        return;
    }
    let script = |what: &str| {
        let path = "/workspace/note.txt";
        Script::when(what).call("create", json!({"path": path, "file_text": what})).say("Done.")
    };
    let model = ScriptedModel::start([script("one"), script("two")]).await.unwrap();
    let files = MemoryFs::new().layout(FsLayout::posix());
    // A separate home, which the library does not know.
    let client = |files: Option<MemoryFs>| {
        let client = Client::builder()
            .cwd(home.path())
            .env("HOME", home.path())
            .env("USERPROFILE", home.path())
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env_remove("COPILOT_HOME")
            .use_logged_in_user(false);
        match files {
            Some(files) => client.session_fs(files).lazy().unwrap(),
            None => client.lazy().unwrap(),
        }
    };
    let shared = client(None);
    let refused = shared.session().isolated().available_tools([ToolFilter::builtin("create")]).start().await;
    let reported = refused.unwrap_err().to_string();
    assert!(reported.contains("`state_dir` or `session_fs`"), "{reported}");
    shared.shutdown().await.unwrap();
    let client = client(Some(files.clone()));
    let open = || async {
        let session = client.session().isolated().available_tools([ToolFilter::builtin("create")]);
        session.scripted_model(&model).permissions(Permissions::approve_all()).start().await.unwrap()
    };
    let (one, two) = tokio::join!(open(), open());
    let (said_one, said_two) = tokio::join!(one.ask("one"), two.ask("two"));
    assert_eq!((said_one.unwrap().text(), said_two.unwrap().text()), ("Done.", "Done."));
    for (session, note) in [(&one, "one"), (&two, "two")] {
        assert_eq!(files.content(session.id(), "/workspace/note.txt").unwrap(), note.as_bytes());
    }
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}

#[tokio::test]
async fn a_session_in_memory_has_a_database_that_another_client_resumes() {
    let state = tempfile::tempdir().unwrap();
    if !is_offered(state.path()).await {
        return;
    }
    let sql = |query: &str| json!({"description": "Count", "query": query});
    let script = Script::new()
        .call("sql", sql("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (40), (2)"))
        .say("Stored.")
        .call("sql", sql("SELECT sum(a) AS total FROM t"))
        .expect_tool_result("sql", |text| text.contains("total") && text.contains("42"))
        .say("42.");
    let model = ScriptedModel::start(script).await.unwrap();
    let files = MemoryFs::new().layout(FsLayout::posix()).with_sqlite();
    let open = |session: SessionBuilder| {
        session.scripted_model(&model).permissions(Permissions::approve_all()).start()
    };
    let client = hermetic_client(state.path()).session_fs(files.clone()).start().await.unwrap();
    let session = open(client.session()).await.unwrap();
    assert_eq!(session.ask("Store two numbers.").await.unwrap().text(), "Stored.");
    let id = session.id().clone();
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    let client = hermetic_client(state.path()).session_fs(files).start().await.unwrap();
    let session = open(client.resume(id)).await.unwrap();
    assert_eq!(session.ask("Add them up.").await.unwrap().text(), "42.");
    client.shutdown().await.unwrap();
    model.finish().unwrap();
    assert!(on_disk(state.path()).iter().all(|path| !path.contains("session.db")));
}

/// A bucket in a directory, as another process sees it.
fn bucket(directory: &Path) -> BucketFs {
    let store = LocalFileSystem::new_with_prefix(directory).unwrap();
    BucketFs::new(store).layout(FsLayout::posix()).lease(Duration::from_secs(1))
}

/// The messages of a conversation, with the names of their events.
async fn said(session: &Session) -> Vec<(String, String)> {
    let events = session.history().events().await.unwrap();
    let messages =
        events.iter().filter(|event| ["user.message", "assistant.message"].contains(&event.name()));
    messages
        .map(|event| {
            let data: serde_json::Value = serde_json::from_str(event.raw_data()).unwrap();
            (event.name().to_owned(), data["content"].as_str().unwrap_or_default().to_owned())
        })
        .collect()
}

/// The numbers of the records in a session's log.
fn records(bucket: &Path, id: &SessionId) -> Vec<u64> {
    let log = bucket.join("sessions").join(id.as_str()).join("log");
    let names = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<_> = names.filter_map(|name| name.to_str().unwrap().parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_session_in_a_bucket_outlives_its_program_and_continues_in_another() {
    let [state, other, root] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    if !is_offered(state.path()).await {
        return;
    }
    let path = "/workspace/poem.txt";
    let script = Script::new()
        .call("create", json!({"path": path, "file_text": "Roses are red.\n"}))
        .say("Written.")
        .say("Yes.")
        .call("view", json!({"path": path}))
        .expect_tool_result("view", |text| text.contains("Roses are red."))
        .say("They are red.");
    let model = ScriptedModel::start(script).await.unwrap();
    let open = |session: SessionBuilder| {
        session.scripted_model(&model).permissions(Permissions::approve_all()).start()
    };
    let one = bucket(root.path());
    let client = hermetic_client(state.path()).session_fs(one.clone()).start().await.unwrap();
    let session = open(client.session()).await.unwrap();
    assert_eq!(session.ask("Write a poem.").await.unwrap().text(), "Written.");
    let id = session.id().clone();
    let first = records(root.path(), &id).len();
    assert_eq!(session.ask("Is it done?").await.unwrap().text(), "Yes.");
    let turn = records(root.path(), &id).len() - first;
    assert!((1..=3).contains(&turn), "{turn} records for a turn");
    let before = said(&session).await;
    // As a program that is killed: nothing is flushed, and nothing is released.
    drop((session, client, one));
    let two = bucket(root.path());
    let client = hermetic_client(other.path()).session_fs(two.clone()).start().await.unwrap();
    let lease = two.acquire(&id).await.unwrap();
    assert_eq!(lease.epoch(), 2);
    let session = open(client.resume(id.clone())).await.unwrap();
    assert_eq!(said(&session).await, before);
    assert!(before.contains(&("user.message".into(), "Is it done?".into())), "{before:?}");
    assert_eq!(session.ask("What colour are they?").await.unwrap().text(), "They are red.");
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    two.release(&id).await.unwrap();
    model.finish().unwrap();
    let [kept] = &two.sessions().await.unwrap()[..] else { panic!("one session") };
    assert_eq!((&kept.id, kept.holder.as_ref()), (&id, None));
    two.delete(&id).await.unwrap();
    assert!(two.sessions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_session_that_is_taken_over_ends_its_turn_with_an_error_that_says_so() {
    let [state, root] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    if !is_offered(state.path()).await {
        return;
    }
    let model = ScriptedModel::start(Script::new().say("One.").say("Two.")).await.unwrap();
    let files = bucket(root.path());
    let client = hermetic_client(state.path()).session_fs(files.clone()).start().await.unwrap();
    let session = client.session().scripted_model(&model).start().await.unwrap();
    assert_eq!(session.ask("One?").await.unwrap().text(), "One.");
    let lease = files.acquire(session.id()).await.unwrap();
    // Another process has written the next number.
    let next = records(root.path(), session.id()).last().unwrap() + 1;
    let log = root.path().join("sessions").join(session.id().as_str()).join("log");
    std::fs::write(log.join(format!("{next:016}")), "{}\n").unwrap();
    let (turn, loss) = tokio::join!(session.ask("Two?"), lease.lost());
    assert!(loss.is_lost() && loss.to_string().contains("taken over"), "{loss}");
    let error = turn.unwrap_err().to_string();
    assert!(error.contains("taken over by another process"), "{error}");
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
}

/// Files whose appends take long, and the number of those that are not answered yet.
#[derive(Clone)]
struct Slow {
    files: MemoryFs,
    unanswered: Arc<AtomicUsize>,
}

impl SessionFs for Slow {
    fn layout(&self) -> FsLayout {
        FsLayout::posix()
    }

    async fn append_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        self.unanswered.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(700)).await;
        let written = self.files.append_file(session, write).await;
        self.unanswered.fetch_sub(1, Ordering::SeqCst);
        written
    }

    async fn read_file(&self, session: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        self.files.read_file(session, path).await
    }

    async fn write_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        self.files.write_file(session, write).await
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        self.files.stat(session, path).await
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        self.files.mkdir(session, mkdir).await
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        self.files.readdir(session, path).await
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        self.files.rm(session, rm).await
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        self.files.rename(session, from, to).await
    }
}

/// Count the appends that are not answered.
#[copilot::tool]
fn unanswered(files: State<Arc<AtomicUsize>>) -> String {
    format!("{} not answered", files.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_tool_runs_and_a_turn_ends_after_the_events_before_it_are_stored() {
    let state = tempfile::tempdir().unwrap();
    if !is_offered(state.path()).await {
        return;
    }
    let script = Script::new()
        .call("unanswered", json!({}))
        .expect_tool_result("unanswered", |text| text == "0 not answered")
        .say("Once.")
        .call("unanswered", json!({}))
        .expect_tool_result("unanswered", |text| text == "0 not answered")
        .say("Twice.");
    let model = ScriptedModel::start(script).await.unwrap();
    let files = Slow { files: MemoryFs::new().layout(FsLayout::posix()), unanswered: Arc::default() };
    let client = hermetic_client(state.path()).session_fs(files.clone()).start().await.unwrap();
    let session = client.session().scripted_model(&model).with_tools([unanswered::TOOL]);
    let session = session.state(Arc::clone(&files.unanswered)).start().await.unwrap();
    for answer in ["Once.", "Twice."] {
        assert_eq!(session.ask("Count.").await.unwrap().text(), answer);
        let events = files.files.content(session.id(), "/session-state/events.jsonl").unwrap();
        assert!(String::from_utf8(events).unwrap().contains(&format!(r#""content":"{answer}""#)));
    }
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}

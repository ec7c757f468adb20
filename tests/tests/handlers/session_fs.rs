//! The program keeps the files of the CLI's sessions.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::{Arc, Mutex};

use copilot::host::object_store::BucketFs;
use copilot::host::object_store::object_store::ObjectStore;
use copilot::host::object_store::object_store::memory::InMemory;
use copilot::host::session_fs::{
    DirectoryFs, FsEntry, FsError, FsLayout, FsMkdir, FsRm, FsStat, FsWrite, MemoryFs, SessionFs, SqlRows,
    SqlStatement, WithWorkspace,
};
use copilot::testing::FakeCli;
use copilot::{Client, ErrorKind, EventKind, SessionId};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Asks a client with this file system for an operation, as the CLI does.
struct Asked {
    cli: FakeCli,
    _client: Client,
}

impl Asked {
    async fn start(files: impl SessionFs) -> Self {
        let cli = FakeCli::new();
        let client = cli.client_builder().session_fs(files).start().await.unwrap();
        Self { cli, _client: client }
    }

    async fn of(&self, session: &str, operation: &str, mut params: Value) -> Value {
        params["sessionId"] = session.into();
        self.cli.request(&format!("sessionFs.{operation}"), params).await.unwrap()
    }

    async fn ask(&self, operation: &str, params: Value) -> Value {
        self.of("s", operation, params).await
    }

    async fn check(&self, operation: &str, params: Value, expected: Value) {
        assert_eq!(self.ask(operation, params.clone()).await, expected, "{operation} {params}");
    }

    async fn fails(&self, operation: &str, params: Value, code: &str) -> String {
        let result = self.ask(operation, params.clone()).await;
        let error = result.get("error").unwrap_or(&result);
        assert_eq!(error["code"], code, "{operation} {params}: {result}");
        error["message"].as_str().unwrap().to_owned()
    }
}

/// The operations of each file system in these tests.
async fn works_as_a_file_system(files: impl SessionFs) {
    let asked = Asked::start(files).await;
    let at = |path: &str| json!({"path": path});
    // The working directory is there from the start; a file needs its directory.
    asked.check("exists", at("/workspace"), json!({"exists": true})).await;
    let early = json!({"path": "/session-state/a.txt", "content": "x"});
    asked.fails("writeFile", early, "ENOENT").await;
    let mkdir = json!({"path": "/session-state/checkpoints", "recursive": true, "mode": 448});
    asked.check("mkdir", mkdir.clone(), json!(null)).await;
    asked.check("mkdir", mkdir, json!(null)).await;
    asked.fails("mkdir", at("/session-state"), "UNKNOWN").await;
    asked.fails("mkdir", at("/nowhere/else"), "ENOENT").await;
    // Text and bytes.
    let write = json!({"path": "/session-state/a.txt", "content": "one\n", "mode": 384});
    asked.check("writeFile", write, json!(null)).await;
    let append = json!({"path": "/session-state/a.txt", "content": "zwö\n", "mode": null});
    asked.check("appendFile", append, json!(null)).await;
    asked.check("readFile", at("/session-state//x/../a.txt"), json!({"content": "one\nzwö\n"})).await;
    asked.check("readFileBytes", at("/session-state/a.txt"), json!({"content": "b25lCnp3w7YK"})).await;
    let range = |offset: u64, length: Value| json!({"path": "/session-state/a.txt", "offset": offset, "length": length});
    let part = |content: &str, length: u64| json!({"content": content, "byteLength": length});
    asked.check("readFileRange", range(1, json!(2)), part("bmU=", 2)).await;
    asked.check("readFileRange", range(8, json!(null)), part("Cg==", 1)).await;
    asked.check("readFileRange", range(99, json!(4)), part("", 0)).await;
    let bytes = json!({"path": "/workspace/dot.bin", "content": "//8A"});
    asked.check("writeFileBytes", bytes, json!(null)).await;
    asked.check("readFileBytes", at("/workspace/dot.bin"), json!({"content": "//8A"})).await;
    assert!(asked.fails("readFile", at("/workspace/dot.bin"), "UNKNOWN").await.contains("UTF-8"));
    // Paths that exist.
    let stat = asked.ask("stat", at("/session-state/a.txt")).await;
    assert_eq!(
        (&stat["isFile"], &stat["isDirectory"], &stat["size"]),
        (&json!(true), &json!(false), &json!(9))
    );
    let year = stat["mtime"].as_str().unwrap()[..4].parse::<u32>().unwrap();
    assert!(year > 2024 && stat["birthtime"].as_str().unwrap().ends_with('Z'), "{stat}");
    assert_eq!(asked.ask("stat", at("/session-state")).await["isDirectory"], true);
    asked.fails("stat", at("/session-state/b.txt"), "ENOENT").await;
    asked.fails("stat", at("/session-state/a.txt/b"), "ENOENT").await;
    let mut names = asked.ask("readdir", at("/session-state")).await["entries"].clone();
    names.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(names, json!(["a.txt", "checkpoints"]));
    let typed = json!({"entries": [{"name": "dot.bin", "type": "file"}]});
    asked.check("readdirWithTypes", at("/workspace"), typed).await;
    asked.fails("readdir", at("/nowhere"), "ENOENT").await;
    // Moving and removing.
    let to = |src: &str, dest: &str| json!({"src": src, "dest": dest});
    asked.check("rename", to("/session-state/a.txt", "/workspace/dot.bin"), json!(null)).await;
    asked.check("exists", at("/session-state/a.txt"), json!({"exists": false})).await;
    asked.check("readFile", at("/workspace/dot.bin"), json!({"content": "one\nzwö\n"})).await;
    asked.check("rename", to("/workspace/dot.bin", "/workspace/dot.bin"), json!(null)).await;
    asked.fails("rename", to("/workspace/gone", "/workspace/b"), "ENOENT").await;
    asked.fails("rename", to("/session-state", "/session-state/checkpoints/x"), "UNKNOWN").await;
    asked.fails("rm", at("/session-state"), "UNKNOWN").await;
    asked.check("rm", json!({"path": "/session-state", "recursive": true}), json!(null)).await;
    asked.fails("rm", at("/session-state"), "ENOENT").await;
    asked.check("rm", json!({"path": "/session-state/x", "force": true}), json!(null)).await;
    asked.fails("rm", json!({"path": "/..", "recursive": true, "force": true}), "UNKNOWN").await;
    // Each session has a separate tree.
    assert_eq!(asked.of("other", "exists", at("/workspace/dot.bin")).await, json!({"exists": false}));
    // There is no database.
    let sql = json!({"query": "SELECT 1", "queryType": "query"});
    assert!(asked.fails("sqliteQuery", sql, "UNKNOWN").await.contains("SQLite"));
    let failed = asked.ask("sqliteTransaction", json!({"statements": []})).await;
    assert_eq!((&failed["results"], &failed["error"]["errorClass"]), (&json!([]), &json!("fatal")));
    asked.check("sqliteExists", json!({}), json!({"exists": false})).await;
}

#[tokio::test]
async fn files_in_memory_work_as_a_file_system() {
    works_as_a_file_system(MemoryFs::new().layout(FsLayout::posix())).await;
}

#[tokio::test]
async fn files_in_a_directory_work_as_a_file_system() {
    let root = tempfile::tempdir().unwrap();
    works_as_a_file_system(DirectoryFs::new(root.path().join("made")).layout(FsLayout::posix())).await;
    let kept = root.path().join("made/s/workspace/dot.bin");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "one\nzwö\n");
}

#[tokio::test]
async fn files_in_a_bucket_work_as_a_file_system() {
    let bucket = || BucketFs::new(InMemory::new()).layout(FsLayout::posix());
    works_as_a_file_system(bucket()).await;
    let real = tempfile::tempdir().unwrap();
    let directory = real.path().to_str().unwrap();
    let asked = Asked::start(WithWorkspace::new(bucket(), directory)).await;
    let made = json!({"path": format!("{directory}/new.txt"), "content": "x"});
    asked.check("writeFile", made, json!(null)).await;
    assert!(real.path().join("new.txt").exists());
}

#[tokio::test]
async fn of_two_clients_with_a_bucket_the_second_is_refused_while_the_first_holds_the_session() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let bucket = || {
        let files = BucketFs::new(Arc::clone(&store)).layout(FsLayout::posix());
        files.lease(std::time::Duration::from_millis(500)).holder_name("machine")
    };
    let (one, two) = (bucket(), bucket());
    let (first, second) = (Asked::start(one.clone()).await, Asked::start(two).await);
    let write = json!({"path": "/workspace/a.txt", "content": "x"});
    first.check("writeFile", write.clone(), json!(null)).await;
    assert!(second.fails("writeFile", write.clone(), "UNKNOWN").await.contains("is held by machine/"));
    assert!(second.fails("readFile", json!({"path": "/a"}), "UNKNOWN").await.contains("is held by"));
    one.release(&"s".into()).await.unwrap();
    second.check("writeFile", write, json!(null)).await;
    // A name in the log says which machine it was.
    assert!(one.sessions().await.unwrap()[0].holder.as_ref().unwrap().starts_with("machine/"));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_leads_out_of_a_directory() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let root = tempfile::tempdir().unwrap();
    let (tree, outside) = (root.path().join("trees/s"), root.path().join("outside"));
    std::fs::create_dir_all(tree.join("workspace")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, tree.join("workspace/out")).unwrap();
    symlink(outside.join("secret"), tree.join("workspace/file")).unwrap();
    symlink(outside.join("new"), tree.join("workspace/nothing")).unwrap();
    symlink("../workspace", tree.join("workspace/in")).unwrap();
    let asked = Asked::start(DirectoryFs::new(root.path().join("trees")).layout(FsLayout::posix())).await;
    for path in ["/workspace/out/secret", "/workspace/file", "/workspace/in/out/secret", "/workspace/nothing"]
    {
        let message = asked.fails("readFile", json!({"path": path}), "UNKNOWN").await;
        assert!(message.contains("leads out"), "{path}: {message}");
        for operation in ["writeFile", "appendFile"] {
            asked.fails(operation, json!({"path": path, "content": "x"}), "UNKNOWN").await;
        }
    }
    for path in ["/../../outside/secret", "../../../outside/secret", "/../outside/secret"] {
        asked.fails("readFile", json!({"path": path}), "ENOENT").await;
    }
    let moved = json!({"src": "/workspace/in", "dest": "/workspace/out/in"});
    asked.fails("rename", moved, "UNKNOWN").await;
    let below = json!({"path": "/workspace/out/dir/sub", "recursive": true});
    asked.fails("mkdir", below, "UNKNOWN").await;
    // A link that stays inside is one like any other, and is itself what is removed.
    let write = json!({"path": "/workspace/in/a.txt", "content": "x", "mode": 384});
    asked.check("writeFile", write, json!(null)).await;
    let mode = std::fs::metadata(tree.join("workspace/a.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    asked.check("rm", json!({"path": "/workspace/out", "recursive": true}), json!(null)).await;
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert!(!outside.join("new").exists());
    // Nor does the name of a session.
    for session in ["..", "", "a/b"] {
        let result = asked.of(session, "readFile", json!({"path": "/outside/secret"})).await;
        assert_eq!(result["error"]["code"], "UNKNOWN", "{session}: {result}");
    }
    // Nor is anything but a file one.
    assert!(asked.fails("readFile", json!({"path": "/workspace"}), "UNKNOWN").await.contains("file"));
}

#[tokio::test]
async fn a_workspace_is_real_and_the_rest_is_not() {
    let real = tempfile::tempdir().unwrap();
    let directory = real.path().to_str().unwrap();
    std::fs::write(real.path().join("a.txt"), "real").unwrap();
    let memory = MemoryFs::new().layout(FsLayout::posix());
    let asked = Asked::start(WithWorkspace::new(memory.clone(), directory)).await;
    assert_eq!(asked.cli.requests("sessionFs.setProvider")[0]["initialCwd"], directory);
    let path = format!("{directory}/a.txt");
    asked.check("readFile", json!({"path": path}), json!({"content": "real"})).await;
    asked.check("mkdir", json!({"path": "/session-state"}), json!(null)).await;
    let write = json!({"path": "/session-state/b.txt", "content": "x"});
    asked.check("writeFile", write, json!(null)).await;
    assert_eq!(memory.paths(&"s".into()), ["/session-state/b.txt"]);
    let made = json!({"path": format!("{directory}/new.txt"), "content": "x"});
    asked.check("writeFile", made, json!(null)).await;
    assert!(real.path().join("new.txt").exists());
    let across = json!({"src": path, "dest": "/session-state/a.txt"});
    asked.fails("rename", across, "UNKNOWN").await;
    let exists = json!({"path": format!("{directory}/gone")});
    asked.check("exists", exists, json!({"exists": false})).await;
}

#[tokio::test]
async fn memory_has_what_was_put_there() {
    let files = MemoryFs::new().layout(FsLayout::windows()).file(r"C:\workspace\notes.md", "Buy milk.");
    let asked = Asked::start(files.clone()).await;
    let read = json!({"path": "C:/workspace/notes.md"});
    asked.check("readFile", read, json!({"content": "Buy milk."})).await;
    assert_eq!(files.sessions(), [SessionId::from("s")]);
    assert_eq!(files.paths(&"s".into()), [r"C:\workspace\notes.md"]);
    assert_eq!(files.content(&"s".into(), r"C:\workspace\notes.md").unwrap(), b"Buy milk.");
    assert!(files.remove_session(&"s".into()) && !files.remove_session(&"s".into()));
}

/// A file system that waits, panics and refuses, and has a database.
#[derive(Default)]
struct Odd {
    go: Arc<Notify>,
    order: Arc<Mutex<Vec<String>>>,
}

impl SessionFs for Odd {
    fn has_sqlite(&self) -> bool {
        true
    }

    async fn read_file(&self, _: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        panic!("no {path} today")
    }

    async fn write_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        if session == "slow" {
            self.go.notified().await;
        }
        self.order.lock().unwrap().push(format!("{session} writes {}", write.path));
        Ok(())
    }

    async fn append_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        self.order.lock().unwrap().push(format!("{session} appends {}", write.path));
        Ok(())
    }

    async fn stat(&self, _: &SessionId, _: &str) -> Result<FsStat, FsError> {
        Err(FsError::new("unknown file"))
    }

    async fn mkdir(&self, _: &SessionId, _: FsMkdir<'_>) -> Result<(), FsError> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound).into())
    }

    async fn readdir(&self, _: &SessionId, _: &str) -> Result<Vec<FsEntry>, FsError> {
        panic!("no directories today")
    }

    async fn rm(&self, _: &SessionId, _: FsRm<'_>) -> Result<(), FsError> {
        panic!("nothing goes today")
    }

    async fn rename(&self, _: &SessionId, _: &str, _: &str) -> Result<(), FsError> {
        panic!("nothing moves today")
    }

    async fn sqlite_query(&self, _: &SessionId, statement: &SqlStatement) -> Result<SqlRows, FsError> {
        let columns = vec![statement.query.clone()];
        Ok(SqlRows { columns, rows_affected: statement.params.len() as u64, ..SqlRows::default() })
    }
}

#[tokio::test]
async fn one_that_panics_is_answered_in_the_shape_of_the_method() {
    let asked = Asked::start(Odd::default()).await;
    let at = json!({"path": "/a"});
    for (operation, params, rest) in [
        ("readFile", at.clone(), json!({"content": ""})),
        ("readFileBytes", at.clone(), json!({"content": ""})),
        ("readFileRange", at.clone(), json!({"content": "", "byteLength": 0})),
        ("readdir", at.clone(), json!({"entries": []})),
        ("readdirWithTypes", at.clone(), json!({"entries": []})),
    ] {
        let mut result = asked.ask(operation, params).await;
        let error = result.as_object_mut().unwrap().remove("error").unwrap();
        assert!(error["message"].as_str().unwrap().contains("panicked: no "), "{operation}: {error}");
        assert_eq!(result, rest, "{operation}");
    }
    assert!(asked.fails("rm", at.clone(), "UNKNOWN").await.contains("panicked"));
    assert!(asked.fails("rename", json!({"src": "/a", "dest": "/b"}), "UNKNOWN").await.contains("panicked"));
    asked.fails("mkdir", at.clone(), "ENOENT").await;
    // The answer to this one has no place for an error.
    let params = json!({"sessionId": "s", "path": "/a"});
    let refused = asked.cli.request("sessionFs.exists", params.clone()).await.unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (-32603, "unknown file"));
    assert_eq!(asked.cli.request("sessionFs.chmod", params).await.unwrap_err().code, -32601);
    let no_path = asked.cli.request("sessionFs.stat", json!({"sessionId": "s"})).await.unwrap_err();
    assert!(no_path.code == -32602 && no_path.message.contains("path"), "{no_path}");
    assert_eq!(asked.cli.request("sessionFs.stat", at).await.unwrap_err().code, -32602);
}

#[tokio::test]
async fn a_file_system_may_have_a_database() {
    let asked = Asked::start(Odd::default()).await;
    assert_eq!(
        asked.cli.requests("sessionFs.setProvider")[0]["capabilities"],
        json!({"sqlite": true, "binary": true, "readFileRange": true})
    );
    let query = json!({"query": "SELECT :a", "queryType": "query", "params": {"a": 1}});
    let rows = json!({"rows": [], "columns": ["SELECT :a"], "rowsAffected": 1});
    asked.check("sqliteQuery", query, rows).await;
}

#[tokio::test]
async fn one_session_keeps_its_order_and_a_slow_one_delays_no_other() {
    let files = Odd::default();
    let (go, order) = (Arc::clone(&files.go), Arc::clone(&files.order));
    let asked = Asked::start(files).await;
    let write = |session: &str, path: &str| json!({"sessionId": session, "path": path, "content": "x"});
    let ask = |operation: &'static str, params: Value| {
        let cli = asked.cli.clone();
        async move { cli.request(operation, params).await.unwrap() }
    };
    let slow = tokio::join!(
        ask("sessionFs.writeFile", write("slow", "/1")),
        ask("sessionFs.appendFile", write("slow", "/1")),
        ask("sessionFs.appendFile", write("slow", "/2")),
        async {
            ask("sessionFs.writeFile", write("quick", "/3")).await;
            // That session has been answered, and the other still waits.
            assert_eq!(*order.lock().unwrap(), ["quick writes /3"]);
            go.notify_one();
        }
    );
    assert_eq!((slow.0, slow.1, slow.2), (json!(null), json!(null), json!(null)));
    assert_eq!(
        order.lock().unwrap()[1..],
        ["slow writes /1".to_owned(), "slow appends /1".to_owned(), "slow appends /2".to_owned()]
    );
}

#[tokio::test]
async fn what_the_cli_takes_back_is_not_begun_and_what_runs_is_not_cut_off() {
    let files = Odd::default();
    let (go, order) = (Arc::clone(&files.go), Arc::clone(&files.order));
    let asked = Asked::start(files).await;
    let write = |id: &str, path: &str| {
        let params = json!({"sessionId": "slow", "path": path, "content": "x"});
        asked.cli.frame(
            json!({"jsonrpc": "2.0", "id": id, "method": "sessionFs.writeFile", "params": params})
                .to_string(),
        );
    };
    let take_back = |id: &str| asked.cli.notify("$/cancelRequest", json!({"id": id}));
    write("first", "/1");
    write("second", "/2");
    // This one has been read after the others, and the first of those runs.
    asked.of("quick", "writeFile", json!({"path": "/3", "content": "x"})).await;
    take_back("first");
    take_back("second");
    asked.of("quick", "writeFile", json!({"path": "/4", "content": "x"})).await;
    go.notify_one();
    // In order, so that nothing is under way any more.
    asked.of("slow", "appendFile", json!({"path": "/5", "content": "x"})).await;
    assert_eq!(
        *order.lock().unwrap(),
        ["quick writes /3", "quick writes /4", "slow writes /1", "slow appends /5"]
    );
    for id in ["first", "second"] {
        let answers: Vec<_> = asked.cli.received().into_iter().filter(|answer| answer["id"] == id).collect();
        let answers: Vec<_> = answers.iter().filter(|answer| answer.get("method").is_none()).collect();
        assert!(answers.len() == 1 && answers[0]["error"]["code"] == -32800, "{id}: {answers:?}");
    }
}

#[tokio::test]
async fn files_are_served_before_the_session_is_open() {
    let cli = FakeCli::new();
    let client =
        cli.client_builder().session_fs(MemoryFs::new().layout(FsLayout::posix())).start().await.unwrap();
    cli.hold("session.create");
    let opening = tokio::spawn(async move { client.session().id("s").start().await });
    let create = cli.held("session.create").await;
    let exists = json!({"sessionId": "s", "path": "/workspace"});
    assert_eq!(cli.request("sessionFs.exists", exists).await.unwrap(), json!({"exists": true}));
    create.answer_by_default();
    opening.await.unwrap().unwrap();
    let methods: Vec<_> =
        cli.received().iter().filter_map(|m| m["method"].as_str().map(str::to_owned)).collect();
    let expected = ["connect", "sessionFs.setProvider", "session.getMetadata", "session.create"];
    assert_eq!(methods, expected);
    assert_eq!(
        cli.requests("sessionFs.setProvider")[0],
        json!({"initialCwd": "/workspace", "sessionStatePath": "/session-state", "conventions": "posix",
               "capabilities": {"sqlite": false, "binary": true, "readFileRange": true}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_is_started_again_gets_the_files_before_its_sessions() {
    let cli = FakeCli::new();
    let files = MemoryFs::new().layout(FsLayout::posix());
    let client = cli.client_builder().auto_restart(true).session_fs(files).start().await.unwrap();
    let session = client.session().id("s").start().await.unwrap();
    let mut events = session.events();
    cli.hang_up();
    while !matches!(events.next().await.unwrap().kind(), EventKind::Restarted(_)) {}
    let methods: Vec<_> =
        cli.received().iter().filter_map(|m| m["method"].as_str().map(str::to_owned)).collect();
    let again = ["connect", "sessionFs.setProvider", "session.resume"];
    assert_eq!(methods[methods.len() - 3..], again);
    let exists = json!({"sessionId": "s", "path": "/workspace"});
    assert_eq!(cli.request("sessionFs.exists", exists).await.unwrap(), json!({"exists": true}));
}

#[tokio::test]
async fn a_cli_without_it_is_an_error_that_names_the_version() {
    let cli = FakeCli::of_version("1.0.10");
    let error = cli.client_builder().session_fs(MemoryFs::new()).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let reported = error.to_string();
    assert!(reported.contains("`session_fs` needs CLI 1.0.32") && reported.contains("1.0.10"), "{reported}");
    cli.on("sessionFs.setProvider", |_, _| json!({"success": false}));
    let error = cli.client_builder().session_fs(MemoryFs::new()).start().await.unwrap_err();
    assert!(error.to_string().contains("did not take"), "{error}");
    // Without one, a request for it has no receiver.
    let cli = FakeCli::new();
    let _client = cli.client_builder().start().await.unwrap();
    let asked = json!({"sessionId": "s", "path": "/"});
    assert!(cli.request("sessionFs.stat", asked).await.is_err());
}

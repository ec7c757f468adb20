//! A store that `S3_ENDPOINT` names, or a directory: `copilot-s3-tests fight ROUNDS`, `turns COUNT`,
//! `conditions`.
//!
//! `tests/scripts/any_machine.sh` starts the server and runs this. Without `S3_ENDPOINT` the store is the
//! directory `STORE_DIRECTORY`.

use std::env::{args, var};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use copilot::host::object_store::BucketFs;
use copilot::host::session_fs::FsLayout;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot_tests::fight::{fight, judge, referee};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, PutMode, UpdateVersion};
use serde_json::json;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn store() -> Arc<dyn ObjectStore> {
    let Ok(endpoint) = var("S3_ENDPOINT") else {
        let directory = var("STORE_DIRECTORY").expect("S3_ENDPOINT or STORE_DIRECTORY is set");
        return Arc::new(LocalFileSystem::new_with_prefix(directory).expect("the directory is there"));
    };
    let client = ClientOptions::new().with_allow_http(true).with_timeout(Duration::from_secs(5));
    let s3 = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_region("us-east-1")
        .with_bucket_name(var("S3_BUCKET").unwrap_or_else(|_| "sessions".into()))
        .with_access_key_id("any")
        .with_secret_access_key("any")
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(client)
        .with_http_connector(Counting);
    Arc::new(s3.build().expect("the settings of the store are complete"))
}

/// Counts requests and the bytes that they send.
#[derive(Debug)]
struct Counting;

#[derive(Debug)]
struct Counted(HttpClient);

impl HttpConnector for Counting {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counted(client)))
    }
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        REQUESTS.fetch_add(1, Relaxed);
        BYTES.fetch_add(request.body().content_length(), Relaxed);
        self.0.execute(request).await
    }
}

/// Give a number.
#[copilot::tool]
fn number() -> u32 {
    7
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The client of HTTP wants to know it, although the server has no TLS.
    rustls::crypto::ring::default_provider().install_default().expect("it is the first");
    let args: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["conditions"] => conditions(&*store()).await,
        ["fight", rounds] => {
            let program = std::env::current_exe().expect("it runs").display().to_string();
            let command = [program, "fighter".to_owned()];
            let rounds = rounds.parse().expect("a number");
            // Blocks this thread, which has nothing else to do.
            let (outcome, heard) = referee(&command, rounds, Duration::from_secs(3600), 1);
            let mut outcome =
                judge(store(), "fought-over", &heard, outcome).await.expect("one process writes");
            outcome.takeovers.sort();
            let median = outcome.takeovers.get(outcome.takeovers.len() / 2);
            println!(
                "rounds {}, killed {}, stopped {}, lines answered {} (lost 0, twice 0), written without an answer {}, \
                 losses noticed {}, takeover after a kill {:?} (slowest {:?}), clocks a day apart: {}, {:.0?}",
                outcome.rounds,
                outcome.kills,
                outcome.stops,
                outcome.answered,
                outcome.unanswered,
                outcome.losses,
                median,
                outcome.takeovers.last(),
                outcome.clocks_differ,
                outcome.elapsed,
            );
        }
        ["fighter", name, seed] => fight(store(), "fought-over", name, seed.parse().expect("a number")).await,
        ["turns", count] => turns(count.parse().expect("a number")).await,
        _ => panic!("conditions, fight ROUNDS, or turns COUNT"),
    }
}

/// Both conditions of the S3 protocol. The library needs the first.
async fn conditions(store: &dyn ObjectStore) {
    let path = Path::from(format!("conditions/{}", std::process::id()));
    let put = async |text: &'static str, mode: PutMode| store.put_opts(&path, text.into(), mode.into()).await;
    let first = put("1", PutMode::Create).await.expect("there is no such object");
    let again = put("2", PutMode::Create).await.expect_err("there is one");
    assert!(matches!(again, object_store::Error::AlreadyExists { .. }), "{again:?}");
    let version = UpdateVersion { e_tag: first.e_tag, version: first.version };
    match put("3", PutMode::Update(version.clone())).await {
        Err(object_store::Error::NotImplemented { .. }) => {
            println!("If-None-Match: honoured; If-Match: no such")
        }
        replaced => {
            replaced.expect("the tag is that of the object");
            let late = put("4", PutMode::Update(version)).await.expect_err("the tag is an old one");
            assert!(matches!(late, object_store::Error::Precondition { .. }), "{late:?}");
            println!("If-None-Match: honoured; If-Match: honoured");
        }
    }
    store.delete(&path).await.expect("it is there");
}

/// Turns of the real CLI with a tool call each: what they cost on the store.
async fn turns(count: usize) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let script = (0..=count).fold(Script::new(), |script, _| script.call("number", json!({})).say("Seven."));
    let model = ScriptedModel::start(script).await.expect("the script can be played");
    let files = BucketFs::new(store()).layout(FsLayout::posix()).lease(Duration::from_secs(600));
    let client =
        hermetic_client(home.path()).session_fs(files.clone()).start().await.expect("the CLI starts");
    let session = client.session().scripted_model(&model).with_tools([number::TOOL]);
    let session = session.start().await.expect("the session starts");
    session.ask("Number?").await.expect("a turn ends");
    let (requests, bytes, began) = (REQUESTS.load(Relaxed), BYTES.load(Relaxed), Instant::now());
    println!("open and first turn: {requests} requests, {bytes} bytes sent");
    for _ in 0..count {
        session.ask("Number?").await.expect("a turn ends");
    }
    println!(
        "each of {count} turns: {:.2} requests, {:.0} bytes sent, {:.0?}",
        (REQUESTS.load(Relaxed) - requests) as f64 / count as f64,
        (BYTES.load(Relaxed) - bytes) as f64 / count as f64,
        began.elapsed() / count as u32,
    );
    let id = session.id().clone();
    session.close().await.expect("it closes");
    client.shutdown().await.expect("the CLI ends");
    files.release(&id).await.expect("the store is reached");
    let stored = files.sessions().await.expect("the store is reached");
    println!("{stored:?}");
    let (requests, began) = (REQUESTS.load(Relaxed), Instant::now());
    files.acquire(&id).await.expect("it is free");
    println!("taking it again: {} requests, {:.0?}", REQUESTS.load(Relaxed) - requests, began.elapsed());
    files.delete(&id).await.expect("it is ours");
}

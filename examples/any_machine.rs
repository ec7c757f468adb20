//! Sessions in a bucket, and two workers that share them: one is killed in the middle, and the other
//! continues.
//!
//! `cargo run --example any_machine`. Each worker is a process with a CLI. The bucket is a directory here;
//! for S3 and others, give `BucketFs` another store of the crate `object_store`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use copilot::host::inference::{InferenceError, InferenceRequest, InferenceResponse};
use copilot::host::object_store::BucketFs;
use copilot::host::object_store::object_store::local::LocalFileSystem;
use copilot::host::session_fs::{FsLayout, SessionFs};
use copilot::providers::Provider;
use copilot::testing::hermetic_client;
use copilot::{Client, SessionId, State};
use copilot_examples::ScratchDir;
use serde_json::{Value, json};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ORDERS: usize = 9;
const LEASE: Duration = Duration::from_secs(3);

/// The bank: a file for each order, with a line for each charge.
struct Bank(PathBuf);

impl Bank {
    fn charges(&self, order: usize) -> usize {
        fs::read_to_string(self.0.join(order.to_string())).map_or(0, |lines| lines.lines().count())
    }
}

/// Charge the customer. Twice would be wrong, so the tool is not `idempotent`.
#[copilot::tool]
async fn charge(
    /// The number of the order.
    order: usize,
    bank: State<Bank>,
) -> std::io::Result<String> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut file = OpenOptions::new().create(true).append(true).open(bank.0.join(order.to_string()))?;
    writeln!(file, "charged")?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(format!("order {order} is charged"))
}

/// Find out whether the customer was charged.
#[copilot::tool(read_only, idempotent)]
fn was_charged(
    /// The number of the order.
    order: usize,
    bank: State<Bank>,
) -> bool {
    bank.charges(order) > 0
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [directory, name] => work(Path::new(directory), name).await,
        _ => watch().await,
    }
}

/// One worker: handles the orders that no living worker handles, until all are done.
async fn work(directory: &Path, name: &str) -> Result<()> {
    let store = LocalFileSystem::new_with_prefix(directory.join("bucket"))?;
    let files = BucketFs::new(store).layout(FsLayout::posix()).lease(LEASE).holder_name(name);
    let home = directory.join(format!("home-{name}"));
    fs::create_dir_all(&home)?;
    let client = hermetic_client(home).inference(think).session_fs(files.clone()).start().await?;
    let mut lanes = JoinSet::new();
    for lane in 0..3 {
        let (files, client, directory) = (files.clone(), client.clone(), directory.to_owned());
        let name = name.to_owned();
        lanes.spawn(async move {
            let done = |order: usize| directory.join("done").join(order.to_string());
            while (0..ORDERS).any(|order| !done(order).exists()) {
                for order in (0..ORDERS).filter(|order| order % 3 == lane) {
                    if done(order).exists() {
                        continue;
                    }
                    if let Some(answer) = handle(&files, &client, &directory, order).await? {
                        fs::write(done(order), format!("order {order}, by {name}: {answer}"))?;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Result::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    client.shutdown().await?;
    files.release_all().await?;
    Ok(())
}

/// Handles an order in its session, unless another worker holds that.
async fn handle(files: &BucketFs, client: &Client, directory: &Path, order: usize) -> Result<Option<String>> {
    let id = SessionId::from(format!("order-{order}"));
    // Waits until a holder that has died is sure to be dead.
    let lease = match files.acquire(&id).await {
        Err(error) if error.is_held() => return Ok(None),
        lease => lease?,
    };
    let began = files.exists(&id, "/session-state/events.jsonl").await?;
    let (session, message) = match began {
        true => (client.resume(id.clone()), "Continue.".to_owned()),
        false => (client.session().id(id.clone()), format!("Charge order {order}.")),
    };
    let session = session
        .provider(Provider::openai("http://nowhere.invalid/v1").api_key("none"))
        .model("clerk")
        .streaming(true)
        .state(Bank(directory.join("bank")))
        .with_tools([charge::TOOL, was_charged::TOOL])
        .start()
        .await?;
    let answer = tokio::select! {
        reply = session.ask(message) => Some(reply?.text().to_owned()),
        // This worker was too slow, and another one continues.
        _ = lease.lost() => None,
    };
    session.close().await?;
    files.release(&id).await?;
    Ok(answer)
}

/// Starts two workers, kills one in the middle, and reports.
async fn watch() -> Result<()> {
    let scratch = ScratchDir::new("any-machine");
    let directory = scratch.path();
    for folder in ["bucket", "bank", "done"] {
        fs::create_dir_all(directory.join(folder))?;
    }
    let start = |name: &str| -> Result<Worker> {
        Ok(Worker(Command::new(std::env::current_exe()?).arg(directory).arg(name).spawn()?))
    };
    let (mut first, mut second) = (start("first")?, start("second")?);
    let bank = Bank(directory.join("bank"));
    let charged = || (0..ORDERS).filter(|order| bank.charges(*order) > 0).count();
    let done = || fs::read_dir(directory.join("done")).map_or(0, Iterator::count);
    while charged() < ORDERS / 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.0.kill()?;
    first.0.wait()?;
    let (killed, before) = (Instant::now(), done());
    println!("The first worker is killed; {before} of {ORDERS} turns have ended.");
    let status = second.0.wait()?;
    println!("The second worker has ended with {status} after {:.1?}.", killed.elapsed());
    for order in 0..ORDERS {
        println!("{}", fs::read_to_string(directory.join("done").join(order.to_string()))?);
    }
    println!("{} of {ORDERS} turns have ended.", done());
    let once = (0..ORDERS).filter(|order| bank.charges(*order) == 1).count();
    println!("{once} of {ORDERS} orders are charged once.");
    Ok(())
}

/// A worker, which ends with the example.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The model. It decides by the conversation alone, so any process can answer.
async fn think(mut request: InferenceRequest) -> std::result::Result<InferenceResponse, InferenceError> {
    let asked: Value = request.body.json().await?;
    let messages = asked["messages"].as_array().ok_or("there are no messages")?;
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let prompt = messages.iter().filter(|message| message["role"] == "user").map(text);
    let order = prompt.filter_map(|text| number_after(&text, "Charge order ")).next().ok_or("no order")?;
    let calls = messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
    let last = messages.iter().rfind(|message| message["role"] == "tool");
    let of = last.and_then(|last| calls.clone().find(|call| call["id"] == last["tool_call_id"]));
    let tool = of.and_then(|call| call["function"]["name"].as_str()).unwrap_or_default();
    let (next, answer) = match (tool, last.map(text).unwrap_or_default()) {
        ("charge", result) if result.contains("is charged") => (None, "Charged."),
        // The call was interrupted: was the customer charged, or not?
        ("charge", _) => (Some("was_charged"), ""),
        ("was_charged", result) if result.contains("true") => (None, "Charged by the worker that died."),
        _ => (Some("charge"), ""),
    };
    let delta = match next {
        None => json!({"role": "assistant", "content": answer}),
        Some(tool) => {
            let id = format!("call_{}", calls.count());
            let function = json!({"name": tool, "arguments": json!({"order": order}).to_string()});
            let call = json!({"index": 0, "id": id, "type": "function", "function": function});
            json!({"role": "assistant", "tool_calls": [call]})
        }
    };
    let reason = if next.is_some() { "tool_calls" } else { "stop" };
    let answer = InferenceResponse::new(200).header("content-type", "text/event-stream");
    Ok(answer.write(move |body| async move {
        body.send(event(&delta, None)).await?;
        body.send(event(&json!({}), Some(reason))).await?;
        body.send("data: [DONE]\n\n").await
    }))
}

fn number_after(text: &str, words: &str) -> Option<usize> {
    let rest = text.split(words).nth(1)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// Returns one event of a streamed answer in OpenAI's chat completions protocol.
fn event(delta: &Value, reason: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
    let chunk = json!({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "clerk", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

//! Calls that run one after another by the value of an argument.

use std::sync::mpsc;

use super::*;

type Log = Arc<Mutex<Vec<String>>>;

/// Write to a file, for a second.
#[crate::tool(serial_by = "path")]
async fn write_file(
    /// The file.
    #[arg(default = "a")]
    path: &str,
    /// The text.
    text: &str,
    log: State<Mutex<Vec<String>>>,
) -> String {
    log.lock().unwrap().push(format!("+{path}{text}"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    log.lock().unwrap().push(format!("-{path}{text}"));
    text.to_owned()
}

fn logged(log: &Log, arguments: &Value, cancel: &CancellationToken) -> Invocation {
    let mut states = states();
    states.insert_shared(Arc::clone(log));
    Invocation { states: Arc::new(states), cancel: cancel.clone(), ..invocation(arguments) }
}

/// Starts a call, which enters its queue now.
fn start(tool: &Tool, log: &Log, arguments: &Value) -> crate::task::Task<ToolResult> {
    let place = tool.enter_queue(Some(&arguments.to_string()));
    let call = tool.invoke(logged(log, arguments, &CancellationToken::default()), place);
    crate::task::spawn(call)
}

fn queues(tool: &Tool) -> usize {
    tool.compiled().unwrap().serial.as_ref().unwrap().queues()
}

async fn all(calls: Vec<crate::task::Task<ToolResult>>) {
    for mut call in calls {
        assert!(call.join().await.unwrap().is_success());
    }
}

fn dynamic() -> DynTool {
    DynTool::new("dynamic", "Write to a file.")
        .schema(json!({
            "type": "object",
            "properties": { "path": { "type": "string", "default": "a" }, "text": { "type": "string" } },
        }))
        .unwrap()
        .serial_by("path")
}

fn writing(tool: DynTool) -> Tool {
    tool.run(|arguments, cx| async move {
        let log = cx.state::<Mutex<Vec<String>>>().unwrap();
        let name =
            format!("{}{}", arguments["path"].as_str().unwrap_or("a"), arguments["text"].as_str().unwrap());
        log.lock().unwrap().push(format!("+{name}"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        log.lock().unwrap().push(format!("-{name}"));
    })
}

#[tokio::test(start_paused = true)]
async fn calls_with_one_value_run_in_order_and_others_concurrently() {
    for tool in [write_file::TOOL, writing(dynamic()), writing(dynamic().concurrency(2))] {
        let log = Log::default();
        let begun = tokio::time::Instant::now();
        let arguments = [
            json!({ "path": "a", "text": "1" }),
            json!({ "PATH": "a", "text": "2" }),
            json!({ "path": "b", "text": "3" }),
            json!({ "text": "4" }),
        ];
        // A renamed tool has the same queues.
        let renamed = tool.clone().renamed("other");
        let calls = arguments.iter().enumerate().map(|(number, arguments)| {
            start(if number % 2 == 0 { &tool } else { &renamed }, &log, arguments)
        });
        all(calls.collect()).await;
        assert_eq!(begun.elapsed().as_secs(), 3, "{tool:?}");
        let log = log.lock().unwrap().clone();
        assert_eq!(log[..2], ["+a1", "+b3"], "{tool:?}");
        let of_a: Vec<&String> = log.iter().filter(|line| line.contains('a')).collect();
        assert_eq!(of_a, ["+a1", "-a1", "+a2", "-a2", "+a4", "-a4"], "{tool:?}");
        assert_eq!(queues(&tool), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_takes_no_permit() {
    let tool = writing(dynamic().concurrency(2));
    let log = Log::default();
    let begun = tokio::time::Instant::now();
    let texts = [("a", "1"), ("a", "2"), ("b", "3")];
    all(texts.map(|(path, text)| start(&tool, &log, &json!({ "path": path, "text": text }))).into()).await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(log.lock().unwrap()[..2], ["+a1", "+b3"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_that_is_cancelled_or_times_out_leaves_the_queue_and_never_runs() {
    let tool = write_file::TOOL.clone();
    let log = Log::default();
    let arguments = |text: &str| json!({ "path": "leaving", "text": text });
    let first = start(&tool, &log, &arguments("1"));
    let cancel = CancellationToken::default();
    let place = tool.enter_queue(Some(&arguments("2").to_string()));
    let mut second = crate::task::spawn(tool.invoke(logged(&log, &arguments("2"), &cancel), place));
    let dropped = start(&tool, &log, &arguments("3"));
    let last = start(&tool, &log, &arguments("4"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    cancel.cancel();
    drop(dropped);
    assert_eq!(second.join().await.unwrap().text(), "`write_file` was cancelled.");
    all(vec![first, last]).await;
    assert_eq!(*log.lock().unwrap(), ["+leaving1", "-leaving1", "+leaving4", "-leaving4"]);

    // Calls of a second each: the turn of the fourth comes in the grace after its timeout.
    log.lock().unwrap().clear();
    let tool = writing(dynamic().timeout(Duration::from_millis(2_800)));
    let limited = |text: &str| start(&tool, &log, &arguments(text));
    let calls: Vec<_> = ["1", "2", "3", "4"].map(limited).into();
    let mut texts = Vec::new();
    for mut call in calls {
        texts.push(call.join().await.unwrap().text().to_owned());
    }
    assert_eq!(texts[3], "`dynamic` did not finish within 2.8 s and was stopped.");
    assert!(!log.lock().unwrap().contains(&"+leaving4".to_owned()), "{log:?}");
    assert_eq!(queues(&tool), 0);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "deserialized only")]
enum Stage {
    /// For tests.
    PreView,
    Live,
    Branch(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Region {
    NorthEast,
    South,
}

/// Deploy.
#[crate::tool(serial_by = "env")]
async fn deploy(
    /// The environment.
    #[arg(one_of = ["prod", "dev"])]
    env: &str,
) {
    let _ = env;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Deploy.
#[crate::tool(serial_by = "stage")]
async fn deploy_stage(
    /// The stage.
    stage: Stage,
) {
    drop(stage);
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Deploy.
#[crate::tool(serial_by = "regions")]
async fn deploy_regions(
    /// The regions.
    regions: Vec<Region>,
    /// The number.
    #[arg(default = 1)]
    count: u8,
) {
    drop((regions, count));
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Deploy.
#[crate::tool(serial_by = "order.region")]
async fn deploy_order(
    /// The order.
    order: Placed,
) {
    let _ = order;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "deserialized only")]
struct Placed {
    /// The region.
    region: Option<Region>,
}

#[tokio::test(start_paused = true)]
async fn values_that_are_corrected_to_the_same_one_run_one_after_another() {
    for (tool, same, other) in [
        (deploy::TOOL, [json!({ "env": "prod" }), json!({ "env": "PROD" })], json!({ "env": "Dev" })),
        (
            deploy_stage::TOOL,
            [json!({ "stage": "pre_view" }), json!({ "Stage": "PreView" })],
            json!({ "stage": "live" }),
        ),
        (
            deploy_stage::TOOL,
            [json!({ "stage": { "branch": "a" } }), json!({ "stage": { "Branch": "a" } })],
            json!({ "stage": { "branch": "A" } }),
        ),
        (
            deploy_regions::TOOL,
            [json!({ "regions": ["north_east", "south"] }), json!({ "regions": ["NorthEast", "SOUTH"] })],
            json!({ "regions": ["SOUTH"] }),
        ),
        (
            deploy_regions::TOOL,
            [json!({ "regions": "south" }), json!({ "regions": ["South"] })],
            json!({ "regions": "[\"northEast\"]" }),
        ),
        (deploy_order::TOOL, [json!({ "region": "south" }), json!({ "Region": "SOUTH" })], json!({})),
    ] {
        for (arguments, seconds) in [([&same[0], &same[1]], 2), ([&same[0], &other], 1)] {
            let begun = tokio::time::Instant::now();
            all(arguments.map(|arguments| start(&tool, &Log::default(), arguments)).into()).await;
            assert_eq!(begun.elapsed().as_secs(), seconds, "{arguments:?}");
        }
    }
}

/// Fails at first.
#[crate::tool(serial_by = "path", retries = 1, idempotent)]
async fn flaky_write(
    /// The file.
    path: &str,
    /// The text.
    text: &str,
    log: State<Mutex<Vec<String>>>,
) -> Result<(), ToolError> {
    let mut log = log.lock().unwrap();
    log.push(format!("{path}{text}"));
    if log.len() == 1 { Err(ToolError::retry("busy")) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_turn_between_retries() {
    let log = Log::default();
    let calls = ["1", "2"].map(|text| start(&flaky_write::TOOL, &log, &json!({ "path": "x", "text": text })));
    all(calls.into()).await;
    assert_eq!(*log.lock().unwrap(), ["x1", "x1", "x2"]);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_reported_without_a_wait() {
    let log = Log::default();
    let running = start(&write_file::TOOL, &log, &json!({ "path": "fit", "text": "1" }));
    let wrong = start(&write_file::TOOL, &log, &json!({ "path": "fit", "texts": "1" })).join().await.unwrap();
    assert!(wrong.text().contains("did you mean `text`"), "{}", wrong.text());
    drop(running);
}

/// Ends the call of `hold`.
static RELEASE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

/// Hold a file.
#[crate::tool(serial_by = "path", timeout = "20ms")]
fn hold(
    /// The file.
    path: &str,
    log: State<Mutex<Vec<String>>>,
) -> &'static str {
    log.lock().unwrap().push(path.to_owned());
    let receiver = RELEASE.lock().unwrap().take();
    receiver.map(|receiver| receiver.recv());
    "held"
}

#[tokio::test]
async fn a_synchronous_tool_that_timed_out_keeps_its_turn_until_it_has_ended() {
    let (release, receiver) = mpsc::channel();
    *RELEASE.lock().unwrap() = Some(receiver);
    let log = Log::default();
    let call = || {
        let arguments = json!({ "path": "x" });
        hold::TOOL.invoke(logged(&log, &arguments, &CancellationToken::default()), None)
    };
    assert!(call().await.text().contains("is still running"));
    assert!(call().await.text().ends_with("and was stopped."));
    assert_eq!((log.lock().unwrap().len(), queues(&hold::TOOL)), (1, 1));
    drop(release);
    let begun = std::time::Instant::now();
    while !call().await.is_success() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the turn never comes");
    }
}

#[test]
fn an_argument_that_cannot_be_used_is_an_error_that_names_it() {
    static INJECTED: ToolDef = ToolDef {
        name: "by_context",
        params: &[expansion::ParamDef { name: "cx", ..expansion::ParamDef::BASE }],
        serial_by: Some("cx"),
        shim: |visitor| {
            use expansion::ProbeValue as _;
            visitor.visit(0, expansion::Probe::<ToolContext>::NEW.kind());
            None
        },
        ..ToolDef::BASE
    };
    let refused = |tool: Tool| tool.compiled().unwrap_err().to_string();
    assert!(
        refused(Tool::new(&INJECTED))
            .ends_with("`cx` is injected when the tool runs; name an argument of the model")
    );
    for (tool, reason) in [
        (dynamic().serial_by("pth").declare(), "there is no argument `pth`; did you mean `path`?"),
        (DynTool::new("x", "X.").serial_by("path").declare(), "the tool has no arguments"),
        (DynTool::new("x", "X.").serial_by("guests").typed(|_: Order, _| async {}), "did you mean `guest`?"),
    ] {
        let error = ToolSet::new(vec![tool], &StateMap::default()).unwrap_err().to_string();
        assert!(error.contains("has a wrong `serial_by`: ") && error.ends_with(reason), "{error}");
    }
    let field = DynTool::new("x", "X.").serial_by("guest").typed(|_: Order, _| async {});
    assert!(field.compiled().is_ok());
}

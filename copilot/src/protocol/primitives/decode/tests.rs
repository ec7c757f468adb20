//! Holds every type of the wire to the rule that `null` means absent, and the reader to what serde does.
//!
//! A type makes a sample of itself with all its members, so that the test knows each member of each type, the next one
//! included.

use std::any::type_name;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::samples::KEY;
use super::*;

mod as_serde;

/// The paths of all members and elements.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let path = format!("{path}/{name}");
            places(value, &path, found);
            found.push(path);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| {
            let path = format!("{path}/{at}");
            places(value, &path, found);
            found.push(path);
        }),
        _ => {}
    }
}

fn without(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    let (container, name) = path.rsplit_once('/').expect("a path");
    match value.pointer_mut(container).expect("it is there") {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
        _ => unreachable!("only containers have places"),
    }
    value
}

fn with(value: &Value, path: &str, put: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(path).expect("it is there") = put;
    value
}

/// Reads text that lives as long as the process, so that every type can borrow from it.
fn shown<T: Decode<'static> + Debug>(value: &Value, mode: Mode) -> std::result::Result<String, String> {
    let text: &'static str = value.to_string().leak();
    read::<T>(text, mode).map(|read| format!("{read:?}")).map_err(|error| error.to_string())
}

/// Checks that `null` means absent in each member of a type, one at a time and all together, and that a member of a
/// wrong type never costs more than it must. Gives the names of the types in it.
fn check<T: Decode<'static> + Debug>(modes: &[Mode]) -> BTreeSet<String> {
    let (name, mut seen) = (type_name::<T>(), BTreeSet::new());
    let sample = T::sample(&mut seen);
    let mut all = Vec::new();
    places(&sample, "", &mut all);
    // The entries of a map of any values are values, `null` included, and what is raw has no members here.
    all.retain(|path| !path.ends_with("/key") && !path.contains("/raw"));
    shown::<T>(&sample, Mode::Question).unwrap_or_else(|error| panic!("{name}: {error}: {sample}"));

    for &mode in modes {
        for path in &all {
            let is_element = path.ends_with(|c: char| c.is_ascii_digit());
            let value = sample.pointer(path).expect("it is there");
            // Elements that are any values may be `null`.
            if is_element && (mode == Mode::Question || value.is_number()) {
                continue;
            }
            let null = shown::<T>(&with(&sample, path, Value::Null), mode);
            let absent = shown::<T>(&without(&sample, path), mode);
            // A value that is kept as text has a text for `null`.
            if null.as_ref().is_ok_and(|null| null.contains("RawValue(null)")) {
                continue;
            }
            assert_eq!(null.clone().ok(), absent.clone().ok(), "{name}{path} {mode:?}: {null:?} {absent:?}");
        }
        if let Value::Object(members) = &sample {
            let required = |member: &str| shown::<T>(&without(&sample, &format!("/{member}")), mode).is_err();
            let kept: Map<_, _> = members
                .iter()
                .filter(|(member, _)| *member != KEY && required(member))
                .map(|(a, b)| (a.clone(), b.clone()))
                .collect();
            let mut nulls = kept.clone();
            for member in members.keys().filter(|member| *member != KEY && !kept.contains_key(*member)) {
                nulls.insert(member.clone(), Value::Null);
            }
            let (nulls, absent) = (shown::<T>(&nulls.into(), mode), shown::<T>(&kept.into(), mode));
            assert_eq!(nulls, absent, "{name} {mode:?}: all members");
        }
    }
    for path in &all {
        for wrong in [json!(7), json!("no"), json!(true), json!([[]]), json!({"a": {}}), json!([null])] {
            let wrong = with(&sample, path, wrong);
            for &mode in modes {
                if let Err(error) = shown::<T>(&wrong, mode) {
                    assert!(error.contains('`'), "{name}{path}: {error} names the member");
                }
            }
        }
    }
    seen
}

/// The names of the types that the files of a folder derive `Decode` for.
pub(crate) fn derived(folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // An absolute path replaces what it is joined to.
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(derived(path.to_str().unwrap()));
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        let mut derives = false;
        let mut declares = false;
        for line in text.lines() {
            // A macro derives it for all that it declares.
            declares = line == "payload! {" || (declares && line != "}");
            if let Some(name) = line.strip_prefix("    pub struct ").filter(|_| declares) {
                names.insert(name.chars().take_while(|c| c.is_alphanumeric()).collect());
            } else if line.starts_with("#[derive(") {
                derives = line.contains("Decode");
            } else if line.starts_with("pub") && line.contains("struct ") {
                let name = line.split("struct ").nth(1).unwrap();
                if std::mem::take(&mut derives) {
                    names.insert(name.chars().take_while(|c| c.is_alphanumeric()).collect());
                }
            }
        }
    }
    names
}

const ALL: [Mode; 3] = [Mode::Question, Mode::Answer, Mode::Event];

/// Checks a payload of an event.
pub(crate) fn check_event<T: Decode<'static> + Debug>() -> BTreeSet<String> {
    check::<T>(&[Mode::Event])
}

macro_rules! check_all {
    ($($module:ident: $($name:ident $(<$argument:tt>)?)*;)*) => {{
        let mut seen = BTreeSet::new();
        $($(seen.extend(check::<crate::protocol::$module::$name $(<$argument>)?>(&ALL));)*)*
        seen
    }};
}

#[test]
fn null_means_absent_in_every_type_of_the_protocol() {
    let seen = check_all! {
        account: Status AuthStatus Quota QuotaResponse ToolInfo ToolListResponse;
        agents: AgentInfo AgentListResponse AgentCurrentResponse;
        attachments: Position GithubRepo GithubFileVersion GithubRevision;
        canvas: CanvasParams OpenCanvas CanvasInfo CanvasActionInfo CanvasListResponse CanvasListOpenResponse CanvasActionResponse;
        capabilities: Capabilities UiCapabilities;
        commands: CommandExecute<'static> CommandsListResponse CommandInfo CommandOutcome;
        connection: ConnectResponse StatusResponse Pong;
        controls: Plan NameResponse Compaction UsageMetrics CodeChanges ModelMetrics RequestMetrics TokenMetrics FileListResponse FileResponse;
        elicitation: ElicitationRequested<'static> ElicitationResponse;
        event_log: EventTail EventPageResponse<Value>;
        github_telemetry: GithubTelemetry GithubTelemetryEvent;
        hooks: HookInvokeParams<'static> HookCommon PreToolUseInput PreMcpToolCallInput PostToolUseInput HookToolResult PostToolUseFailureInput UserPromptSubmittedInput UserPromptTransformedInput SessionStartInput SessionEndInput ErrorOccurredInput HookError AgentStopInput SubagentStartInput SubagentStopInput;
        inference: HttpRequestStartParams HttpRequestChunkParams HttpResponseResult;
        instructions: InstructionSource InstructionsResponse PermissionModeResponse FleetResponse PendingToolCall PendingToolCallsResponse;
        limits: LimitsRequest;
        mcp: McpServerInfo McpListResponse;
        mcp_headers: McpHeadersRequest;
        mcp_login: McpLoginRequest McpClientConfig;
        models: ModelInfo ModelCapabilities ModelFeatures ModelTokenLimits ModelPermission ModelBilling ModelListResponse CurrentModel ModelChanged;
        modes: ExitPlanModeRequest AutoModeSwitchRequest;
        permission_subjects: ShellSubject ShellCommandSubject WriteSubject ReadSubject McpSubject UrlSubject MemorySubject CustomToolSubject HookSubject ExtensionManagementSubject WorkflowSubject ExtensionPermissionSubject ExtensionEnvSubject;
        permissions: PermissionAsked<'static> PermissionDetails ShellCommand PermissionRequestParams<'static> PermissionsPendingResponse PendingPermission PermissionSettled<'static> SettledResult<'static>;
        queue: QueueContent QueueItem QueueRemoved;
        rewind: RewindPoints RewindPoint Rewound;
        sampling: SamplingAsked<'static> SamplingMessage SamplingDetails ExecuteSamplingResponse;
        session: SessionOpenResponse Success Verdict SessionSendResponse SessionMessagesResponse<Value>;
        session_fs: SetProviderResponse FsPathParams FsWriteParams FsMkdirParams FsRmParams FsRenameParams FsRangeParams SqlStatement SqlTransactionParams;
        sessions: SessionInfo SessionContext SessionListResponse SessionMetadataResponse SessionIdResponse LifecycleMetadata;
        skill_provider: SkillListParams SkillReadParams<'static>;
        skills: SkillInfo SkillListResponse SkillProblems;
        system_message: TransformSections SectionContent;
        tokens: ProviderTokenParams<'static> GithubTokenParams;
        tools: ToolRequested<'static> ToolsPendingResponse PendingTool Settled<'static>;
        user_input: UserInputRequest;
    };
    let missing: Vec<_> = derived("protocol").into_iter().filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, [""; 0], "add the types to this test");
}

/// A type whose members are read in every way that there is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
struct Inner {
    text: String,
    flag: bool,
    tags: Vec<String>,
    #[serde(alias = "other_name")]
    long_name: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, Decode)]
#[serde(default)]
struct Outer {
    content: String,
    note: Option<String>,
    inner: Inner,
    list: Vec<Inner>,
    by_name: std::collections::BTreeMap<String, Inner>,
    number: f64,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
}

/// A type that is made of its parts.
#[derive(Debug, Decode)]
struct Parts {
    id: String,
    note: Option<String>,
    #[serde(default)]
    flag: bool,
    raw: Box<serde_json::value::RawValue>,
}

#[test]
fn an_event_keeps_all_that_can_be_read_and_a_question_names_what_cannot() {
    let text = r#"{"content":"c","note":7,"inner":{"text":"t","flag":"x","tags":null},"list":[{"text":5}],"a":null}"#;
    let read: Outer = event(text).unwrap();
    assert_eq!((&*read.content, read.note, &*read.inner.text, read.inner.flag), ("c", None, "t", false));
    assert!(read.list.is_empty());
    // A member that nothing here knows is kept as it is.
    assert_eq!(read.rest["a"], Value::Null);

    let error = |text| question::<Outer>(text).unwrap_err().to_string();
    assert_eq!(error(text), "`note`: invalid type: integer `7`, expected a string");
    assert_eq!(
        error(r#"{"list":[{"text":"a"},{"tags":["a",5]}]}"#),
        "`list[1].tags[1]`: invalid type: integer `5`, expected a string"
    );
    assert_eq!(
        error(r#"{"by_name":{"b":{"longName":true}}}"#),
        "`by_name.b.longName`: invalid type: boolean `true`, expected a count"
    );
    assert_eq!(error(r#"{"inner":[]}"#), "`inner`: invalid type: sequence, expected struct Inner");
    assert_eq!(error(r#"{"list":{}}"#), "`list`: invalid type: map, expected a sequence");
    assert_eq!(error("[]"), "invalid type: sequence, expected struct Outer");
    assert_eq!(error(r#"{"number":1e400}"#), "`number`: number out of range");
    // The text of a message has no absent form.
    let error = event::<Outer>(r#"{"note":7,"content":5}"#).unwrap_err().to_string();
    assert_eq!(error, "`content`: invalid type: integer `5`, expected a string");
}

#[test]
fn what_is_left_out_is_the_least_that_can_be() {
    // A text in an element has no absent form, so the list is left out; a flag in it has one.
    let read = |list: &str| event::<Outer>(&format!(r#"{{"list":[{list}],"number":2}}"#)).unwrap();
    assert_eq!((read(r#"{"text":[[1]]}"#).list.len(), read(r#"{"text":[[1]]}"#).number), (0, 2.0));
    assert_eq!(read(r#"{"flag":[{"a":1}],"text":"a"}"#).list[0].text, "a");
    // An entry of a map is left out alone.
    let read: Outer = event(r#"{"by_name":{"a":{"text":"t"},"b":7}}"#).unwrap();
    assert_eq!((read.by_name.len(), &*read.by_name["a"].text), (1, "t"));
    // However many there are.
    let many: Vec<_> = (0..1000).map(|_| json!({"flag": 7, "tags": [7], "text": "t"})).collect();
    let read: Outer = event(&json!({"list": many, "number": 3}).to_string()).unwrap();
    assert_eq!((read.list.len(), read.number), (1000, 3.0));
    assert!(read.list.iter().all(|inner| inner.text == "t" && !inner.flag && inner.tags.is_empty()));
    // A part that must be there cannot be left out.
    let error = event::<Parts>(r#"{"id":7,"raw":1}"#).unwrap_err().to_string();
    assert_eq!(error, "`id`: invalid type: integer `7`, expected a string");
    let read: Parts = event(r#"{"id":"a","note":7,"flag":7,"raw":null}"#).unwrap();
    assert_eq!((&*read.id, read.note, read.flag, read.raw.get()), ("a", None, false, "null"));
}

#[test]
fn a_member_that_comes_twice_is_an_error() {
    let error = |text: &str| question::<Outer>(text).unwrap_err().to_string();
    assert_eq!(error(r#"{"content":"a","content":"a"}"#), "`content`: the member is there twice");
    assert_eq!(
        error(r#"{"inner":{"longName":1,"other_name":2}}"#),
        "`inner.other_name`: the member is there twice"
    );
    assert_eq!(question::<Outer>(r#"{"content":null,"content":"a"}"#).unwrap().content, "a");
    let other: Outer = question(r#"{"x":1,"x":2}"#).unwrap();
    assert_eq!(other.rest["x"], 2);
}

#[test]
fn members_of_a_flattened_type_are_those_of_the_type_around_it() {
    #[derive(Debug, Default, Decode)]
    #[serde(default)]
    struct Around {
        first: u64,
        #[serde(flatten)]
        inner: Inner,
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, Value>,
    }
    let read: Around = question(r#"{"text":"t","x":null,"flag":null,"first":1,"longName":2}"#).unwrap();
    assert_eq!((&*read.inner.text, read.first, read.inner.long_name), ("t", 1, Some(2)));
    assert_eq!(read.rest.into_iter().collect::<Vec<_>>(), [("x".to_owned(), Value::Null)]);
    let error = question::<Around>(r#"{"first":1,"flag":true,"flag":true}"#).unwrap_err().to_string();
    assert_eq!(error, "`flag`: the member is there twice");
    let read: Around = event(r#"{"flag":7,"first":1}"#).unwrap();
    assert_eq!((read.first, read.inner.flag), (1, false));
}

#[test]
fn a_missing_part_is_an_error_that_names_it() {
    let error = |text: &str| question::<Parts>(text).unwrap_err().to_string();
    assert_eq!(error("{}"), "missing field `id`");
    assert_eq!(error(r#"{"id":null,"raw":1}"#), "missing field `id`");
    assert_eq!(error(r#"{"id":"a"}"#), "missing field `raw`");
    assert_eq!(
        question::<Vec<Parts>>(r#"[{"id":"a"}]"#).unwrap_err().to_string(),
        "`[0]`: missing field `raw`"
    );
}

#[test]
fn a_text_that_is_not_json_is_an_error_with_its_position() {
    for text in [
        "",
        "{",
        "{]",
        r#"{"content"}"#,
        r#"{"content":"a"} x"#,
        r#"{"content":"a",}"#,
        "{\"content\":\"a\nb\"}",
    ] {
        let serde = serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap_err();
        let ours = question::<Outer>(text).unwrap_err();
        assert_eq!(ours.to_string(), serde.to_string(), "{text}");
        assert!(event::<Outer>(text).is_err() && answer::<Vec<Outer>>(text).is_err(), "{text}");
    }
    let deep = |depth| format!(r#"{{"rest":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(question::<Outer>(&deep(100)).is_ok() && question::<Outer>(&deep(200)).is_err());

    #[derive(Debug, Default, Decode)]
    #[serde(default)]
    struct Nest {
        next: Option<Box<Nest>>,
    }
    let nest = |depth| format!("{}{}", r#"{"next":"#.repeat(depth) + "{}", "}".repeat(depth));
    let depth_of = |mut nest: &Nest| {
        let mut depth = 0;
        while let Some(next) = &nest.next {
            (nest, depth) = (next, depth + 1);
        }
        depth
    };
    assert_eq!(depth_of(&question::<Nest>(&nest(100)).unwrap()), 100);
    assert!(question::<Nest>(&nest(200)).unwrap_err().to_string().contains("recursion limit exceeded"));
    // A member that is left out adds nothing to the depth.
    let mut wide = vec![json!({"inner": {"tags": [[7]]}}); 300];
    wide.push(json!({"inner": {"tags": ["a"]}}));
    let read: Vec<Outer> = event(&Value::from(wide).to_string()).unwrap();
    assert_eq!((read.len(), &*read[300].inner.tags), (301, &["a".to_owned()][..]));
}

#[test]
fn numbers_are_read_as_far_as_their_type_goes() {
    let count = |text| question::<u64>(text).ok();
    assert_eq!(
        [count("33"), count("33.0"), count("-1"), count("1e3")],
        [Some(33), Some(33), Some(0), Some(1000)]
    );
    assert_eq!(
        [count("0"), count("00"), count("9999999999999999999")],
        [Some(0), None, Some(9_999_999_999_999_999_999)]
    );
    assert_eq!(
        [count("18446744073709551615"), count("1.5e1"), count("7x")],
        [Some(u64::MAX), Some(15), None]
    );
    assert_eq!([count("\"33\""), count("true"), count("null"), count("1e400"), count("01")], [None; 5]);
    assert_eq!((question::<u8>("255").ok(), question::<u8>("256").ok()), (Some(255), None));
    assert_eq!(question::<i64>("-7").unwrap(), -7);
    assert_eq!(question::<f64>(" 0.1\n").unwrap(), 0.1);
    assert_eq!(
        question::<u16>("70000").unwrap_err().to_string(),
        "invalid value: integer `70000`, expected u16"
    );
}

#[test]
fn half_of_a_surrogate_pair_is_refused() {
    let text = r#"{"content":"\ud83d","note":"\ud83d","x":1}"#;
    let error = question::<Outer>(text).unwrap_err().to_string();
    assert!(error.starts_with("`content`: ") && error.contains("hex escape"), "{error}");
    // In a member that is not read it does no harm.
    let read: Inner = question(r#"{"text":"a\ud83d\ude00\"","unknown":"\ud83d"}"#).unwrap();
    assert_eq!(read.text, "a😀\"");
}

#[test]
fn an_event_keeps_its_payload_exactly_with_serde() {
    let text = r#"{"type":"x","data":{"b":1e2,"a":12345678901234567890123,"t":"\ud83d"}}"#;
    let event: crate::Event = serde_json::from_str(text).unwrap();
    assert_eq!(event.raw_data(), r#"{"b":1e2,"a":12345678901234567890123,"t":"\ud83d"}"#);
}

#[test]
fn a_range_of_a_file_is_exact() {
    use crate::protocol::session_fs::FsRangeParams;
    let read = |text| question::<FsRangeParams>(text).map(|range| (range.offset, range.length)).ok();
    assert_eq!(read(r#"{"path":"/a","offset":1,"length":2}"#), Some((1, Some(2))));
    assert_eq!(read(r#"{"path":"/a","offset":null}"#), Some((0, None)));
    assert_eq!([read(r#"{"path":"/a","offset":-1}"#), read(r#"{"path":"/a","length":1.5}"#)], [None; 2]);
}

#[test]
fn a_type_of_the_protocol_survives_serde() {
    let info = crate::protocol::models::ModelInfo { id: "m".into(), ..Default::default() };
    let read: crate::protocol::models::ModelInfo =
        serde_json::from_value(serde_json::to_value(&info).unwrap()).unwrap();
    assert_eq!(read, info);
    let error = serde_json::from_value::<crate::protocol::models::ModelInfo>(json!({"id": 5})).unwrap_err();
    assert_eq!(error.to_string(), "`id`: invalid type: integer `5`, expected a string");
}

#[test]
fn null_entries_are_left_out_of_what_reports_and_not_of_what_asks() {
    #[derive(Debug, PartialEq, Decode)]
    struct Names {
        names: Vec<String>,
    }
    let text = r#"{"names":["a",null,"b",null]}"#;
    let both = Names { names: vec!["a".into(), "b".into()] };
    assert_eq!(
        (answer::<Names>(text).unwrap(), event::<Names>(text).unwrap()),
        (both, Names { names: vec!["a".into(), "b".into()] })
    );
    assert!(question::<Names>(text).unwrap_err().to_string().starts_with("`names[1]`"));
    assert!(answer::<Names>(r#"{"names":null}"#).unwrap_err().to_string().contains("missing field `names`"));
}

#[test]
fn values_of_the_program_keep_their_null() {
    #[derive(Debug, Default, Decode)]
    #[serde(default)]
    struct Call {
        arguments: Value,
        name: String,
    }
    let read: Call = question(r#"{"arguments":{"a":null,"b":[null]},"name":null}"#).unwrap();
    assert_eq!((read.arguments, read.name), (json!({"a": null, "b": [null]}), String::new()));
}

#[test]
fn absent_members_of_many_elements_are_read() {
    #[derive(Debug, Default, Decode)]
    #[serde(default)]
    struct Session {
        summary: String,
        #[serde(flatten)]
        other: std::collections::BTreeMap<String, Value>,
    }
    let many = vec![json!({"summary": null, "x": 1}); 1000];
    let read: Vec<Session> = answer(&Value::from(many).to_string()).unwrap();
    assert_eq!(read.len(), 1000);
    assert!(read.iter().all(|session| session.summary.is_empty() && session.other.len() == 1));
}

//! Holds every type of the wire to the rule that `null` means absent.
//!
//! A type shows its members to a deserializer that makes them up, so that the test knows each member of each type, the
//! next one included. Types with a flattened member hide their members; those are read from the sources.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value, json};

use super::*;

/// The names of the types that were looked at.
type Seen = RefCell<BTreeSet<String>>;

/// Makes up one value, and keeps it as JSON.
struct Sample<'a> {
    out: &'a RefCell<Value>,
    seen: &'a Seen,
    /// The type as the sources spell it, where nothing else is known.
    spelled: Option<&'a str>,
}

impl Sample<'_> {
    fn put(&self, value: Value) {
        *self.out.borrow_mut() = value;
    }

    fn members<'de, V: Visitor<'de>>(
        &self,
        fields: Vec<(String, Option<String>)>,
        visitor: V,
    ) -> Result<V::Value> {
        let members = RefCell::new(Map::new());
        let access =
            SampleMembers { fields: fields.into_iter(), next: None, members: &members, seen: self.seen };
        let read = visitor.visit_map(access);
        self.put(Value::Object(members.take()));
        read
    }
}

macro_rules! samples {
    ($($method:ident => $visit:ident($value:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.put(json!($value));
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Sample<'_> {
    type Error = serde_json::Error;

    samples! {
        deserialize_bool => visit_bool(true);
        deserialize_i64 => visit_i64(1);
        deserialize_u8 => visit_u64(1);
        deserialize_u16 => visit_u64(1);
        deserialize_u32 => visit_u64(1);
        deserialize_u64 => visit_u64(1);
        deserialize_f64 => visit_f64(1.0);
        deserialize_str => visit_borrowed_str("x");
        deserialize_string => visit_borrowed_str("x");
        deserialize_identifier => visit_borrowed_str("x");
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let spelled = self.spelled.unwrap_or_default();
        if spelled.contains("Vec<") {
            self.put(json!(["x"]));
            return visitor
                .visit_seq(SampleItem { done: false, sample: Sample { spelled: Some("String"), ..self } });
        }
        if ["String", "Id", "Action"].iter().any(|text| spelled.contains(text)) {
            self.put(json!("x"));
            return visitor.visit_borrowed_str("x");
        }
        if spelled.contains("bool") {
            self.put(json!(true));
            return visitor.visit_bool(true);
        }
        self.put(json!(1));
        visitor.visit_u64(1)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name.starts_with('$') {
            self.put(json!({"raw": 1}));
            return serde_json::Deserializer::from_str(r#"{"raw":1}"#)
                .deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (item, seen) = (RefCell::default(), self.seen);
        let read =
            visitor.visit_seq(SampleItem { done: false, sample: Sample { out: &item, seen, spelled: None } });
        self.put(json!([item.take()]));
        read
    }

    /// A map, or a type with a flattened member, whose members are listed in the sources.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let visitor_name = type_name::<V>();
        match visitor_name.split(" for copilot::").nth(1) {
            Some(rest) => {
                let path: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
                let fields = declared(&path);
                self.seen.borrow_mut().insert(path.rsplit("::").next().unwrap().to_owned());
                self.members(fields, visitor)
            }
            None => self.members(vec![(KEY.to_owned(), None)], visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.seen.borrow_mut().insert(name.to_owned());
        let fields = fields.iter().filter(|field| !SECOND_NAMES.contains(&(name, field)));
        self.members(fields.map(|field| ((*field).to_owned(), None)).collect(), visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum
    }
}

/// Members that have another name on the same type already.
const SECOND_NAMES: &[(&str, &str)] = &[("Notice", "infoType"), ("Notice", "warningType")];

/// The name of the entry of a made-up map.
const KEY: &str = "key";

struct SampleMembers<'a> {
    fields: std::vec::IntoIter<(String, Option<String>)>,
    next: Option<(String, Option<String>)>,
    members: &'a RefCell<Map<String, Value>>,
    seen: &'a Seen,
}

impl<'de> MapAccess<'de> for SampleMembers<'_> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((name, spelled)) = self.fields.next() else { return Ok(None) };
        let key = seed.deserialize(StrDeserializer::new(&name))?;
        self.next = Some((name, spelled));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (name, spelled) = self.next.take().expect("a value follows its name");
        let out = RefCell::default();
        let value = seed.deserialize(Sample { out: &out, seen: self.seen, spelled: spelled.as_deref() });
        let value = value.map_err(|error| de::Error::custom(format_args!("{name}: {error}")))?;
        self.members.borrow_mut().insert(name, out.take());
        Ok(value)
    }
}

struct SampleItem<'a> {
    done: bool,
    sample: Sample<'a>,
}

impl<'de> SeqAccess<'de> for SampleItem<'_> {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let Sample { out, seen, spelled } = self.sample;
        // The list has been kept already where its type is only spelled.
        let spare = RefCell::default();
        let out = if spelled.is_some() { &spare } else { out };
        seed.deserialize(Sample { out, seen, spelled }).map(Some)
    }
}

/// The members of a type, as its declaration names them, with their types where they are flattened into it.
fn declared(path: &str) -> Vec<(String, Option<String>)> {
    let (module, name) = path.rsplit_once("::").expect("a type is in a module");
    let file = format!("{}/src/{}.rs", env!("CARGO_MANIFEST_DIR"), module.replace("::", "/"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| {
        // A macro declares some by their name alone.
        let declared = line.split("struct ").nth(1).unwrap_or(line.trim());
        declared.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '<']))
    });
    let (above, lines) = lines.split_at(at.unwrap_or_else(|| panic!("{file} declares {name}")));
    let mut attributes =
        above.iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("///"));
    let is_camel = lines[0].starts_with(' ') || attributes.any(|line| line.contains("camelCase"));
    let camel = |name: &str| if is_camel { camel(name) } else { name.to_owned() };
    let (mut fields, mut flattened, mut renamed) = (Vec::new(), false, None);
    for line in lines.iter().skip(1).take_while(|line| line.trim() != "}") {
        let line = line.trim();
        if line.starts_with("//") {
            continue;
        }
        if line.starts_with("#[") {
            flattened |= line.contains("flatten");
            renamed = renamed.or(line.split("rename = \"").nth(1).and_then(|rest| rest.split('"').next()));
            continue;
        }
        let Some((field, of)) =
            line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").split_once(": ")
        else {
            continue;
        };
        let of = of.trim_end_matches(',');
        match (std::mem::take(&mut flattened), renamed.take()) {
            (true, _) if of.starts_with("BTreeMap") => {}
            (true, _) => {
                let imported = imported(&text, module, of);
                let inner = spelled(&imported);
                fields.extend(inner.into_iter().map(|(name, of)| (name, Some(of))));
            }
            (false, renamed) => fields.push((renamed.map_or_else(|| camel(field), str::to_owned), None)),
        }
    }
    fields
}

/// The file of a module; imports name those of `protocol` without their group.
fn source(module: &str) -> String {
    let sources = format!("{}/src", env!("CARGO_MANIFEST_DIR"));
    let file = format!("{sources}/{}.rs", module.replace("::", "/"));
    let name = module.rsplit("::").next().expect("a path has a last part");
    if Path::new(&file).exists() {
        return file;
    }
    let groups = fs::read_dir(format!("{sources}/protocol")).expect("the folder is there");
    let in_group = groups.map(|group| group.expect("it can be listed").path().join(format!("{name}.rs")));
    let found = in_group.into_iter().find(|file| file.exists());
    found.unwrap_or_else(|| panic!("{module} is a file")).display().to_string()
}

/// The members of a type with their types.
fn spelled(path: &str) -> Vec<(String, String)> {
    let (module, name) = path.rsplit_once("::").expect("a type is in a module");
    let file = source(module);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let body = text.split(&format!("struct {name} {{\n")).nth(1).unwrap_or_else(|| panic!("{file}: {name}"));
    let lines = body
        .lines()
        .take_while(|line| line.trim() != "}")
        .filter_map(|line| line.trim().strip_prefix("pub "));
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, of)| (camel(name), of.trim_end_matches(',').to_owned()))
        .collect()
}

/// The path of a type that a file names.
fn imported(text: &str, module: &str, name: &str) -> String {
    // An import may stand on several lines.
    let imports =
        text.split_inclusive(";\n").filter_map(|part| part.rfind("use crate::").map(|at| &part[at..]));
    let import = imports.into_iter().find(|import| import.contains(name));
    match import {
        Some(import) => {
            let path =
                import.trim_end().trim_start_matches("use crate::").split("::{").next().expect("a part");
            let path = path.trim_end_matches(';').trim_end_matches(name).trim_end_matches("::");
            format!("{path}::{name}")
        }
        None => format!("{module}::{name}"),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

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
fn shown<T: Deserialize<'static> + Debug>(value: &Value, mode: Mode) -> std::result::Result<String, String> {
    let text: &'static str = value.to_string().leak();
    read::<T>(text, mode).map(|read| format!("{read:?}")).map_err(|error| error.to_string())
}

/// Checks that `null` means absent in each member of a type, one at a time and all together, and that a member of a
/// wrong type never costs more than it must. Gives the names of the types in it.
fn check<T: Deserialize<'static> + Debug>(modes: &[Mode]) -> BTreeSet<String> {
    let (out, seen) = (RefCell::default(), Seen::default());
    let name = type_name::<T>();
    T::deserialize(Sample { out: &out, seen: &seen, spelled: None })
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let sample: Value = out.take();
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
    seen.into_inner()
}

/// The names of the types that the files of a folder derive `Deserialize` for.
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
                derives = line.contains("Deserialize");
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
pub(crate) fn check_event<T: Deserialize<'static> + Debug>() -> BTreeSet<String> {
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
        session: SessionOpenResponse Success SessionSendResponse SessionMessagesResponse<Value>;
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

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Inner {
    text: String,
    flag: bool,
    tags: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Outer {
    content: String,
    note: Option<String>,
    inner: Inner,
    list: Vec<Inner>,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
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
    // The text of a message has no absent form.
    let error = event::<Outer>(r#"{"content":5,"note":7}"#).unwrap_err().to_string();
    assert!(error.contains("`content`") || error.contains("`note`"), "{error}");
}

#[test]
fn null_entries_are_left_out_of_what_reports_and_not_of_what_asks() {
    #[derive(Debug, PartialEq, Deserialize)]
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
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Call {
        arguments: Value,
        name: String,
    }
    let read: Call = question(r#"{"arguments":{"a":null,"b":[null]},"name":null}"#).unwrap();
    assert_eq!((read.arguments, read.name), (json!({"a": null, "b": [null]}), String::new()));
}

#[test]
fn many_elements_with_the_same_absent_member_are_read_in_few_passes() {
    #[derive(Debug, Default, Deserialize)]
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

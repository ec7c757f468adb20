//! The wire's names as the CLI's schemas list them, compared with the types that the library reads them into.
//!
//! `fixtures/wire-names.json` has the names; the script beside it writes it. `fixtures/wire-left-out.json` says of each
//! name that the library leaves out why it does. Both ways are checked: a name that is left out without a reason fails,
//! and so does a reason that no longer applies.
//!
//! A member counts as read when the payload's `Debug` text depends on it, under a separate name. A member that only
//! ends up in a map of other members, or in raw JSON, does not.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};

use copilot::account::Quota;
use copilot::client::Pong;
use copilot::models::ModelInfo;
use copilot::permissions::PermissionKind;
use copilot::permissions::{
    CustomToolSubject, ExtensionEnvSubject, ExtensionManagementSubject, ExtensionPermissionSubject,
    HookSubject, McpSubject, MemorySubject, ReadSubject, ShellSubject, UrlSubject, WorkflowSubject,
    WriteSubject,
};
use copilot::skills::SkillInfo;
use copilot::{Event, EventKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The names that the library leaves out, by reason.
struct LeftOut(Vec<(String, String)>);

impl LeftOut {
    fn of(topic: &str) -> Self {
        let reasons = fixture("wire-left-out.json")[topic].take();
        let reasons: BTreeMap<String, Vec<String>> = serde_json::from_value(reasons).unwrap();
        let mut all = Vec::new();
        for (reason, names) in reasons {
            assert!(reason.split(' ').count() >= 3, "{topic}: `{reason}` is not a reason");
            all.extend(names.into_iter().map(|name| (name, reason.clone())));
        }
        Self(all)
    }

    /// Each `*` in a pattern stands for any text.
    fn matches(pattern: &str, name: &str) -> bool {
        let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
        name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| Self::matches(rest, name)))
        })
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(pattern, _)| Self::matches(pattern, name))
    }

    /// Fails where a gap has no reason, or a reason no gap.
    #[track_caller]
    fn check(&self, gaps: &BTreeMap<String, String>) {
        let mut wrong = String::new();
        for (name, problem) in gaps.iter().filter(|(name, _)| !self.has(name)) {
            writeln!(wrong, "{name}: {problem}").unwrap();
        }
        for (pattern, _) in &self.0 {
            if !gaps.keys().any(|name| Self::matches(pattern, name)) {
                writeln!(wrong, "{pattern}: left out in wire-left-out.json, but not missing").unwrap();
            }
        }
        assert!(wrong.is_empty(), "read these names, or give a reason in wire-left-out.json:\n{wrong}");
    }
}

/// The types of the fixture.
struct Types<'a> {
    types: &'a Map<String, Value>,
    /// Members that recordings have beside those of the schema: path to type.
    seen: BTreeMap<String, String>,
}

/// Decodes a payload and writes it down with `Debug`.
type Decode<'a> = &'a dyn Fn(&Value) -> Result<String, String>;

/// Puts a value where it belongs in a payload.
type Embed<'a> = &'a dyn Fn(Value) -> Value;

/// The variants of a union; unions within brackets stay whole.
fn variants(of: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, letter) in of.char_indices() {
        match letter {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&of[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&of[start..]);
    parts
}

/// Returns the text between two brackets.
fn within(of: &str, open: char, close: char) -> Option<&str> {
    of.strip_prefix(open)?.strip_suffix(close)
}

impl Types<'_> {
    /// Each variant of a type, aliases replaced.
    fn resolved(&self, of: &str) -> Vec<String> {
        let mut all = Vec::new();
        for variant in variants(of) {
            match self.types.get(variant).and_then(Value::as_str) {
                Some(alias) => all.extend(self.resolved(alias)),
                None => all.push(variant.to_owned()),
            }
        }
        all.retain(|variant| variant != "null");
        all
    }

    /// The members of a type at a path: name, type, whether it must be there.
    fn members(&self, of: &str, path: &str) -> Vec<(String, String, bool)> {
        let mut all = Vec::new();
        if let Some(members) = self.types.get(of).and_then(Value::as_object) {
            for (name, of) in members {
                let required = !name.ends_with('?');
                all.push((name.trim_end_matches('?').to_owned(), of.as_str().unwrap().to_owned(), required));
            }
        }
        let path = without_tags(path);
        for (seen, of) in &self.seen {
            if let Some((parent, name)) = seen.rsplit_once('.')
                && parent == path
                && name != "*"
            {
                all.push((name.to_owned(), of.clone(), false));
            }
        }
        all
    }

    /// A value of a type; of an object only what must be there, or one member where nothing must.
    fn sample(&self, of: &str, path: &str) -> Value {
        let Some(first) = self.resolved(of).into_iter().next() else { return json!("absent") };
        if let Some(constant) = within(&first, '\'', '\'') {
            return json!(constant);
        }
        if let Some(element) = within(&first, '[', ']') {
            if element.is_empty() {
                return json!(["element"]);
            }
            return json!([self.sample(element, &format!("{path}[]"))]);
        }
        if let Some(value) = within(&first, '{', '}') {
            return json!({"key": self.sample(value, &format!("{path}.*"))});
        }
        if let Some(words) = self.types.get(&first).and_then(Value::as_array) {
            return words[0].clone();
        }
        match first.as_str() {
            "string" => json!("2026-01-01T00:00:00Z"),
            "integer" => json!(7),
            "number" => json!(1.5),
            "boolean" => json!(true),
            "any" => json!({"anything": [7]}),
            name if name != "object" && !self.types.contains_key(name) => {
                panic!("{path}: {name} is not a type")
            }
            name => {
                let object = self.object(name, path);
                if !object.is_empty() {
                    return Value::Object(object);
                }
                let members = self.members(name, path);
                let one = members
                    .first()
                    .map(|(member, of, _)| (member.clone(), self.sample(of, &format!("{path}.{member}"))));
                Value::Object(one.into_iter().collect())
            }
        }
    }

    /// The members that an object must have.
    fn object(&self, of: &str, path: &str) -> Map<String, Value> {
        let required = self.members(of, path).into_iter().filter(|(.., required)| *required);
        required
            .map(|(name, of, _)| {
                let value = self.sample(&of, &format!("{path}.{name}"));
                (name, value)
            })
            .collect()
    }

    /// Adds to `gaps` what is not read of a value of this type.
    fn walk(&self, of: &str, path: &str, embed: Embed<'_>, decode: Decode<'_>, gaps: &mut Gaps) {
        let all = self.resolved(of);
        for variant in &all {
            if let Some(element) = within(variant, '[', ']') {
                let embed = |value| embed(json!([value]));
                self.walk(element, &format!("{path}[]"), &embed, decode, gaps);
            } else if let Some(value) = within(variant, '{', '}') {
                let embed = |value| embed(json!({"key": value}));
                self.walk(value, &format!("{path}.*"), &embed, decode, gaps);
            } else if let Some(words) = self.types.get(variant).and_then(Value::as_array) {
                for word in words {
                    let text = decode(&embed(word.clone()));
                    if text.is_ok_and(|text| text.contains(&format!("Other({word}"))) {
                        gaps.add(format!("{path}={}", word.as_str().unwrap()), "the word is not known");
                    }
                }
            } else if variant == "object" || self.types.contains_key(variant) {
                let path =
                    if all.len() > 1 { format!("{path}<{}>", self.tag(variant)) } else { path.to_owned() };
                self.walk_members(variant, &path, embed, decode, gaps);
            }
        }
    }

    /// The name of a variant: its constant member, or the type.
    fn tag(&self, of: &str) -> String {
        let members = self.members(of, "");
        let constant = members.iter().find_map(|(_, of, _)| within(of, '\'', '\''));
        constant.unwrap_or(of).to_owned()
    }

    fn walk_members(&self, of: &str, path: &str, embed: Embed<'_>, decode: Decode<'_>, gaps: &mut Gaps) {
        let least = self.object(of, path);
        let (mut typed, mut raw) = (false, Gaps::default());
        for (name, of, required) in self.members(of, path) {
            let path = format!("{path}.{name}");
            // A constant selects the variant of a union; it is read where the variant's other members are.
            if required && of.starts_with('\'') {
                continue;
            }
            let with = |value: Value| {
                let mut object = least.clone();
                object.insert(name.clone(), value);
                embed(Value::Object(object))
            };
            let mut without = least.clone();
            without.remove(&name);
            let without = decode(&embed(Value::Object(without))).unwrap_or_default();
            let read = match decode(&with(self.sample(&of, &path))) {
                Ok(read) => read,
                Err(error) => {
                    gaps.add(path, &format!("cannot be read: {error}"));
                    continue;
                }
            };
            let as_key = format!("\"{name}\": ");
            if read == without {
                gaps.add(path, "is not read");
            } else if read.matches(&as_key).count() > without.matches(&as_key).count() {
                raw.add(path, "is only raw JSON");
            } else {
                typed = true;
                self.walk(&of, &path, &with, decode, gaps);
            }
        }
        if typed {
            gaps.0.extend(raw.0);
        } else if !raw.0.is_empty() {
            gaps.add(path.to_owned(), "is only raw JSON");
        }
    }
}

/// A path as recordings spell it, without the variants of unions.
fn without_tags(path: &str) -> String {
    let mut bare = String::new();
    let mut depth = 0;
    for letter in path.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth == 0 => bare.push(letter),
            _ => {}
        }
    }
    bare
}

#[derive(Default)]
struct Gaps(BTreeMap<String, String>);

impl Gaps {
    fn add(&mut self, path: String, problem: &str) {
        self.0.insert(path, problem.to_owned());
    }
}

fn event(name: &str, data: &Value) -> Event {
    let event =
        json!({"type": name, "id": "1", "timestamp": "2026-01-01T00:00:00Z", "parentId": null, "data": data});
    serde_json::from_str(&event.to_string()).unwrap()
}

fn is_typed(name: &str) -> bool {
    !matches!(event(name, &json!({})).kind(), EventKind::Other)
}

/// The contents of recordings: the events that no schema lists, and the members.
fn seen(names: &Value) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let (mut events, mut members) = (BTreeSet::new(), BTreeMap::new());
    let schema = names["events"].as_object().unwrap();
    for (_, paths) in names["seen"].as_object().unwrap() {
        for (path, of) in paths.as_object().unwrap() {
            // The name of an event has one or two parts.
            let known =
                schema.keys().any(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
            if !known && path.matches('.').count() == 1 {
                events.insert(path.clone());
            } else {
                members.insert(path.clone(), of.as_str().unwrap().to_owned());
            }
        }
    }
    (events, members)
}

#[test]
fn every_event_that_the_cli_lists_or_sends_has_a_typed_payload() {
    let names = fixture("wire-names.json");
    let listed = names["listed"]["1.0.106 events"].as_array().unwrap();
    let listed = listed.iter().map(|name| name.as_str().unwrap().to_owned());
    let schema = names["events"].as_object().unwrap().keys().cloned();
    let all: BTreeSet<String> = schema.chain(listed).chain(seen(&names).0).collect();
    let untyped = all.into_iter().filter(|name| !is_typed(name));
    LeftOut::of("events").check(&untyped.map(|name| (name, "has no typed payload".to_owned())).collect());
}

#[test]
fn every_member_and_word_of_an_event_is_read() {
    let names = fixture("wire-names.json");
    let (newer, seen) = seen(&names);
    let types = Types { types: names["types"].as_object().unwrap(), seen };
    let left_out = LeftOut::of("members");
    let schema = names["events"].as_object().unwrap();
    let payloads = schema.iter().map(|(name, of)| (name.as_str(), of.as_str().unwrap()));
    let (mut all, mut typed, mut whole, mut complete) = (Gaps::default(), 0, 0, 0);
    for (name, of) in payloads.chain(newer.iter().map(|name| (name.as_str(), "object"))) {
        if !is_typed(name) {
            continue;
        }
        let decode = |data: &Value| match event(name, data).kind() {
            EventKind::Invalid(error) => Err(error.clone()),
            kind => Ok(format!("{kind:?}")),
        };
        let mut gaps = Gaps::default();
        types.walk(of, name, &|value| value, &decode, &mut gaps);
        if schema.contains_key(name) {
            typed += 1;
            whole += usize::from(gaps.0.is_empty());
            complete += usize::from(gaps.0.keys().all(|gap| left_out.has(gap)));
        }
        all.0.extend(gaps.0);
    }
    println!("{} events, {typed} typed, {whole} read as a whole, {complete} complete", schema.len());
    assert!(typed >= 120 && whole >= 100, "fewer than there were: {typed} typed, {whole} read as a whole");
    left_out.check(&all.0);
}

/// Adds to `gaps` what a type of the library does not read of a type of the fixture.
fn compare<T: DeserializeOwned + Debug>(types: &Value, of: &str, gaps: &mut Gaps) {
    let types = Types { types: types.as_object().unwrap(), seen: BTreeMap::new() };
    let decode = |value: &Value| {
        let read: Result<T, _> = serde_json::from_value(value.clone());
        read.map(|read| format!("{read:?}")).map_err(|error| error.to_string())
    };
    types.walk(of, of, &|value| value, &decode, gaps);
}

#[test]
fn every_member_of_an_answer_is_read() {
    let (names, mut gaps) = (fixture("wire-names.json"), Gaps::default());
    let types = &names["answers"]["types"];
    compare::<Quota>(types, "AccountQuotaSnapshot", &mut gaps);
    compare::<ModelInfo>(types, "Model", &mut gaps);
    compare::<Pong>(types, "PingResult", &mut gaps);
    compare::<SkillInfo>(types, "Skill", &mut gaps);
    LeftOut::of("answers").check(&gaps.0);
}

#[test]
fn every_member_of_a_permission_request_is_read() {
    let (names, mut gaps) = (fixture("wire-names.json"), Gaps::default());
    let types = &names["types"];
    compare::<ShellSubject>(types, "PermissionRequestShell", &mut gaps);
    compare::<WriteSubject>(types, "PermissionRequestWrite", &mut gaps);
    compare::<ReadSubject>(types, "PermissionRequestRead", &mut gaps);
    compare::<McpSubject>(types, "PermissionRequestMcp", &mut gaps);
    compare::<UrlSubject>(types, "PermissionRequestUrl", &mut gaps);
    compare::<MemorySubject>(types, "PermissionRequestMemory", &mut gaps);
    compare::<CustomToolSubject>(types, "PermissionRequestCustomTool", &mut gaps);
    compare::<HookSubject>(types, "PermissionRequestHook", &mut gaps);
    compare::<ExtensionManagementSubject>(types, "PermissionRequestExtensionManagement", &mut gaps);
    compare::<WorkflowSubject>(types, "PermissionRequestFactory", &mut gaps);
    compare::<ExtensionPermissionSubject>(types, "PermissionRequestExtensionPermissionAccess", &mut gaps);
    compare::<ExtensionEnvSubject>(types, "PermissionRequestExtensionEnvAccess", &mut gaps);
    let requests = types["PermissionRequest"].as_str().unwrap().split('|');
    for kind in requests.map(|request| types[request]["kind"].as_str().unwrap().trim_matches('\'')) {
        if matches!(PermissionKind::from(kind), PermissionKind::Other(_)) {
            gaps.add(format!("kind={kind}"), "the word is not known");
        }
    }
    LeftOut::of("permissions").check(&gaps.0);
}

#[test]
fn every_member_of_the_open_request_can_be_set() {
    let names = fixture("wire-names.json");
    let ours = copilot::testing::open_members();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    let listed = names["listed"]["1.0.102 open"].as_array().unwrap();
    let listed: BTreeSet<&str> = listed.iter().map(|name| name.as_str().unwrap()).collect();
    let unknown: Vec<_> = ours.difference(&listed).collect();
    assert!(unknown.is_empty(), "no CLI is known to take these: {unknown:?}");
    let unset = listed.difference(&ours).map(|name| ((*name).to_owned(), "cannot be set".to_owned()));
    LeftOut::of("open").check(&unset.collect());
}

/// The texts in the crate's source that look like names, tests left out.
fn names_in_source() -> BTreeSet<String> {
    fn read(path: PathBuf, all: &mut BTreeSet<String>) {
        if path.is_dir() {
            let own = path.file_name().is_some_and(|name| name != "testing" && name != "fuzzing");
            let entries = own.then(|| std::fs::read_dir(&path).unwrap());
            entries.into_iter().flatten().for_each(|entry| read(entry.unwrap().path(), all));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
            let is_name = |text: &&str| {
                !text.is_empty()
                    && text.chars().all(|each| each.is_ascii_alphanumeric() || "._".contains(each))
            };
            all.extend(quoted.filter(is_name).map(str::to_owned));
        }
    }
    let mut all = BTreeSet::new();
    read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../copilot/src"), &mut all);
    all
}

#[test]
fn every_method_is_called_or_answered() {
    let names = fixture("wire-names.json");
    let source = names_in_source();
    // The methods of the program's own files and models are matched without their prefix.
    let used = |method: &str| {
        source.contains(method)
            || ["sessionFs.", "llmInference."].iter().any(|prefix| {
                source.contains(*prefix)
                    && method.strip_prefix(prefix).is_some_and(|rest| source.contains(rest))
            })
    };
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for to in ["cli", "client"] {
        known.extend(names["methods"][to].as_object().unwrap().keys().map(String::as_str));
        let listed = names["listed"]["0.0.394 to 1.0.102 methods"][to].as_array().unwrap();
        known.extend(listed.iter().map(|name| name.as_str().unwrap()));
    }
    let unused = known.iter().filter(|method| !used(method));
    let unused = unused.map(|method| ((*method).to_owned(), "is neither called nor answered".to_owned()));
    LeftOut::of("methods").check(&unused.collect());

    // Events and the kinds of lifecycle messages have names of the same form.
    let events = names["events"].as_object().unwrap();
    let other = |name: &&String| {
        let is_event = events.contains_key(name.as_str()) || is_typed(name);
        let is_lifecycle = ["created", "deleted", "updated", "foreground", "background"]
            .iter()
            .any(|kind| **name == format!("session.{kind}"));
        name.starts_with("session.") && !name.ends_with('.') && !is_event && !is_lifecycle
    };
    let unknown: Vec<_> = source.iter().filter(other).filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "no CLI is known to have these methods: {unknown:?}");
}

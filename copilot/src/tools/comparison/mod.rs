//! The comparison of two sets of tools: which change breaks a caller, and which does not. Pure.
//!
//! A caller is a prompt, a saved conversation, a client of MCP or a script that has learnt the tools in their old form.

mod schema;

use std::fmt;

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::sorted::{SortedMap, sorted};

/// A difference between two sets of tools. Returned by [`check_compat`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolChange {
    /// The name of the tool.
    pub tool: String,
    /// The place of the difference in the tool.
    pub place: Place,
    /// The kind of the difference.
    pub kind: ChangeKind,
}

/// The part of a tool in which a [`ToolChange`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The tool as a whole.
    Tool,
    /// The arguments, with the path of the argument: `city`, `trip.days`, `tags[]`. Empty for the object of all arguments.
    Arguments(String),
    /// The result, with the path of its member. Empty for the result as a whole.
    Result(String),
}

/// The kind of a [`ToolChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The tool, argument or member is new. An argument may be required.
    Added {
        /// Whether the argument is required, or the member of a result is always present.
        required: bool,
    },
    /// The tool, argument or member does not exist any more.
    Removed,
    /// The argument became required, or the member of a result is always present now.
    Required,
    /// The argument became optional, or the member of a result may be absent now.
    Optional,
    /// Fewer values are valid than before; the text names the rule with its old and its new value.
    Narrowed(String),
    /// More values are valid than before; the text names the rule with its old and its new value.
    Widened(String),
    /// Other values are valid than before, as of a text that is a number now: some are new, and some are not valid any
    /// more. Also where this cannot be decided, as for two patterns. The text names the rule with its old and its new value.
    Changed(String),
    /// A description changed, which the model reads.
    Description,
    /// The default of an argument changed; the text has the old and the new one.
    Default(String),
    /// An option of the tool changed; the text names it with its old and its new value.
    Option(String),
}

impl ToolChange {
    /// Returns whether a call that was valid before may now be refused, or whether a result may now be one that callers
    /// do not expect.
    ///
    /// Changes of descriptions, defaults and options are not breaking, although the model may behave differently.
    pub fn is_breaking(&self) -> bool {
        match (&self.place, &self.kind) {
            (_, ChangeKind::Removed | ChangeKind::Changed(_))
            | (Place::Arguments(_), ChangeKind::Required | ChangeKind::Narrowed(_))
            | (Place::Result(_), ChangeKind::Optional | ChangeKind::Widened(_)) => true,
            (Place::Arguments(_), ChangeKind::Added { required }) => *required,
            _ => false,
        }
    }
}

impl fmt::Display for ToolChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.tool)?;
        let is_argument = matches!(self.place, Place::Arguments(_));
        match &self.place {
            Place::Tool => f.write_str("the tool")?,
            Place::Arguments(path) if path.is_empty() => f.write_str("the arguments object")?,
            Place::Arguments(path) => write!(f, "argument `{path}`")?,
            Place::Result(path) if path.is_empty() => f.write_str("the schema of the result")?,
            Place::Result(path) => write!(f, "member `{path}` of the result")?,
        }
        match &self.kind {
            ChangeKind::Added { required: true } if is_argument => f.write_str(" is new and required"),
            ChangeKind::Added { .. } => f.write_str(" is new"),
            ChangeKind::Removed => f.write_str(" was removed"),
            ChangeKind::Required if is_argument => f.write_str(" is now required"),
            ChangeKind::Required => f.write_str(" is now always present"),
            ChangeKind::Optional if is_argument => f.write_str(" is now optional"),
            ChangeKind::Optional => f.write_str(" may now be absent"),
            ChangeKind::Narrowed(rule) => write!(f, " allows fewer values: {rule}"),
            ChangeKind::Widened(rule) => write!(f, " allows more values: {rule}"),
            ChangeKind::Changed(rule) => write!(f, " allows other values: {rule}"),
            ChangeKind::Description => f.write_str(" has another description"),
            ChangeKind::Default(values) => write!(f, " has another default: {values}"),
            ChangeKind::Option(values) => write!(f, " has another option: {values}"),
        }
    }
}

/// Compares two sets of tools, each in the form of a
/// snapshot file, as `assert_tools_snapshot` of the feature `testing` writes it: an array of objects with `name`, `description`, `parameters` and
/// `outputSchema`. The changes are sorted by tool; within a tool, those of its arguments come before those of its result.
///
/// A rule that the comparison does not know counts as [changed](ChangeKind::Changed), so that an unknown change is
/// reported as breaking rather than missed.
///
/// # Errors
///
/// Returns an error of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) if one of the values is not an array of
/// tools with names.
///
/// # Examples
///
/// ```
/// use copilot::tools::check_compat;
/// use serde_json::json;
///
/// let tools = |days: serde_json::Value| {
///     json!([{
///         "name": "forecast",
///         "description": "Return the weather.",
///         "parameters": {"type": "object", "properties": {"days": days}, "required": []},
///     }])
/// };
/// let old = tools(json!({"type": "integer", "maximum": 14}));
/// let new = tools(json!({"type": "integer", "maximum": 7}));
/// let changes = check_compat(&old, &new)?;
/// assert!(changes[0].is_breaking());
/// assert_eq!(
///     changes[0].to_string(),
///     "forecast: argument `days` allows fewer values: `maximum` was 14 and is 7"
/// );
/// # Ok::<(), copilot::Error>(())
/// ```
pub fn check_compat(old: &Value, new: &Value) -> Result<Vec<ToolChange>> {
    let (old, new) = (by_name(old, "old")?, by_name(new, "new")?);
    let mut changes = Vec::new();
    for name in sorted(old.keys().chain(new.keys()).map(String::as_str)) {
        let mut add = |place, kind| changes.push(ToolChange { tool: name.to_owned(), place, kind });
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => compare_tools(old, new, &mut add),
            (Some(_), None) => add(Place::Tool, ChangeKind::Removed),
            (None, _) => add(Place::Tool, ChangeKind::Added { required: false }),
        }
    }
    Ok(changes)
}

/// Returns the tools of a snapshot by their names.
fn by_name<'a>(tools: &'a Value, which: &str) -> Result<SortedMap<&'a Value>> {
    let invalid = |problem: &str| {
        let message = format!("the {which} tools are not a snapshot of tools: {problem}");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let tools = tools.as_array().ok_or_else(|| invalid("not an array"))?;
    let named = |tool: &'a Value| Some((tool.get("name")?.as_str()?.to_owned(), tool));
    let named = tools.iter().map(|tool| named(tool).ok_or_else(|| invalid("an entry has no name")));
    named.collect::<Result<_>>().map(SortedMap::of)
}

fn compare_tools(old: &Value, new: &Value, add: &mut impl FnMut(Place, ChangeKind)) {
    const SCHEMAS: [&str; 4] = ["name", "description", "parameters", "outputSchema"];
    if old.get("description") != new.get("description") {
        add(Place::Tool, ChangeKind::Description);
    }
    let members = |tool: &Value| tool.as_object().cloned().unwrap_or_default();
    let (old_members, new_members) = (members(old), members(new));
    let names = sorted(old_members.keys().chain(new_members.keys()).map(String::as_str));
    for name in names.into_iter().filter(|name| !SCHEMAS.contains(name)) {
        let (was, is) = (old_members.get(name), new_members.get(name));
        if was != is {
            add(Place::Tool, ChangeKind::Option(schema::was_and_is(name, was, is)));
        }
    }
    let no_arguments = serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false});
    let old_arguments = old.get("parameters").unwrap_or(&no_arguments);
    let new_arguments = new.get("parameters").unwrap_or(&no_arguments);
    schema::compare(old_arguments, new_arguments, &mut |path, kind| add(Place::Arguments(path), kind));
    match (old.get("outputSchema"), new.get("outputSchema")) {
        (Some(old), Some(new)) => schema::compare(old, new, &mut |path, kind| add(Place::Result(path), kind)),
        (Some(_), None) => add(Place::Result(String::new()), ChangeKind::Removed),
        (None, Some(_)) => add(Place::Result(String::new()), ChangeKind::Added { required: false }),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(parameters: &Value, output: Option<Value>) -> Value {
        let mut tool = json!({"name": "t", "description": "d", "parameters": parameters});
        if let Some(output) = output {
            tool["outputSchema"] = output;
        }
        json!([tool])
    }

    /// Returns the changes from one argument `a` to another, the breaking ones with `!`.
    fn of_argument(old: &Value, new: &Value) -> Vec<String> {
        let arguments = |schema: &Value| tool(&json!({"type": "object", "properties": {"a": schema}}), None);
        shown(&arguments(old), &arguments(new))
    }

    fn of_result(old: Value, new: Value) -> Vec<String> {
        shown(&tool(&json!({"type": "object"}), Some(old)), &tool(&json!({"type": "object"}), Some(new)))
    }

    fn shown(old: &Value, new: &Value) -> Vec<String> {
        let mark = |change: &ToolChange| if change.is_breaking() { "! " } else { "" };
        let changes = check_compat(old, new).unwrap();
        changes.iter().map(|change| format!("{}{change}", mark(change))).collect()
    }

    #[test]
    fn equal_tools_have_no_change() {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}}});
        assert!(shown(&tool(&schema, None), &tool(&schema, None)).is_empty());
    }

    #[test]
    fn a_removed_tool_breaks_and_an_added_one_does_not() {
        let (one, two) = (json!([{"name": "a"}]), json!([{"name": "b"}]));
        assert_eq!(shown(&one, &two), ["! a: the tool was removed", "b: the tool is new"]);
    }

    #[test]
    fn arguments_that_are_removed_or_required_break() {
        let of = |properties: Value, required: Value| {
            tool(&json!({"type": "object", "properties": properties, "required": required}), None)
        };
        let text = json!({"type": "string"});
        let old = of(json!({"kept": text, "gone": text, "must": text}), json!(["must"]));
        let new =
            of(json!({"kept": text, "may": text, "needed": text, "must": text}), json!(["kept", "needed"]));
        assert_eq!(
            shown(&old, &new),
            [
                "! t: argument `gone` was removed",
                "! t: argument `kept` is now required",
                "t: argument `may` is new",
                "t: argument `must` is now optional",
                "! t: argument `needed` is new and required",
            ]
        );
        let none = json!([{"name": "t", "description": "d"}]);
        let one = json!({"type": "object", "properties": {"x": text}, "additionalProperties": false});
        assert_eq!(
            shown(&none, &json!([{"name": "t", "description": "d", "parameters": one}])),
            ["t: argument `x` is new"]
        );
    }

    #[test]
    fn fewer_values_break_and_more_do_not() {
        for (narrow, wide, rule) in [
            (json!({"type": "integer"}), json!({"type": "number"}), "`type`"),
            (json!({"type": "string"}), json!({"type": ["string", "null"]}), "`type`"),
            (json!({"enum": ["a"]}), json!({"enum": ["a", "b"]}), "`enum`"),
            (json!({"const": "a"}), json!({"enum": ["a", "b"]}), "`enum`"),
            (json!({"minimum": 2}), json!({"minimum": 1}), "`minimum`"),
            (json!({"maximum": 2}), json!({}), "`maximum`"),
            (json!({"exclusiveMaximum": 2}), json!({"exclusiveMaximum": 3.5}), "`exclusiveMaximum`"),
            (json!({"minLength": 1}), json!({}), "`minLength`"),
            (json!({"maxItems": 1}), json!({"maxItems": 2}), "`maxItems`"),
            (json!({"uniqueItems": true}), json!({}), "`uniqueItems`"),
            (json!({"pattern": "a"}), json!({}), "`pattern`"),
            (json!({"format": "uri"}), json!({}), "`format`"),
            (json!({"additionalProperties": false}), json!({}), "`additionalProperties`"),
            (
                json!({"anyOf": [{"type": "string"}]}),
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                "`anyOf`",
            ),
        ] {
            let less = of_argument(&wide, &narrow);
            assert!(less.len() == 1 && less[0].starts_with("! t: argument `a` allows fewer"), "{less:?}");
            let more = of_argument(&narrow, &wide);
            assert!(more.len() == 1 && more[0].starts_with("t: argument `a` allows more"), "{more:?}");
            assert!(less[0].contains(rule) && more[0].contains(rule), "{less:?} {more:?}");
        }
    }

    #[test]
    fn a_changed_pattern_and_an_unknown_rule_break() {
        assert_eq!(
            of_argument(&json!({"pattern": "a"}), &json!({"pattern": "b"})),
            ["! t: argument `a` allows other values: `pattern` was \"a\" and is \"b\""]
        );
        let unknown = of_argument(&json!({}), &json!({"not": {"type": "null"}}));
        assert!(
            unknown.len() == 1 && unknown[0].starts_with('!') && unknown[0].contains("`not`"),
            "{unknown:?}"
        );
    }

    #[test]
    fn other_values_break_callers_and_readers() {
        for (old, new, rule) in [
            (json!({"type": "string"}), json!({"type": "integer"}), "`type`"),
            (json!({"type": ["string", "null"]}), json!({"type": ["string", "integer"]}), "`type`"),
            (json!({"enum": ["a", "b"]}), json!({"enum": ["b", "c"]}), "`enum`"),
            (json!({"const": "a"}), json!({"const": "b"}), "`enum`"),
            (
                json!({"prefixItems": [{"type": "integer"}, {"type": "string"}]}),
                json!({"prefixItems": [{"type": "string"}, {"type": "integer"}]}),
                "`prefixItems`",
            ),
            (json!({"prefixItems": [{}]}), json!({}), "`prefixItems`"),
            (json!({"format": "date"}), json!({"format": "date-time"}), "`format`"),
            (json!({"pattern": "a"}), json!({"pattern": "b"}), "`pattern`"),
            (
                json!({"oneOf": [{"type": "string"}, {"type": "null"}]}),
                json!({"oneOf": [{"type": "integer"}, {"type": "null"}]}),
                "`oneOf`",
            ),
            (json!({"anyOf": [{"format": "date"}]}), json!({"anyOf": [{"format": "date-time"}]}), "`anyOf`"),
        ] {
            for (old, new) in [(&old, &new), (&new, &old)] {
                let member = |schema: &Value| json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
                let changes = [of_argument(old, new), of_result(member(old), member(new))];
                for (changes, place) in changes.iter().zip(["argument `a`", "member `a` of the result"]) {
                    let expected = format!("! t: {place} allows other values: {rule} was ");
                    assert!(changes.len() == 1 && changes[0].starts_with(&expected), "{changes:?}");
                }
            }
        }
        // A rule that only restricts does not break the readers of a result.
        let not = (json!({}), json!({"not": {"type": "null"}}));
        assert!(of_result(not.0.clone(), not.1.clone())[0].starts_with("t: "));
        assert!(of_result(not.1, not.0)[0].starts_with("! "));
    }

    #[test]
    fn nested_places_have_paths() {
        let of = |most: u32| {
            json!({"type": "array", "items": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
                "$defs": {"B": {"maximum": most}}})
        };
        let root = |schema: Value| json!([{"name": "t", "parameters": {"properties": {"a": schema}, "$defs": {"B": schema["$defs"]["B"]}}}]);
        assert_eq!(
            shown(&root(of(2)), &root(of(1))),
            ["! t: argument `a[].b` allows fewer values: `maximum` was 2 and is 1"]
        );
    }

    #[test]
    fn results_break_the_other_way() {
        let of = |properties: Value, required: Value| json!({"properties": properties, "required": required});
        let (old, new) =
            (of(json!({"x": {}, "y": {}}), json!(["x"])), of(json!({"x": {}, "z": {}}), json!([])));
        assert_eq!(
            of_result(old, new),
            [
                "! t: member `x` of the result may now be absent",
                "! t: member `y` of the result was removed",
                "t: member `z` of the result is new",
            ]
        );
        let (few, many) = (json!({"enum": [1]}), json!({"enum": [1, 2]}));
        assert!(of_result(few.clone(), many.clone())[0].starts_with("! "));
        assert!(of_result(many, few)[0].starts_with("t: "));
        let none = tool(&json!({"type": "object"}), None);
        let some = tool(&json!({"type": "object"}), Some(json!({})));
        assert_eq!(shown(&some, &none), ["! t: the schema of the result was removed"]);
    }

    #[test]
    fn texts_defaults_and_options_do_not_break() {
        let old = json!([{"name": "t", "description": "x", "defer": "auto",
            "parameters": {"properties": {"a": {"description": "1", "default": 1}}}}]);
        let new = json!([{"name": "t", "description": "y",
            "parameters": {"properties": {"a": {"description": "2", "default": 2, "title": "T"}}}}]);
        assert_eq!(
            shown(&old, &new),
            [
                "t: the tool has another description",
                "t: the tool has another option: `defer` was \"auto\" and is absent",
                "t: argument `a` has another description",
                "t: argument `a` has another default: `default` was 1 and is 2",
            ]
        );
    }

    #[test]
    fn other_json_is_refused() {
        for wrong in [json!({}), json!([{"description": "no name"}]), json!([1])] {
            let error = check_compat(&wrong, &json!([])).unwrap_err();
            assert!(
                error.kind() == ErrorKind::InvalidInput && error.to_string().contains("the old tools"),
                "{error}"
            );
        }
    }
}

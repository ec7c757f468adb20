//! Asking for an answer of a type: the model gets the type's schema, and its reply is read as that type.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::clock::{Limits, turn_options};
use super::message::{Message, message_options};
use super::send::Sending;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::attachments::Attachment;
use crate::protocol::session::{AgentMode, DeliveryMode, JsonSchemaFormat, ResponseFormat};
use crate::session::handle::Session;
use crate::tools::schema_of;

/// The member that wraps a type that is not an object.
const WRAPPER: &str = "value";

/// Sends a message and waits for an answer of a type; await it. Made by [`Session::ask_as`].
///
/// # Cancel safety
///
/// As [`Session::ask_as`].
#[must_use = "a request does nothing until it is awaited"]
pub struct AskAsRequest<'a, T> {
    session: &'a Session,
    message: Message,
    limits: Limits,
    retries: u32,
    answer: PhantomData<fn() -> T>,
}

impl Session {
    /// Sends a message and waits for the agent's reply as a `T`: any type that implements [`serde::Deserialize`] and
    /// [`schemars::JsonSchema`], both of which can be derived. The model is given the schema of `T`, doc comments
    /// included, and what it replies is read as one.
    ///
    /// # Errors
    ///
    /// As [`Session::ask`], and of kind [`Decode`](ErrorKind::Decode) when the reply is no `T`; the error shows the
    /// reply. [`AskAsRequest::retries`] has the model try again.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::send`]; the agent continues with the message.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// /// How a review went.
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Verdict {
    ///     /// Whether the change can be merged.
    ///     approved: bool,
    ///     /// What is wrong with it.
    ///     problems: Vec<String>,
    /// }
    ///
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let verdict: Verdict = session.ask_as("Review the last commit.").retries(1).await?;
    /// assert!(verdict.approved, "{:?}", verdict.problems);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// CLIs up to 1.0.82 hand no schema on; there the message says it in words.
    ///
    /// Wire: `session.send`, `responseFormat`, to the CLI.
    pub fn ask_as<T: DeserializeOwned + JsonSchema>(
        &self,
        message: impl Into<Message>,
    ) -> AskAsRequest<'_, T> {
        AskAsRequest {
            session: self,
            message: message.into(),
            limits: Limits::DEFAULT,
            retries: 0,
            answer: PhantomData,
        }
    }
}

impl<T> AskAsRequest<'_, T> {
    message_options!(message.0);
    turn_options!();

    /// Sets how often the model gets the error of its reply and tries again. Default: 0.
    pub fn retries(mut self, times: u32) -> Self {
        self.retries = times;
        self
    }
}

impl<'a, T: DeserializeOwned + JsonSchema> IntoFuture for AskAsRequest<'a, T> {
    type Output = Result<T>;
    type IntoFuture = Sending<'a, T>;

    fn into_future(self) -> Self::IntoFuture {
        // The marker is a function and `Send`, but the future must not hold `T` across an await.
        let Self { session, mut message, limits, retries, .. } = self;
        Box::pin(async move {
            let Shape { format, wrapped } = shape::<T>();
            if session.0.link.compat.has_response_format() {
                message.0.response_format = Some(format);
            } else {
                message.0.prompt += &schema_in_words(&format);
            }
            let mut left = retries;
            // A retry is of the same turn: what goes with the text goes with it too, but for what was said already.
            let mut again = message.clone();
            again.0.attachments.clear();
            again.0.display_prompt = None;
            loop {
                session.can_wait("ask_as")?;
                let reply = session.begin(message, limits).await?.reply().await?;
                let problem = match read::<T>(reply.text(), wrapped) {
                    Ok(answer) => return Ok(answer),
                    Err(problem) => problem,
                };
                // An abort means that the agent must not try again.
                if left == 0 || reply.is_aborted() {
                    return Err(Error::with_source(
                        ErrorKind::Decode,
                        format!(
                            "the reply is not of the shape that was asked for ({problem}); it is {:?}",
                            reply.text()
                        ),
                        problem,
                    ));
                }
                left -= 1;
                message = again.clone();
                message.0.prompt = format!(
                    "Your reply does not fit the schema that was asked for: {problem}. Reply again, with nothing \
                     but JSON that fits it."
                );
            }
        })
    }
}

impl<T> fmt::Debug for AskAsRequest<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskAsRequest").field("message", &self.message).finish_non_exhaustive()
    }
}

/// The shape of the reply.
struct Shape {
    format: ResponseFormat,
    /// Whether the type stands in an object made for it.
    wrapped: bool,
}

/// Returns the schema as a part of the prompt, for CLIs that do not send it to the model.
fn schema_in_words(format: &ResponseFormat) -> String {
    let ResponseFormat::JsonSchema { json_schema } = format;
    format!("\n\nReply with nothing but JSON that fits this JSON schema: {}", json_schema.schema)
}

/// Models reply with objects; anything else is put into one.
fn shape<T: JsonSchema>() -> Shape {
    let mut schema = schema_of::<T>();
    let wrapped = schema["type"] != "object";
    if wrapped {
        let definitions = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
        schema = json!({"type": "object", "properties": {WRAPPER: schema}});
        if let Some(definitions) = definitions {
            schema["$defs"] = definitions;
        }
    }
    let strict = close(&mut schema);
    let json_schema = JsonSchemaFormat { name: "response", strict, schema };
    Shape { format: ResponseFormat::JsonSchema { json_schema }, wrapped }
}

/// The keywords whose members are schemas with names of the program.
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// The keywords whose values are schemas, or lists of them, except those that combine schemas. The values of all others
/// are data.
const NESTED: [&str; 13] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The keywords that combine schemas.
const COMBINED: [&str; 4] = ["$ref", "allOf", "anyOf", "oneOf"];

/// Closes every object and requires all of its members, as models want it that guarantee the shape of their replies.
/// Returns whether that was possible: a map has no list of members, and neither has an object whose members are listed in
/// several schemas.
fn close(schema: &mut Value) -> bool {
    close_part(schema, false)
}

/// As [`close`]; `is_part` is set for a schema that describes only some members of an object.
fn close_part(schema: &mut Value, is_part: bool) -> bool {
    let Value::Object(keywords) = schema else { return true };
    let is_combined = COMBINED.iter().any(|keyword| keywords.contains_key(*keyword));
    let has_others = keywords.get("additionalProperties").is_some_and(|others| *others != false)
        || keywords.contains_key("patternProperties");
    let is_closed = match keywords.get("properties") {
        Some(Value::Object(properties)) if !is_part && !is_combined && !has_others => {
            let names: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
            keywords.insert("required".to_owned(), names.into());
            keywords.insert("additionalProperties".to_owned(), false.into());
            true
        }
        Some(_) => false,
        None => !may_be_object(keywords) || (is_combined && !keywords.contains_key("type")),
    };
    let is_shared = is_part || keywords.contains_key("properties");
    let mut strict = is_closed;
    for (keyword, value) in keywords {
        let mut below = |schema: &mut Value, is_part: bool| strict &= close_part(schema, is_part);
        match (keyword.as_str(), value) {
            (name, Value::Object(named)) if NAMED.contains(&name) => {
                named.values_mut().for_each(|schema| below(schema, false));
            }
            ("allOf", Value::Array(all)) => all.iter_mut().for_each(|schema| below(schema, true)),
            ("anyOf" | "oneOf", Value::Array(any)) => {
                any.iter_mut().for_each(|schema| below(schema, is_shared));
            }
            (name, Value::Array(list)) if NESTED.contains(&name) => {
                list.iter_mut().for_each(|schema| below(schema, false));
            }
            (name, schema) if NESTED.contains(&name) => below(schema, false),
            _ => {}
        }
    }
    strict
}

/// Returns whether a schema accepts objects, as far as its type and values show.
fn may_be_object(keywords: &Map<String, Value>) -> bool {
    match keywords.get("type") {
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        Some(name) => name == "object",
        None => !["const", "enum"].iter().any(|keyword| keywords.contains_key(*keyword)),
    }
}

/// Reads a reply. Models that are not made to reply in JSON like to put it between fences.
fn read<T: DeserializeOwned>(text: &str, wrapped: bool) -> serde_json::Result<T> {
    let text = text.trim();
    let fenced = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    let text = fenced.map_or(text, |text| text.strip_prefix("json").unwrap_or(text));
    if !wrapped {
        return serde_json::from_str(text);
    }
    let mut members: std::collections::BTreeMap<String, Value> = serde_json::from_str(text)?;
    serde_json::from_value(members.remove(WRAPPER).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Inner {
        b: bool,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Outer {
        a: Option<i64>,
        inner: Vec<Inner>,
    }

    fn of<T: JsonSchema>() -> (Value, bool) {
        let shape = shape::<T>();
        let wire = serde_json::to_value(shape.format).unwrap();
        assert_eq!(wire["type"], "json_schema");
        (wire["jsonSchema"].clone(), shape.wrapped)
    }

    #[test]
    fn objects_are_closed_and_their_members_required() {
        let (format, wrapped) = of::<Outer>();
        assert!(!wrapped);
        assert_eq!(format["strict"], true);
        assert_eq!(format["schema"]["required"], json!(["a", "inner"]));
        assert_eq!(format["schema"]["additionalProperties"], false);
        let inner = &format["schema"]["properties"]["inner"]["items"];
        assert_eq!(inner["required"], json!(["b"]), "{format:#}");
    }

    #[test]
    fn a_type_that_is_not_an_object_is_wrapped() {
        let (format, wrapped) = of::<Vec<i64>>();
        assert!(wrapped);
        assert_eq!(format["schema"]["properties"]["value"]["type"], "array");
        assert_eq!(read::<Vec<i64>>(r#"{"value":[1,2]}"#, true).unwrap(), [1, 2]);
        assert!(read::<Vec<i64>>("[1,2]", true).is_err());
    }

    #[test]
    fn maps_are_asked_for_without_a_guarantee() {
        assert_eq!(of::<std::collections::BTreeMap<String, i64>>().0["strict"], false);
    }

    #[test]
    fn alternatives_are_closed_too_and_data_is_left_as_it_is() {
        let open = json!({"type": "object"});
        let closed = || json!({"type": "object", "properties": {"a": {"type": "null"}}});
        let mut schema =
            json!({"properties": {"b": {"anyOf": [closed(), {"type": "null"}]}}, "default": closed()});
        assert!(close(&mut schema));
        assert_eq!(schema["properties"]["b"]["anyOf"][0]["additionalProperties"], false);
        assert_eq!(schema["default"], closed());
        for alternatives in [json!([open, closed()]), json!([closed(), open])] {
            assert!(!close(&mut json!({"anyOf": alternatives})));
        }
    }

    #[test]
    fn members_with_the_names_of_keywords_are_members() {
        let inner = || json!({"type": "object", "properties": {"b": {"type": "boolean"}}});
        let names = [
            "properties",
            "default",
            "enum",
            "const",
            "examples",
            "$defs",
            "required",
            "additionalProperties",
        ];
        for name in names {
            let mut schema =
                json!({"type": "object", "properties": {name: inner()}, "$defs": {name: inner()}});
            assert!(close(&mut schema));
            let mut closed = inner();
            closed["required"] = json!(["b"]);
            closed["additionalProperties"] = false.into();
            let expected = json!({
                "type": "object", "properties": {name: closed}, "$defs": {name: closed},
                "required": [name], "additionalProperties": false,
            });
            assert_eq!(schema, expected);
        }
        let mut map = json!({"type": "object", "properties": {"default": {"type": "object"}}});
        assert!(!close(&mut map), "a map below a member with the name of a keyword");
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Kind {
        Text(String),
        Pair { left: Inner, right: Inner },
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Flattened {
        a: i64,
        #[serde(flatten)]
        kind: Kind,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct WithOthers {
        a: i64,
        #[serde(flatten)]
        others: std::collections::BTreeMap<String, i64>,
    }

    #[test]
    fn an_object_whose_members_are_not_in_one_list_stays_open() {
        for (format, reply) in [
            (of::<Flattened>().0, json!({"a": 1, "Text": "x"})),
            (of::<Flattened>().0, json!({"a": 1, "Pair": {"left": {"b": true}, "right": {"b": false}}})),
            (of::<WithOthers>().0, json!({"a": 1, "x": 2})),
        ] {
            assert_eq!(format["strict"], false);
            assert!(jsonschema::is_valid(&format["schema"], &reply), "{reply} {format:#}");
            let wrong = json!({"a": "not a number", "Text": "x"});
            assert!(!jsonschema::is_valid(&format["schema"], &wrong), "{format:#}");
        }
    }

    #[test]
    fn values_that_may_be_any_object_are_asked_for_without_a_guarantee() {
        type Maps = Vec<Option<std::collections::BTreeMap<String, i64>>>;
        for (format, _) in [of::<Maps>(), of::<Value>(), of::<Vec<Value>>()] {
            assert_eq!(format["strict"], false, "{format:#}");
        }
        for (format, _) in [of::<Option<Outer>>(), of::<(bool, String)>(), of::<Vec<Option<Inner>>>()] {
            assert_eq!(format["strict"], true, "{format:#}");
        }
    }

    #[test]
    fn replies_between_fences_are_read() {
        let expected = Outer { a: None, inner: vec![Inner { b: true }] };
        let json = r#"{"a":null,"inner":[{"b":true}]}"#;
        for text in [json.to_owned(), format!("```json\n{json}\n```"), format!(" ```\n{json}\n``` ")] {
            assert_eq!(read::<Outer>(&text, false).unwrap(), expected);
        }
        assert!(read::<Outer>("I cannot do that.", false).is_err());
    }
}

//! `elicitation.requested` and `session.ui.*`: a form for the user to fill in.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The form in which an elicitation is shown.
    ElicitationMode {
        /// The user fills in fields.
        Form = "form",
        /// The user opens a web page.
        Url = "url",
    }
}

vocabulary! {
    /// The user's reaction to a form.
    ElicitationAction {
        /// The user filled in the form.
        Accept = "accept",
        /// The user refused to fill in the form.
        Decline = "decline",
        /// The user closed the form without an answer.
        Cancel = "cancel",
    }
}

/// The payload of `elicitation.requested`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ElicitationRequested<'a> {
    pub(crate) request_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) message: Cow<'a, str>,
    #[serde(default)]
    pub(crate) mode: Option<ElicitationMode>,
    /// The schema unchanged: a form shows its fields in the order in which they are written.
    #[serde(default)]
    pub(crate) requested_schema: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) elicitation_source: Option<String>,
    #[serde(default)]
    pub(crate) tool_call_id: Option<Box<str>>,
}

/// The response to a form.
#[derive(Clone, Debug, PartialEq, Serialize, Decode)]
#[non_exhaustive]
#[must_use]
pub struct ElicitationResponse {
    /// The user's reaction to the form.
    pub action: ElicitationAction,
    /// The values of the fields by name; `None` unless the form was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

/// The parameters of `session.ui.handlePendingElicitation`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ElicitationAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    pub(crate) result: &'a ElicitationResponse,
}

/// The parameters of `session.ui.elicitation`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ElicitationParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) message: &'a str,
    pub(crate) requested_schema: &'a RawValue,
}

/// A form with one field.
#[derive(Debug, Serialize)]
pub(crate) struct OneField<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) properties: Property<'a>,
    pub(crate) required: [&'static str; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Property<'a> {
    Confirmed(BooleanField),
    Selection(SelectField<'a>),
    Value(&'a TextField),
}

#[derive(Debug, Serialize)]
pub(crate) struct BooleanField {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) default: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct SelectField<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(rename = "enum")]
    pub(crate) options: &'a [String],
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TextField {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<TextFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
}

vocabulary! {
    /// The format that a text must have.
    TextFormat {
        /// An email address in the usual form.
        Email = "email",
        /// A URI with its scheme.
        Uri = "uri",
        /// A date without a time.
        Date = "date",
        /// A date and a time.
        DateTime = "date-time",
    }
}

impl<'a> OneField<'a> {
    pub(crate) fn new(property: Property<'a>) -> Self {
        let name = match property {
            Property::Confirmed(_) => "confirmed",
            Property::Selection(_) => "selection",
            Property::Value(_) => "value",
        };
        Self { kind: "object", properties: property, required: [name] }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn a_form_of_1_0_102_is_read_with_its_schema_untouched() {
        let text = r#"{"requestId":"r","message":"Pick","requestedSchema":{"type":"object","properties":{"z":{},"a":{}}},"toolCallId":"c"}"#;
        let asked: ElicitationRequested<'_> = decode::answer(text).unwrap();
        assert_eq!((&*asked.request_id, &*asked.message), ("r", "Pick"));
        let schema = asked.requested_schema.unwrap().get();
        assert_eq!(schema, r#"{"type":"object","properties":{"z":{},"a":{}}}"#);
    }

    #[test]
    fn what_became_of_a_form_round_trips() {
        for wire in [
            json!({"action": "accept", "content": {"colour": "red"}}),
            json!({"action": "decline"}),
            json!({"action": "never heard of"}),
        ] {
            let elicited: ElicitationResponse = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(elicited).unwrap(), wire);
        }
    }

    #[test]
    fn forms_with_one_field_are_schemas() {
        let wire = |property| serde_json::to_value(OneField::new(property)).unwrap();
        assert_eq!(
            wire(Property::Confirmed(BooleanField { kind: "boolean", default: true })),
            json!({"type": "object", "properties": {"confirmed": {"type": "boolean", "default": true}},
                   "required": ["confirmed"]})
        );
        let options = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            wire(Property::Selection(SelectField { kind: "string", options: &options }))["properties"],
            json!({"selection": {"type": "string", "enum": ["a", "b"]}})
        );
        let text = TextField { kind: "string", min_length: Some(1), ..TextField::default() };
        assert_eq!(
            wire(Property::Value(&text))["properties"],
            json!({"value": {"type": "string", "minLength": 1}})
        );
    }
}

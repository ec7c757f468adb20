//! The envelopes of incoming messages of JSON-RPC 2.0. Pure.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::protocol::decode::{self, Decode};
use crate::protocol::scan::{OTHER, Scan, Scanner};

/// The code of the answer to a request that the other side cancelled.
pub(super) const REQUEST_CANCELLED: i64 = -32800;
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INTERNAL_ERROR: i64 = -32603;

/// The notification that cancels a request.
pub(super) const CANCEL: &str = "$/cancelRequest";

/// The parameters of [`CANCEL`].
#[derive(Debug, Decode)]
pub(super) struct CancelParams<'a> {
    pub(super) id: &'a RawValue,
}

/// The parameters of a method that takes none.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct NoParams {}

/// One incoming message. Payloads stay JSON text, except `params`, whose type the service chooses, so that a frequent
/// notification is decoded in one pass.
#[derive(Debug, Decode)]
pub(super) struct Incoming<'a, P> {
    #[serde(default)]
    pub(super) id: Option<&'a RawValue>,
    /// Borrowed, so a name with escapes does not decode; no method has one.
    #[serde(default)]
    pub(super) method: Option<&'a str>,
    #[serde(default = "none")]
    pub(super) params: Option<P>,
    #[serde(default)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) error: Option<&'a RawValue>,
}

fn none<P>() -> Option<P> {
    None
}

impl<P> Default for Incoming<'_, P> {
    fn default() -> Self {
        Self { id: None, method: None, params: None, result: None, error: None }
    }
}

impl<'a, P: Scan<'a>> Scan<'a> for Incoming<'a, P> {
    #[inline]
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
        Some(match name {
            "method" => {
                self.method = Some(scanner.text()?);
                0
            }
            "params" => {
                scanner.object(self.params.insert(P::default()))?;
                1
            }
            "id" => {
                self.id = scanner.value()?;
                2
            }
            "result" => {
                self.result = scanner.value()?;
                3
            }
            "error" => {
                self.error = scanner.value()?;
                4
            }
            "jsonrpc" => {
                scanner.text()?;
                OTHER
            }
            _ => scanner.other()?,
        })
    }
}

/// A message whose payload is not decoded, to distinguish a payload of the wrong shape from a frame that is not JSON.
pub(super) type Envelope<'a> = Incoming<'a, &'a RawValue>;

/// A value that any JSON decodes as.
pub(super) type AnyJson = IgnoredAny;

/// A JSON-RPC error object of the CLI, which sometimes has no message.
#[derive(Clone, Debug, Decode)]
pub(super) struct Failure<'a> {
    #[serde(default)]
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: Cow<'a, str>,
    #[serde(default)]
    pub(super) data: Option<Box<RawValue>>,
}

impl Failure<'_> {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Failure<'static> {
        Failure { code, message: Cow::Owned(message.into()), data: None }
    }

    /// Reads an error object; any other value becomes the message of an error.
    pub(super) fn read(raw: &RawValue) -> Failure<'static> {
        match decode::event::<Failure<'_>>(raw.get()) {
            Ok(Failure { code, message, data }) => {
                Failure { code, message: message.into_owned().into(), data }
            }
            Err(_) => Failure::new(INTERNAL_ERROR, raw.get().to_owned()),
        }
    }

    /// Returns the error for the caller of `method`; `remote` is the version of the CLI, once it is known.
    pub(super) fn into_error(self, method: &str, remote: Option<&str>) -> Error {
        // The CLI puts the method before the texts of its failures, and so does the error.
        let prefix = self.message.strip_prefix("Request ").and_then(|rest| rest.strip_prefix(method));
        let text =
            prefix.and_then(|rest| rest.strip_prefix(" failed with message: ")).unwrap_or(&self.message);
        let (kind, message) = match (self.code, text) {
            (METHOD_NOT_FOUND, _) => {
                let cli = remote.map_or_else(String::new, |remote| format!(" {remote}"));
                (ErrorKind::Unsupported, format!("{method}: the running CLI{cli} does not have this method"))
            }
            (code, "") => (ErrorKind::Response, format!("{method}: the CLI answered with error {code}")),
            (code, message) => (ErrorKind::Response, format!("{method}: {message} (error {code})")),
        };
        // Data that nests too deeply for a `Value` is dropped; the error is reported all the same.
        let data = self.data.and_then(|data| serde_json::from_str(data.get()).ok());
        Error::response(kind, message, self.code, data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::events::EventHead;

    /// An object of members of any kind, some of which are not JSON.
    fn object(values: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        let names = [
            "id",
            "method",
            "jsonrpc",
            "result",
            "error",
            "params",
            "type",
            "timestamp",
            "parentId",
            "agentId",
            "ephemeral",
            "data",
            "other",
            "i\\u0064",
            "é",
        ];
        let member = (select(names.to_vec()), values).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        (vec(member, 0..6), select(vec![",", ",", ",", ", ", ",,"]))
            .prop_map(|(members, separator)| format!("{{{}}}", members.join(separator)))
    }

    fn value() -> impl Strategy<Value = String> {
        let values = [
            "null",
            "true",
            "false",
            "7",
            "-1.5e3",
            "01",
            "\"\"",
            "\"text\"",
            "\"\\n\"",
            "\"a\nb\"",
            "\"é\"",
            "\"open",
            "{}",
            "[1,{\"a\":\"}\"}]",
            "[1,]",
            "{\"a\"}",
            "\"session.idle\"",
            "",
            " 1",
        ];
        select(values.to_vec()).prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn a_message_of_the_usual_form_is_read_as_serde_decodes_it(
            message in object(prop_oneof![3 => value(), 1 => object(value())])
        ) {
            let mut scanned: Incoming<'_, EventHead<'_>> = Incoming::default();
            if Scanner::read(&message, &mut scanned).is_some() {
                let decoded: Incoming<'_, EventHead<'_>> = decode::answer(&message).unwrap();
                prop_assert_eq!(format!("{scanned:?}"), format!("{decoded:?}"));
            }
        }
    }

    #[test]
    fn a_usual_message_is_read_without_serde() {
        let event = r#"{"jsonrpc":"2.0","method":"session.event","params":{"type":"session.idle","id":"a",
            "timestamp":"2026-01-02T03:04:05.678Z","parentId":null,"ephemeral":true,"data":{"a":1}}}"#;
        let event = event.replace(['\n', ' '], "");
        let mut read: Incoming<'_, EventHead<'_>> = Incoming::default();
        Scanner::read(&event, &mut read).unwrap();
        assert_eq!(read.params.unwrap().data().get(), r#"{"a":1}"#);
        let mut read: Incoming<'_, EventHead<'_>> = Incoming::default();
        Scanner::read(r#"{"jsonrpc":"2.0","id":7,"result":{"a":[]}}"#, &mut read).unwrap();
        assert_eq!(read.result.unwrap().get(), r#"{"a":[]}"#);
    }

    fn error(json: &str) -> String {
        let raw = serde_json::from_str::<&RawValue>(json).unwrap();
        Failure::read(raw).into_error("ping", Some("1.0.32 (protocol 3)")).to_string()
    }

    #[test]
    fn every_shape_of_error_has_a_message() {
        assert_eq!(error(r#"{"code":-1,"message":"no"}"#), "ping: no (error -1)");
        assert_eq!(
            error(r#"{"code":-1,"message":"Request ping failed with message: no: a"}"#),
            "ping: no: a (error -1)"
        );
        assert_eq!(
            error(r#"{"code":-1,"message":"Request pi failed with message: no"}"#),
            "ping: Request pi failed with message: no (error -1)"
        );
        assert_eq!(error(r#"{"code":-32001}"#), "ping: the CLI answered with error -32001");
        assert_eq!(
            error(r#"{"code":-32601,"message":"Unhandled method ping"}"#),
            "ping: the running CLI 1.0.32 (protocol 3) does not have this method"
        );
        assert_eq!(error(r#""odd""#), r#"ping: "odd" (error -32603)"#);
    }

    #[test]
    fn code_and_data_reach_the_error() {
        let error = |data: &str| {
            let json = format!(r#"{{"code":-7,"message":"no","data":{data}}}"#);
            Failure::read(serde_json::from_str(&json).unwrap()).into_error("ping", None)
        };
        let with_data = error(r#"{"retryAfter":3}"#);
        assert_eq!((with_data.kind(), with_data.code()), (ErrorKind::Response, Some(-7)));
        assert_eq!(with_data.data().unwrap()["retryAfter"], 3);
        assert_eq!(error("null").data(), None);
        let deep = error(&("[".repeat(500) + &"]".repeat(500)));
        assert_eq!((deep.to_string().as_str(), deep.data()), ("ping: no (error -7)", None));
        let unknown = Failure::new(METHOD_NOT_FOUND, "Unhandled method").into_error("ping", None);
        assert_eq!((unknown.kind(), unknown.code()), (ErrorKind::Unsupported, Some(METHOD_NOT_FOUND)));
    }
}

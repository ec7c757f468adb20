//! The payloads of events, by family.
//!
//! A payload has no invariants beyond its members: each member that was not sent, or is `null`, has its default.

/// Declares payloads. A member that was not sent has its default.
macro_rules! payload {
    ($(
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$about:meta])* pub $member:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, crate::protocol::decode::Decode)]
        #[serde(rename_all = "camelCase", default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$about])* pub $member: $type,)*
        }
    )*};
}

/// Declares a choice between payloads, which the member `type` makes.
macro_rules! tagged {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$about:meta])* $variant:ident($payload:ty) = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant($payload),)*
            /// A `type` that this version of the library does not know, as it is on the wire.
            Other(serde_json::Value),
        }

        #[cfg(test)]
        impl $name {
            /// Checks each payload; gives the names of the types in them.
            pub(in crate::events) fn check_absent() -> std::collections::BTreeSet<String> {
                let mut seen = std::collections::BTreeSet::new();
                $(seen.extend(crate::protocol::decode::tests::check_event::<$payload>());)*
                seen
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(serde_json::Value::Null)
            }
        }

        impl<'de> $crate::protocol::decode::Decode<'de> for $name {
            fn decode(
                reader: &mut $crate::protocol::decode::Reader<'de>,
            ) -> $crate::protocol::decode::Result<Self> {
                match &*super::tag_of(reader.peek()?) {
                    $($word => $crate::protocol::decode::Decode::decode(reader).map(Self::$variant),)*
                    _ => $crate::protocol::decode::Decode::decode(reader).map(Self::Other),
                }
            }

            $crate::protocol::decode::sample!({"raw": 1});
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value: serde_json::Value = serde::Deserialize::deserialize(deserializer)?;
                $crate::protocol::decode::event(&value.to_string()).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) mod agent;
pub(super) mod assistant;
pub(super) mod attachment;
pub(super) mod changes;
pub(super) mod citation;
pub(super) mod context;
pub(super) mod mcp;
pub(super) mod permission;
pub(super) mod question;
pub(super) mod sandbox;
pub(super) mod session;
pub(super) mod shutdown;
pub(super) mod tool;
pub(super) mod tool_result;
pub(super) mod usage;

use crate::protocol::decode::{self, Decode};

/// The `type` of an object; empty where it has none.
fn tag_of(text: &str) -> String {
    #[derive(Decode)]
    struct Tagged {
        #[serde(rename = "type")]
        tag: String,
    }
    decode::event(text).map(|tagged: Tagged| tagged.tag).unwrap_or_default()
}

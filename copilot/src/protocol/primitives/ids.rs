//! Identifiers, each with a separate type so that they cannot be mixed up.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

use crate::protocol::decode::{self, Decode, Reader};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<Arc<str>> for $name {
            fn from(text: Arc<str>) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl Default for $name {
            /// Returns the empty id, for a member that the CLI did not send.
            fn default() -> Self {
                Self(empty())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text).map(Self)
            }
        }

        impl<'de> Decode<'de> for $name {
            const HAS_ABSENT_FORM: bool = false;

            fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
                reader.text().map(|text| Self(text.into()))
            }

            decode::sample!("x");
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
    };
}

/// The empty text, which payloads begin with before their fields are read: shared, so that it costs nothing.
fn empty() -> Arc<str> {
    static EMPTY: LazyLock<Arc<str>> = LazyLock::new(|| "".into());
    Arc::clone(&EMPTY)
}

/// Reads a string straight into its shared form.
struct Text;

impl Visitor<'_> for Text {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(text.into())
    }
}

id! {
    /// Names a session, live or on disk.
    SessionId
}
id! {
    /// Names a message of a session: one of the user, such as [`Session::send`](crate::Session::send) returns, or one of
    /// the agent.
    ///
    /// An answer of the agent has a separate id; that of the message which it answers is in
    /// [`originating_message_id`](crate::events::AssistantMessage::originating_message_id).
    MessageId
}
id! {
    /// Names a question of the CLI that waits for an answer.
    RequestId
}
id! {
    /// Names one call of a tool, as the model made it.
    ToolCallId
}

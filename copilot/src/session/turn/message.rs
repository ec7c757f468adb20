//! A message to the agent, and the setters of its options.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::Result;
use crate::protocol::attachments::{Attachment, PathKind};
use crate::protocol::session::{AgentMode, DeliveryMode, SendOptions};
use crate::session::paths::Files;

/// A message to the agent: a text with its attachments and options. A string is a message.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Message(pub(super) SendOptions);

impl Message {
    /// A message of this text.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self(SendOptions { prompt: prompt.into(), ..SendOptions::default() })
    }
}

impl<S: Into<String>> From<S> for Message {
    fn from(prompt: S) -> Self {
        Self::new(prompt)
    }
}

/// The options of a message, for the message and for each request alike.
macro_rules! message_options {
    ($($field:tt)+) => {
        /// Adds something that goes with the message.
        pub fn attach(mut self, attachment: Attachment) -> Self {
            self.$($field)+.attachments.push(attachment);
            self
        }

        /// Says what happens when the agent is at work: wait for its turn (the default), or steer.
        pub fn delivery(mut self, mode: DeliveryMode) -> Self {
            self.$($field)+.mode = Some(mode);
            self
        }

        /// Says how the agent works on this message.
        pub fn mode(mut self, mode: AgentMode) -> Self {
            self.$($field)+.agent_mode = Some(mode);
            self
        }

        /// Sets the text that the history shows in place of the prompt.
        pub fn display_prompt(mut self, text: impl Into<String>) -> Self {
            self.$($field)+.display_prompt = Some(text.into());
            self
        }

        /// Adds a header to the requests that the model's provider gets for this message.
        pub fn request_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.$($field)+.request_headers.insert(name.into(), value.into().into());
            self
        }

        /// The trace that the message belongs to.
        pub fn trace_context(mut self, context: $crate::protocol::trace::TraceContext) -> Self {
            self.$($field)+.trace = context;
            self
        }

        /// Sets a member of `session.send` that has no method here.
        pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
            self.$($field)+.raw.insert(member.into(), value.into());
            self
        }
    };
}

pub(super) use message_options;

impl Message {
    message_options!(0);

    /// Returns the message with absolute paths. Fails when a file does not exist.
    pub(in crate::session) fn resolve(&self, files: &Files) -> Result<Cow<'_, SendOptions>> {
        let mut message = Cow::Borrowed(&self.0);
        for at in 0..message.attachments.len() {
            let Some((kind, path)) = message.attachments[at].path() else { continue };
            let setter = match kind {
                PathKind::File => "Attachment::file",
                PathKind::Directory => "Attachment::directory",
                PathKind::Text => "Attachment::selection",
            };
            let absolute = files.existing(setter, path, kind)?;
            if absolute != path {
                Attachment::set_path(&mut message.to_mut().attachments[at], absolute);
            }
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_attachments_become_absolute() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.rs"), "").unwrap();
        let at = |path: &str| root.path().join(path).to_str().unwrap().to_owned();
        let files = Files::here(root.path().to_owned(), true);
        let directory = root.path().to_str().unwrap();
        let message =
            Message::new("?").attach(Attachment::file("a.rs")).attach(Attachment::directory(directory));
        let resolved = message.resolve(&files).unwrap();
        let wire = serde_json::to_value(&*resolved).unwrap();
        assert_eq!(wire["attachments"][0]["path"], at("a.rs"));
        assert_eq!(wire["attachments"][0]["displayName"], "a.rs");
        assert_eq!(wire["attachments"][1]["path"], directory);
    }

    #[test]
    fn an_attachment_that_does_not_exist_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let files = Files::here(root.path().to_owned(), true);
        for (attachment, why) in [
            (Attachment::file("missing"), "missing\", which does not exist"),
            (Attachment::directory("missing"), "missing\", which does not exist"),
            (Attachment::file("."), "directory, not a file"),
            (Attachment::directory("file"), "not a directory"),
            (Attachment::file(""), "empty"),
        ] {
            let refused = Message::new("?").attach(attachment).resolve(&files).unwrap_err().to_string();
            assert!(refused.contains("`Attachment::") && refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn attachments_elsewhere_stay_unchanged() {
        for path in ["/no/such/file", r"C:\no\such", r"\\server\no\such"] {
            let message = Message::new("?").attach(Attachment::file(path));
            assert!(matches!(message.resolve(&Files::ELSEWHERE), Ok(Cow::Borrowed(_))));
        }
    }
}

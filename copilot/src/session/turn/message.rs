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

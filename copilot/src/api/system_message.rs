//! The system message of a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::system_message::{
    SectionChange, SectionContent, SystemMessageConfig, TransformSections,
};
use crate::rpc::Responder;
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::{BoxError, Handler, IntoAnswer};
use crate::sorted::SortedMap;
use crate::task;

pub use crate::protocol::system_message::Section;

/// The closures that rewrite sections, by section.
pub(crate) type Transforms = SortedMap<Handler<String, String>>;

/// The system message, which the model reads before the conversation. Wire: `session.create`, `systemMessage`.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::system_message::{Section, SystemMessage};
///
/// let builder = Session::builder().system_message(
///     SystemMessage::customize()
///         .append(Section::Guidelines, "Answer in one sentence.")
///         .remove(Section::Tone)
///         .transform(Section::Identity, |text| async move { text.replace("assistant", "butler") }),
/// );
/// # drop(builder);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SystemMessage {
    config: SystemMessageConfig,
    transforms: Transforms,
}

impl SystemMessage {
    /// Appends a text to the CLI's system message.
    pub fn append(content: impl Into<String>) -> Self {
        SystemMessageConfig::Append { content: content.into() }.into()
    }

    /// Replaces the CLI's system message.
    pub fn replace(content: impl Into<String>) -> Self {
        SystemMessageConfig::Replace { content: content.into() }.into()
    }

    /// Changes sections of the CLI's system message; the others stay unchanged.
    pub fn customize() -> CustomSystemMessage {
        CustomSystemMessage::default()
    }
}

impl From<SystemMessageConfig> for SystemMessage {
    fn from(config: SystemMessageConfig) -> Self {
        Self { config, transforms: Transforms::new() }
    }
}

/// Changes to sections of the CLI's system message, which convert into a [`SystemMessage`]. Returned by
/// [`SystemMessage::customize`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CustomSystemMessage {
    content: Option<String>,
    sections: BTreeMap<String, SectionChange>,
    transforms: Transforms,
}

impl CustomSystemMessage {
    /// Appends a text to a section.
    pub fn append(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Append { content: content.into() })
    }

    /// Prepends a text to a section.
    pub fn prepend(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Prepend { content: content.into() })
    }

    /// Replaces a section.
    pub fn replace(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Replace { content: content.into() })
    }

    /// Removes a section.
    pub fn remove(self, section: impl Into<Section>) -> Self {
        self.change(section.into().as_str(), SectionChange::Remove)
    }

    /// Preserves a section, even if the section that contains it is changed.
    pub fn preserve(self, section: impl Into<Section>) -> Self {
        self.change(section.into().as_str(), SectionChange::Preserve)
    }

    /// Runs when the CLI builds the system message; returns the new text of a section. When the closure fails, the
    /// section stays unchanged.
    ///
    /// Wire: `systemMessage.transform`, from the CLI.
    pub fn transform<F, R>(
        mut self,
        section: impl Into<Section>,
        rewrite: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<String>,
    {
        let section = section.into();
        self = self.change(section.as_str(), SectionChange::Transform);
        self.transforms.insert(section.as_str().to_owned(), Handler::new(rewrite));
        self
    }

    /// Sets a text after the sections. Default: none.
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    fn change(mut self, section: &str, change: SectionChange) -> Self {
        self.transforms.remove(section);
        self.sections.insert(section.to_owned(), change);
        self
    }
}

impl From<CustomSystemMessage> for SystemMessage {
    fn from(custom: CustomSystemMessage) -> Self {
        let CustomSystemMessage { content, sections, transforms } = custom;
        Self { config: SystemMessageConfig::Customize { content, sections }, transforms }
    }
}

impl SessionBuilder {
    /// Sets the system message, which the model reads before the conversation. Default: the CLI's.
    ///
    /// Wire: `session.create`, `systemMessage`.
    pub fn system_message(mut self, message: impl Into<SystemMessage>) -> Self {
        let SystemMessage { config, transforms } = message.into();
        if matches!(config, SystemMessageConfig::Customize { .. }) {
            self.settings.features.push("SystemMessage::customize");
        }
        self.settings.members.set("systemMessage", config);
        self.settings.state.set(transforms);
        self
    }
}

fn sections_to_transform(session: &Arc<SessionCore>, mut asked: TransformSections, responder: Responder) {
    let transforms: Vec<_> = asked
        .sections
        .keys()
        .filter_map(|section| Some((section.clone(), session.topic::<Transforms>()?.get(section)?.clone())))
        .collect();
    if transforms.is_empty() {
        return responder.ok(&asked);
    }
    let question = Question::request("transform", "a system message", &responder);
    let inbox = Arc::clone(session);
    let work = async move {
        for (section, transform) in transforms {
            let Some(SectionContent { content }) = asked.sections.get_mut(&section) else { continue };
            match task::catch(transform.ask(content.clone())).await {
                Ok(Ok(rewritten)) => *content = rewritten,
                // A failure must not stop the other sections.
                Ok(Err(error)) => inbox.handler_failed("transform", error),
                Err(panic) => inbox.handler_failed("transform", format!("it panicked: {panic}").into()),
            }
        }
        Ok::<_, BoxError>(asked)
    };
    session.consult(question, work, |_, sections| match sections {
        Some(sections) => responder.ok(&sections),
        // The session is being closed, and the CLI no longer needs the sections.
        None => drop(responder),
    });
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[("systemMessage", "system_message")],
    requests: &[("systemMessage.transform", |session, params, responder| {
        session.read("systemMessage.transform", params, responder, sections_to_transform);
    })],
    ..Topic::NONE
};

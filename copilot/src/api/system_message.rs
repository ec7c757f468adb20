//! What the model is told before the conversation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::system_message::{
    SectionChange, SectionContent, SystemMessageConfig, TransformSections,
};
use crate::rpc::Responder;
use crate::session::SessionBuilder;
use crate::session::core::Inbox;
use crate::session::core::consult::Question;
use crate::session::core::handler::{BoxError, Handler, IntoAnswer};
use crate::session::core::topic::Topic;
use crate::task;

pub use crate::protocol::system_message::Section;

/// The closures that rewrite sections, by section.
pub(crate) type Transforms = BTreeMap<String, Handler<String, String>>;

/// What the model is told before the conversation. Wire: `session.create`, `systemMessage`.
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
    /// Adds to what the CLI says.
    pub fn append(content: impl Into<String>) -> Self {
        SystemMessageConfig::Append { content: content.into() }.into()
    }

    /// Stands in place of everything that the CLI says.
    pub fn replace(content: impl Into<String>) -> Self {
        SystemMessageConfig::Replace { content: content.into() }.into()
    }

    /// Changes what the CLI says section by section; a section that is not named stays as it is.
    pub fn customize() -> CustomSystemMessage {
        CustomSystemMessage::default()
    }
}

impl From<SystemMessageConfig> for SystemMessage {
    fn from(config: SystemMessageConfig) -> Self {
        Self { config, transforms: Transforms::new() }
    }
}

/// Changes to sections of what the CLI says. Made by [`SystemMessage::customize`]; it is a [`SystemMessage`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CustomSystemMessage {
    content: Option<String>,
    sections: BTreeMap<String, SectionChange>,
    transforms: Transforms,
}

impl CustomSystemMessage {
    /// Adds to the end of a section.
    pub fn append(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Append { content: content.into() })
    }

    /// Adds to the beginning of a section.
    pub fn prepend(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Prepend { content: content.into() })
    }

    /// Stands in place of a section.
    pub fn replace(self, section: impl Into<Section>, content: impl Into<String>) -> Self {
        self.change(section.into().as_str(), SectionChange::Replace { content: content.into() })
    }

    /// Leaves a section out.
    pub fn remove(self, section: impl Into<Section>) -> Self {
        self.change(section.into().as_str(), SectionChange::Remove)
    }

    /// Keeps a section, even where the one that it is part of is changed.
    pub fn preserve(self, section: impl Into<Section>) -> Self {
        self.change(section.into().as_str(), SectionChange::Preserve)
    }

    /// Has the program rewrite a section. A closure that fails leaves it as it is.
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

    /// Adds a text after the sections.
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
    /// What the model is told before the conversation.
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

fn sections_to_transform(session: &Arc<Inbox>, mut asked: TransformSections, responder: Responder) {
    let transforms: Vec<_> = asked
        .sections
        .keys()
        .filter_map(|section| session.topic::<Transforms>()?.get_key_value(section))
        .map(|(section, transform)| (section.clone(), transform.clone()))
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
                // The other sections are still to be rewritten.
                Ok(Err(error)) => inbox.handler_failed("transform", error),
                Err(panic) => inbox.handler_failed("transform", format!("it panicked: {panic}").into()),
            }
        }
        Ok::<_, BoxError>(asked)
    };
    session.consult(question, work, |_, sections| match sections {
        Some(sections) => responder.ok(&sections),
        // The session is being closed, and nobody reads the sections.
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
